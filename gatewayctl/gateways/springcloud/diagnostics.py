"""Says why a service cannot get its rule, and what people should know about an edit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule, Files
from gatewayctl.gateways.springcloud.locate import OLD, SpringFile, UneditableRoutes
from gatewayctl.gateways.springcloud.routes import SpringRoute

_SHOWN = 20
_TLS = ("https:", "wss:", "lb:https:", "lb:wss:")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Routes that get no canary. Of the service: `idle` are switched off or replaced, `shares` take a share by Weight.

    `broken` are routes of anybody that have no uri.
    """

    idle: tuple[SpringRoute, ...] = ()
    shares: tuple[SpringRoute, ...] = ()
    broken: tuple[SpringRoute, ...] = ()


def no_routes_refusal(files: Files) -> Refused:
    """The refusal for files that set no routes at all."""
    name = files[0].name if len(files) == 1 else ", ".join(file.name for file in files)
    return Refused(name, 0, "holds no routes of Spring Cloud Gateway")


def no_route_refusal(files: Sequence[SpringFile], routes: Sequence[SpringRoute], rule: CanaryRule) -> Refused:
    """The refusal for a service that no route in effect sends to, with the reason that helps most."""
    reason = f"no route sends to {rule.service}"
    for route in routes:
        if route.sends_to(rule) and route.is_off:
            return route.fragment.refusal(route.node, f"{reason}: this one is switched off (enabled: false)")
    for other in _servlet_routes(files):
        return other.refusal()
    broken = sorted((route for route in routes if not route.uri), key=lambda route: route.id != rule.service)
    for route in broken:
        return route.fragment.refusal(route.node, f"{reason}: this one has no uri, so Spring does not load the list")
    names = ", ".join(file.source.file.name for file in files)
    upstreams = sorted({route.targets[0] for route in routes if route.targets})
    if upstreams:
        return Refused(names, 0, f"{reason}; upstreams with routes: {_join_names(upstreams)}")
    return _empty_refusal(files, names, reason)


def share_refusal(route: SpringRoute) -> Refused:
    """The refusal for a service all of whose routes take a share of requests."""
    return route.fragment.refusal(
        route.fields["predicates"],
        "this route takes a share of requests by Weight: a canary in its group would change the shares",
        hint="finish that split first",
    )


def _servlet_routes(files: Sequence[SpringFile]) -> list[UneditableRoutes]:
    return [routes for file in files for routes in file.foreign]


def _empty_refusal(files: Sequence[SpringFile], names: str, reason: str) -> Refused:
    """The refusal for files whose lists have no route at all."""
    for file in files:
        for fragment, node in file.locators:
            return fragment.refusal(node, f"{reason}: routes are made from a registry (the discovery locator)")
    return Refused(names, 0, f"{reason}: there are no routes here", hint="give the file that holds the routes too")


def notes(
    files: Sequence[SpringFile], covered: Sequence[SpringRoute], left_out: LeftOut, rule: CanaryRule
) -> list[str]:
    """What the edit needs and does not write. Raises Refused."""
    return [
        *_prefix_notes(covered),
        *(
            f"{_describe(route)} is switched off or replaced by a later list: it gets no canary"
            for route in left_out.idle
        ),
        *(
            f"{_describe(route)} takes a share of requests by Weight: it gets no canary, and requests with the header "
            "go on as without it"
            for route in left_out.shares
        ),
        *(f"{_describe(route)} has no uri: Spring does not load a list with it" for route in left_out.broken),
        *_other_list_notes(files, covered, rule),
        *_uri_notes(covered, rule),
        *_circuit_breaker_notes(covered, rule),
        *_locator_notes(files),
    ]


def _prefix_notes(covered: Sequence[SpringRoute]) -> Iterator[str]:
    """A note on the first route under the old prefix."""
    old = [route for route in covered if route.route_list.prefix == OLD]
    for route in old[:1]:
        yield (
            f"{route.fragment.file}: {OLD} is what 4.2 and older read; 4.3 reads it when it starts and never again, "
            "5.0 not at all"
        )


def _other_list_notes(files: Sequence[SpringFile], covered: Sequence[SpringRoute], rule: CanaryRule) -> Iterator[str]:
    """Lists that may replace those with the rule, and do not name the service."""
    used = {id(route.route_list) for route in covered}
    for one in [one for file in files for one in file.route_lists]:
        if id(one) not in used and one.routes.value:
            place = f"{one.fragment.file}:{one.fragment.line(one.routes)}"
            yield (
                f"{place}: this list has no route to {rule.service}; where it is in "
                "effect, it replaces the others, and there is no canary"
            )


def _uri_notes(covered: Sequence[SpringRoute], rule: CanaryRule) -> Iterator[str]:
    uris = [route.uri for route in covered]
    if not rule.canary_host and any("${" in uri for uri in uris):
        yield "a uri is a placeholder: the canary's address was derived from what these files say it stands for"
    if any(uri.lower().startswith(_TLS) for uri in uris):
        yield "the canary is reached by TLS: its certificate has to be good for its own name"


def _circuit_breaker_notes(covered: Sequence[SpringRoute], rule: CanaryRule) -> list[str]:
    filters = [one for route in covered for one in route.definitions("filters")]
    names = {
        one.arguments[0].removeprefix("name=") for one in filters if one.name == "CircuitBreaker" and one.arguments
    }
    return [
        f"the circuit breaker {name} is shared with the canary: errors of the canary can open it for {rule.service}"
        for name in sorted(names)
    ]


def _locator_notes(files: Sequence[SpringFile]) -> Iterator[str]:
    if any(file.locators for file in files):
        yield "the discovery locator makes routes of its own from a registry: those get no canary"


def _join_names(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _describe(route: SpringRoute) -> str:
    return f"{route.fragment.file}:{route.fragment.line(route.node)}: the route {route.id or '(without an id)'}"
