"""Why a Service cannot have a canary rule, and notes on what an edit relies on."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.api_objects import scalars
from gatewayctl.gateways.istio.canary import mentions_stamp, targets
from gatewayctl.gateways.istio.locate import GROUP, HttpRoute, RouteFile, VirtualService, routes_of
from gatewayctl.gateways.istio.matches import MESH
from gatewayctl.gateways.istio.service import canary_service, is_incomplete, parse_service
from gatewayctl.gateways.yamltext.nodes import text

_SHOWN = 20


def explain_unrouted(files: Sequence[RouteFile], wanted: CanaryRule) -> Refused:
    """The error for a Service that no HTTP route sends to, with the most specific reason."""
    stable = parse_service(wanted.service)
    for route in routes_of(files):
        if any(stable.covers(one.service) for one in route.destinations):
            if taker := last_route(route.parent, route):
                return route.refusal(
                    f"no request comes to this route of {stable}: the one on line {taker.line} takes all of them"
                )
            return route.refusal(f"{stable} has weight 0 here: no request reaches it")
    if found := next((route for route in routes_of(files) if route.delegate), None):
        reason = f"this route leaves its requests to VirtualService {found.delegate}, and no other one names {stable}"
        return found.refusal(reason, hint="gatewayctl edits routes that name the Service themselves")
    return _no_route(files, wanted)


def _no_route(files: Sequence[RouteFile], wanted: CanaryRule) -> Refused:
    names = ", ".join(one.source.file.name for one in files)
    known = sorted({str(one) for route in routes_of(files) for one in route.destinations})
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    tail = f"; hosts with routes: {', '.join(known[:_SHOWN])}{more}" if known else ": they have no destinations"
    return Refused(names, 0, f"no HTTP route sends to {wanted.service}{tail}")


def last_route(service: VirtualService, above: HttpRoute) -> HttpRoute | None:
    """The first route above another one that takes every request: Istio leaves out all that follow it."""
    first = _first_for_all(service)
    return first if first and first.index < above.index else None


@lru_cache(maxsize=8)
def _first_for_all(service: VirtualService) -> HttpRoute | None:
    every = (one for one in service.routes if not one.owner and any(match.takes_all for match in one.matches))
    return next(every, None)


def refuse_streams(files: Sequence[RouteFile], wanted: CanaryRule) -> None:
    """Raise Refused where a TLS or TCP route has the service: such connections have no headers."""
    stable = parse_service(wanted.service)
    for one in files:
        for service in one.services:
            for kind, destination in service.streams:
                if stable.covers(destination.service):
                    raise service.fragment.refusal(
                        destination.node,
                        f"a {kind} route sends to {stable}: it passes connections on, and no header can be seen there",
                        hint="route the Service by http, on a gateway that ends TLS",
                    )


def refuse_delegates(files: Sequence[RouteFile], covered: Sequence[HttpRoute], wanted: CanaryRule) -> None:
    """Raise Refused where other objects decide about the service's requests: that cannot be followed here."""
    given = {service.full_name: service for one in files for service in one.services}
    for route in covered:
        if not route.parent.hosts:
            raise route.refusal(
                f"VirtualService {route.parent.full_name} has no hosts: another one delegates to it",
                hint="move the route to the VirtualService that has the hosts",
            )
    for parent in dict.fromkeys(route.parent for route in covered):
        for route in parent.routes:
            held = given.get(route.delegate.removeprefix("/")) if route.delegate else None
            if route.delegate and (held is None or any(targets(one, wanted) for one in held.routes)):
                raise route.refusal(
                    f"this route leaves its requests to VirtualService {route.delegate}, which may send to "
                    f"{wanted.service}, too",
                    hint="give its file, too, if it does not" if held is None else "",
                )


def refuse_conflicts(files: Sequence[RouteFile], covered: Sequence[HttpRoute], wanted: CanaryRule) -> None:
    """Raise Refused where a canary's route would not get exactly the requests with the header of stable's."""
    name = wanted.header.name
    for route in covered:
        if any(match.tests(name) for match in route.matches):
            raise route.refusal(
                f"this route already tests the header {name}",
                hint="choose another header name for the canary, or remove that match",
            )
        if mentions_stamp(route):
            raise route.refusal("this route changes the header that marks the canary's answers, x-gatewayctl-release")
        for other in _routes_before(route):
            if any(match.may_take(wanted.header, ours) for match in other.matches for ours in route.matches):
                raise other.refusal(
                    f"this route takes requests with {wanted.header} from the route of {wanted.service} on line "
                    f"{route.line}",
                    hint="choose another header or value for this canary, or remove that route",
                )
        _refuse_merged(files, route, wanted)


