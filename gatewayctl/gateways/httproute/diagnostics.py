"""Why a Service cannot get its rule, and what has to be known beside the edit."""

from collections.abc import Iterable, Iterator, Sequence

from yaml.nodes import Node

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule, rule_name
from gatewayctl.gateways.httproute.fields import scalars
from gatewayctl.gateways.httproute.locate import Route, Rule, Survey, Thing, rules_of
from gatewayctl.gateways.httproute.schema_limits import RULES, excesses
from gatewayctl.gateways.httproute.service import service
from gatewayctl.gateways.yamltext.fragments import pairs_of
from gatewayctl.gateways.yamltext.nodes import text

_SHOWN = 20


def unrouted(found: Sequence[Survey], wanted: CanaryRule) -> Refused:
    """The refusal for a Service that no rule sends to, with the most telling reason."""
    stable = service(wanted.service)
    for rule in rules_of(found):
        for backend in rule.backends:
            if backend.name == stable.name and not stable.is_served_by(backend):
                reason = f"this backend is a {backend.kind} in the namespace {backend.namespace or '(not given)'}"
                return rule.route.unit.refused(backend.node, f"{reason}, not the Service {stable}")
            if stable.is_served_by(backend):
                return rule.route.unit.refused(backend.node, f"{stable} has weight 0 here: no request reaches it")
    for survey in found:
        for thing in survey.others:
            if thing.kind.endswith("Route") and _mentions(thing.node, stable.name):
                reason = f"only {thing.kind} {thing.name} sends to {stable}: just HTTPRoutes can be edited"
                return thing.unit.refused(thing.node, reason)
    names = ", ".join(one.source.file.name for one in found)
    known = sorted({backend.name for rule in rules_of(found) for backend in rule.backends})
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    tail = f"; Services with rules: {', '.join(known[:_SHOWN])}{more}" if known else ": these routes have no backends"
    return Refused(names, 0, f"no rule sends to {stable}{tail}")


def refuse_two_namespaces(targets: Iterable[Rule], wanted: CanaryRule) -> None:
    """Raise Refused when the name stands for Services of several namespaces."""
    stable = service(wanted.service)
    seen: dict[str, None] = {}
    for rule in targets:
        for backend in rule.backends:
            if stable.is_served_by(backend):
                seen.setdefault(backend.namespace)
                if len(seen) > 1:
                    written = " or ".join(f"{stable.name}.{one or 'NAMESPACE'}" for one in seen)
                    raise rule.route.unit.refused(
                        backend.node,
                        f"the name {stable.name} stands for Services of two namespaces in these files",
                        hint=f"name one of them: {written}",
                    )


def refuse_excess(after: Sequence[Survey], before: Sequence[Survey], app: str) -> None:
    """Raise Refused when a route that holds our rule holds more than the API takes, and did not before."""
    for old, new in zip(before, after, strict=True):
        for was, route in zip(old.routes, new.routes, strict=True):
            ours = sum(rule.owner == rule_name(app) for rule in route.rules)
            excess = next(excesses(route), None) if ours else None
            if excess and not any(excesses(was)):
                raise _full(route, ours, excess.what)


def _full(route: Route, ours: int, what: str) -> Refused:
    others = len(route.rules) - ours
    few = f" (it has {others}, and the canary needs {ours} more)" if len(route.rules) > RULES else ""
    return Refused(
        route.unit.file,
        route.unit.line(route.node),
        f"with the canary's rules, {what}{few}",
        hint="move some rules to a second HTTPRoute with the same parentRefs and hostnames: both are served as one",
    )


def notes(found: Sequence[Survey], targets: Sequence[Rule], wanted: CanaryRule) -> tuple[str, ...]:
    """What the edit relies on and does not write."""
    said = [*_of_routes(targets)]
    said += [f"{target.route.unit.file}:{target.line}: {one}" for target in targets for one in _of_rule(target, wanted)]
    said += _of_others(found, wanted)
    return tuple(dict.fromkeys(said))


def _of_routes(targets: Sequence[Rule]) -> Iterator[str]:
    for route in dict.fromkeys(rule.route for rule in targets):
        if any(parent.startswith("Service/") for parent in route.parents):
            yield (
                f"HTTPRoute {route.place} is attached to a Service: sidecars or node proxies of a mesh route by it, "
                "not gateway replicas"
            )


def _of_rule(rule: Rule, wanted: CanaryRule) -> Iterator[str]:
    stable = service(wanted.service)
    others = [one for one in rule.backends if not stable.is_served_by(one)]
    if others:
        shares = ", ".join(f"{one.name} (weight {one.weight or 1})" for one in others)
        yield f"this rule also sends to {shares}: requests with {wanted.header} all go to {wanted.canary}"
    if any(one.foreign and stable.is_served_by(one) for one in rule.backends):
        yield f"a backend in another namespace: its ReferenceGrant must allow {wanted.canary} too"
    if rule.name:
        yield f"policies attached to the rule {rule.name} by name do not cover the canary's rule"


def _of_others(found: Sequence[Survey], wanted: CanaryRule) -> Iterator[str]:
    stable, canary = service(wanted.service), service(wanted.canary)
    for survey in found:
        for thing in survey.others:
            if thing.kind.endswith("Route") and _mentions(thing.node, stable.name):
                yield f"{thing.kind} {thing.name} sends to {stable.name} too: its requests stay with it"
            elif _is_about(thing) and _mentions(thing.node, stable.name) and not _mentions(thing.node, canary.name):
                yield f"{thing.kind} {thing.name} names {stable.name} and not {wanted.canary}"


def _is_about(thing: Thing) -> bool:
    """Whether an object says something of Services by their names: a policy, or leave to refer to them."""
    return thing.kind == "ReferenceGrant" or bool({"targetRef", "targetRefs"} & set(_spec(thing.node)))


def _spec(node: Node) -> dict[str, Node]:
    return pairs_of(pairs_of(node).get("spec"))


def _mentions(node: Node, word: str) -> bool:
    return any(text(one) == word for one in scalars(node))
