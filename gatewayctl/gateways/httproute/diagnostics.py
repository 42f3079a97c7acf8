"""Why a Service cannot have a canary rule, and notes on what an edit relies on."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from yaml.nodes import Node

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule, rule_name, share_name
from gatewayctl.gateways.api_objects import ApiObject, scalars
from gatewayctl.gateways.httproute.locate import HttpRoute, HttpRouteRule, RouteFile, rules_of
from gatewayctl.gateways.httproute.schema_limits import RULES, find_excesses
from gatewayctl.gateways.httproute.service import ServiceName, parse_service
from gatewayctl.gateways.yamltext.fragments import pairs_of
from gatewayctl.gateways.yamltext.nodes import text

_SHOWN = 20


def explain_unrouted(files: Sequence[RouteFile], wanted: CanaryRule) -> Refused:
    """The error for a Service that no rule sends to, with the most specific reason."""
    stable = parse_service(wanted.service)
    reasons = chain(_find_unusable_backends(files, stable), _find_other_routes(files, stable))
    return next(reasons, None) or _no_rule(files, stable)


def _find_unusable_backends(files: Sequence[RouteFile], stable: ServiceName) -> Iterator[Refused]:
    """An error for each backend of the Service's name that is another object, or has no traffic."""
    for rule in rules_of(files):
        for backend in rule.backends:
            if stable.is_named_by(backend):
                yield rule.route.fragment.refusal(backend.node, f"{stable} has weight 0 here: no request reaches it")
            elif backend.name == stable.name:
                reason = f"this backend is a {backend.kind} in the namespace {backend.namespace or '(not given)'}"
                yield rule.route.fragment.refusal(backend.node, f"{reason}, not the Service {stable}")


def _find_other_routes(files: Sequence[RouteFile], stable: ServiceName) -> Iterator[Refused]:
    for other in _other_objects(files):
        if other.kind.endswith("Route") and _mentions(other.node, stable.name):
            reason = f"only {other.kind} {other.name} sends to {stable}: just HTTPRoutes can be edited"
            yield other.fragment.refusal(other.node, reason)


def _no_rule(files: Sequence[RouteFile], stable: ServiceName) -> Refused:
    names = ", ".join(one.source.file.name for one in files)
    known = sorted({backend.name for rule in rules_of(files) for backend in rule.backends})
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    tail = f"; Services with rules: {', '.join(known[:_SHOWN])}{more}" if known else ": these routes have no backends"
    return Refused(names, 0, f"no rule sends to {stable}{tail}")


def refuse_two_namespaces(targets: Iterable[HttpRouteRule], wanted: CanaryRule) -> None:
    """Raise Refused if the name stands for Services in several namespaces."""
    stable = parse_service(wanted.service)
    seen: dict[str, None] = {}
    for rule in targets:
        for backend in rule.backends:
            if stable.is_named_by(backend):
                seen.setdefault(backend.namespace)
                if len(seen) > 1:
                    choices = " or ".join(f"{stable.name}.{one or 'NAMESPACE'}" for one in seen)
                    raise rule.route.fragment.refusal(
                        backend.node,
                        f"the name {stable.name} stands for Services of two namespaces in these files",
                        hint=f"name one of them: {choices}",
                    )


def refuse_excess(after: Sequence[RouteFile], before: Sequence[RouteFile], app: str) -> None:
    """Raise Refused if a route with a rule of ours exceeds a limit of the API, and did not exceed any before."""
    for old_file, new_file in zip(before, after, strict=True):
        for old, new in zip(old_file.routes, new_file.routes, strict=True):
            ours = sum(rule.owner in {rule_name(app), share_name(app)} for rule in new.rules)
            excess = next(find_excesses(new), None) if ours else None
            if excess and not any(find_excesses(old)):
                raise _over_limit(new, ours, excess.what)


def _over_limit(route: HttpRoute, ours: int, what: str) -> Refused:
    others = len(route.rules) - ours
    counts = f" (it has {others}, and the canary needs {ours} more)" if len(route.rules) > RULES else ""
    return Refused(
        route.fragment.file,
        route.fragment.line(route.node),
        f"with the canary's rules, {what}{counts}",
        hint="move some rules to a second HTTPRoute with the same parentRefs and hostnames: both are served as one",
    )


def notes(files: Sequence[RouteFile], targets: Sequence[HttpRouteRule], wanted: CanaryRule) -> tuple[str, ...]:
    """What the edit relies on and does not write."""
    found = [*_notes_on_routes(targets)]
    for rule in targets:
        found += [f"{rule.route.fragment.file}:{rule.line}: {note}" for note in _notes_on_rule(rule, wanted)]
    found += _notes_on_other_objects(files, wanted)
    return tuple(dict.fromkeys(found))


def _notes_on_routes(targets: Sequence[HttpRouteRule]) -> Iterator[str]:
    for route in dict.fromkeys(rule.route for rule in targets):
        if any(parent.startswith("Service/") for parent in route.parents):
            yield (
                f"HTTPRoute {route.full_name} is attached to a Service: sidecars or node proxies of a mesh route by "
                "it, not gateway replicas"
            )


def _notes_on_rule(rule: HttpRouteRule, wanted: CanaryRule) -> Iterator[str]:
    stable = parse_service(wanted.service)
    others = [one for one in rule.backends if not stable.is_named_by(one)]
    if others:
        shares = ", ".join(f"{one.name} (weight {one.weight or 1})" for one in others)
        yield f"this rule also sends to {shares}: requests with {wanted.header} all go to {wanted.canary}"
    if any(one.is_in_other_namespace and stable.is_named_by(one) for one in rule.backends):
        yield f"a backend in another namespace: its ReferenceGrant must allow {wanted.canary} too"
    if rule.name:
        yield f"policies attached to the rule {rule.name} by name do not cover the canary's rule"


def _notes_on_other_objects(files: Sequence[RouteFile], wanted: CanaryRule) -> Iterator[str]:
    stable, canary = parse_service(wanted.service), parse_service(wanted.canary)
    for other in _other_objects(files):
        if not _mentions(other.node, stable.name):
            continue
        if other.kind.endswith("Route"):
            yield f"{other.kind} {other.name} sends to {stable.name} too: its requests stay with it"
        elif _applies_to_services(other) and not _mentions(other.node, canary.name):
            yield f"{other.kind} {other.name} names {stable.name} and not {wanted.canary}"


def _other_objects(files: Sequence[RouteFile]) -> Iterator[ApiObject]:
    return (other for file in files for other in file.others)


def _applies_to_services(other: ApiObject) -> bool:
    """Whether an object applies to Services that it names: a policy, or a ReferenceGrant."""
    spec = pairs_of(pairs_of(other.node).get("spec"))
    return other.kind == "ReferenceGrant" or bool({"targetRef", "targetRefs"} & set(spec))


def _mentions(node: Node, word: str) -> bool:
    return any(text(one) == word for one in scalars(node))