def _routes_before(route: HttpRoute) -> Iterator[HttpRoute]:
    """The routes above that may take its requests.

    Of the canaries' routes these are the ones directly above it. One further up takes only requests of the route that
    it is directly above.
    """
    for index in range(route.index - 1, -1, -1):
        if not route.parent.routes[index].owner:
            break
        yield route.parent.routes[index]
    yield from (one for one in _with_headers(route.parent) if one.index < route.index)


@lru_cache(maxsize=8)
def _with_headers(service: VirtualService) -> tuple[HttpRoute, ...]:
    """The routes of people that ask for any header."""
    return tuple(one for one in service.routes if not one.owner and any(match.headers for match in one.matches))


def _refuse_merged(files: Sequence[RouteFile], route: HttpRoute, wanted: CanaryRule) -> None:
    """Raise Refused where Istio would put the canary's route above routes of another object that come before stable's.

    Istio joins the VirtualServices of a host on a gateway, and puts routes without any condition last. The canary's
    route has one, its header, and stays where it is.
    """
    if not any(match.is_last for match in route.matches):
        return
    mine = route.parent
    for other in (service for one in files for service in one.services):
        shared = (mine.gateways & other.gateways) - {MESH}
        if other is not mine and shared and set(mine.hosts) & set(other.hosts) and other.routes:
            host, gateway = min(set(mine.hosts) & set(other.hosts)), min(shared)
            raise route.refusal(
                f"VirtualService {other.full_name} has routes for the same host {host} on {gateway}: its requests "
                f"with {wanted.header} would come to {wanted.canary}, because Istio puts only routes without a "
                "condition last",
                hint="put the routes of this host into one VirtualService, the one for every path at the end",
            )


def refuse_shares(covered: Sequence[HttpRoute], wanted: CanaryRule) -> None:
    """Raise Refused where requests are divided already: a share of them would not be what it says."""
    stable = parse_service(wanted.service)
    for route in covered if wanted.share else ():
        others = [one for one in route.destinations if one.weight and not stable.covers(one.service)]
        if others:
            raise route.refusal(
                f"this route divides its requests between {wanted.service} and {', '.join(map(str, others))}",
                hint="end that split first, or release without a ramp",
            )


def refuse_two_namespaces(covered: Sequence[HttpRoute], wanted: CanaryRule) -> None:
    """Raise Refused if the name stands for Services in several namespaces."""
    found = {one.service.namespace: one for route in covered for one in targets(route, wanted)}
    if len(found) > 1:
        choices = " or ".join(f"{parse_service(wanted.service).name}.{one or 'NAMESPACE'}" for one in found)
        raise covered[-1].refusal(
            f"the name {wanted.service} stands for Services of two namespaces in these files",
            hint=f"name one of them: {choices}",
        )


def notes(files: Sequence[RouteFile], covered: Sequence[HttpRoute], wanted: CanaryRule) -> tuple[str, ...]:
    """What the edit relies on and does not write."""
    found = [f"{route.parent.fragment.file}:{route.line}: {note}" for route in covered for note in _of(route, wanted)]
    return tuple(dict.fromkeys([*_of_parents(covered), *found, *_of_policies(files, wanted)]))


def _of_parents(covered: Sequence[HttpRoute]) -> Iterator[str]:
    for parent in dict.fromkeys(route.parent for route in covered):
        if MESH in parent.gateways:
            only = "only sidecars use it" if len(parent.gateways) == 1 else "sidecars use it, too"
            yield f"VirtualService {parent.full_name}: {only}; a release proves gateway replicas"


def _of(route: HttpRoute, wanted: CanaryRule) -> Iterator[str]:
    ours, canary = targets(route, wanted), canary_service(wanted)
    others = [one for one in route.destinations if one.weight and one not in ours]
    if others:
        shares = ", ".join(f"{one} (weight {one.weight})" for one in others)
        yield f"this route also sends to {shares}: requests with {wanted.header} all go to {canary}"
    for one in ours:
        if one.subset and not canary.subset:
            yield (
                f"stable is the subset {one.subset} of {one.host}: the canary is the whole Service {canary}, for "
                "which no DestinationRule is needed"
            )
        if canary.subset:
            yield f"a DestinationRule has to define the subset {canary.subset} before this rule is written"
        if is_incomplete(one.host):
            yield f"Istio takes {one.host} as a whole host name: a Service has NAME.NAMESPACE.svc.cluster.local"


def _of_policies(files: Sequence[RouteFile], wanted: CanaryRule) -> Iterator[str]:
    stable, canary = parse_service(wanted.service), canary_service(wanted)
    for other in (other for one in files for other in one.others):
        if other.kind == "DestinationRule" and other.api.startswith(f"{GROUP}/"):
            hosts = {parse_service(text(one)).name for one in scalars(other.node) if text(one)}
            if stable.name in hosts and canary.name not in hosts:
                policy = f"DestinationRule {other.name} is for {stable.name}"
                yield f"{policy}; its traffic policy does not apply to {canary.name}"
