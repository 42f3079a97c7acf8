"""What a running Spring Cloud Gateway shows at its actuator: the live routes, in the order in which they are tried.

`/actuator/gateway/routedefinitions` is never asked: it shows what was bound, which may not be live. The answers come
from another program, so their shape is checked at every step.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gatewayctl.domain.errors import Transient
from gatewayctl.domain.nesting import TooDeep, parse_json
from gatewayctl.domain.platform import Replica, RuleProof, UpstreamProof
from gatewayctl.domain.routing import STAMP_HEADER, CanaryRule
from gatewayctl.gateways.hosts import Underivable
from gatewayctl.gateways.product import AdminGet
from gatewayctl.gateways.springcloud.routes import STAMP_KEY, WEIGHT, is_rest, owner, safe
from gatewayctl.gateways.springcloud.shares import ALL, group_of
from gatewayctl.gateways.springcloud.uris import canary_uri, full_uri

ROUTES = "/actuator/gateway/routes"
_LONGEST = 300
# The name of a lambda differs from process to process.
_LAMBDA = re.compile(r"\$\$Lambda[\w$./@]*")

_MEMBERS = 2  # of the group of a share: the canary's route, and the one for the rest

Route = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SpringCloudReadback:
    """Implements ports.Readback. `admin` GETs a path from a replica's management port and raises EnvironmentFailed."""

    admin: AdminGet

    def rule_of(self, replica: Replica, rule: CanaryRule) -> RuleProof:
        """How many live routes are exactly this rule, and its share; those of its names with other content mismatch."""
        routes = self._routes(replica)
        marked, shares = _places(routes, rule.name), _places(routes, rule.share_name)
        odd = [found for place in marked if (found := _difference(routes, place, rule))]
        odd_shares = [found for place in shares if (found := _share_difference(routes, place, rule))]
        return RuleProof(
            asked=True,
            routes=len(marked) - len(odd),
            shares=len(shares) - len(odd_shares),
            mismatched=len(odd) + len(odd_shares),
            detail="; ".join([*odd, *odd_shares][:3])[:_LONGEST],
        )

    def upstream_ready(self, replica: Replica, upstream: str) -> UpstreamProof:  # noqa: ARG002 (the port's signature)
        """Not asked: it keeps no upstreams, but looks up a host for each request."""
        return UpstreamProof(asked=False)

    def in_flight(self, replica: Replica, upstream: str) -> int | None:  # noqa: ARG002
        """None: it does not count them."""
        return None

    def _routes(self, replica: Replica) -> list[Route]:
        """The live routes. Raises EnvironmentFailed for an answer that is no list of routes, such as a backend's."""
        answer = self.admin(replica, ROUTES)
        try:
            routes = parse_json(answer)
        except TooDeep as fault:
            raise _unexpected(replica, f"JSON that is {fault}") from fault
        except ValueError as fault:
            raise _unexpected(replica, f"{len(answer)} characters that are not JSON") from fault
        if not isinstance(routes, list):
            raise _unexpected(replica, "JSON that is not a list")
        if not all(isinstance(one, dict) and isinstance(one.get("route_id"), str) for one in routes):
            raise _unexpected(replica, "a list of something else than routes")
        return routes


def _unexpected(replica: Replica, what: str) -> Transient:
    hint = "expose the endpoint `gateway` on a management port of its own: management.endpoint.gateway.access=read-only"
    return Transient(f"{replica.name} answers {ROUTES} with {what}", hint=hint)


def _places(routes: Sequence[Route], name: str) -> list[int]:
    """Where the routes of the rule or the share `name` are that send to the canary."""
    return [at for at, one in enumerate(routes) if owner(_id(one)) == safe(name) and not is_rest(_id(one))]


def _difference(routes: Sequence[Route], place: int, rule: CanaryRule) -> str:
    """How a route with the rule's name differs from the rule; empty when it does not."""
    condition = f"Header: {rule.header.name} regexp={rule.header.value}"
    return _copy_difference(routes, place, rule, (condition, f"it does not ask for the header {rule.header}"))


def _share_difference(routes: Sequence[Route], place: int, rule: CanaryRule) -> str:
    """The same for a route with the share's name."""
    route = routes[place]
    if not rule.share:
        return _differs(route, "the rule has no share")
    group = group_of(_id(route), rule.share)
    condition = f"{WEIGHT}: {group} {rule.share}"
    found = _copy_difference(routes, place, rule, (condition, f"its share is not {rule.share} %"))
    if found:
        return found
    members = [_predicate(one) for one in routes if f"{WEIGHT}: {group} " in _predicate(one)]
    rest = [one for one in members if f"{WEIGHT}: {group} {ALL - rule.share}) && Before: 1970-" in one]
    if len(rest) != 1 or len(members) != _MEMBERS:
        return _differs(route, f"the group {group} has other routes than those of the share")
    later = [at for at in _places(routes, rule.name) if at > place and _stable_of(routes[at]) == _stable_of(route)]
    return _differs(route, f"the route {_id(routes[later[0]])} is tried after it") if later else ""


def _stable_of(route: Route) -> str:
    """The predicates of the route that ours is a copy of: all but the last one."""
    return _predicate(route).rpartition(" && ")[0]


def _copy_difference(routes: Sequence[Route], place: int, rule: CanaryRule, last: tuple[str, str]) -> str:
    """How a route of ours differs from a copy of stable's; `last` is its last predicate, and what to say without it."""
    route, (condition, fault) = routes[place], last
    metadata = route.get("metadata")
    stamp = metadata.get(STAMP_KEY) if isinstance(metadata, dict) else None
    if stamp != rule.stamp:
        return _differs(route, f"the stamp is {stamp or 'missing'}, not {rule.stamp}")
    if not any(f"SetResponseHeader {STAMP_HEADER} = '{rule.stamp}'" in str(one) for one in _list(route.get("filters"))):
        return _differs(route, "no filter of it writes the stamp")
    whole = _predicate(route)
    ours = f" && {condition})"
    if not (whole.startswith("(") and whole.endswith(ours)):
        return _differs(route, fault)
    stable = whole[1 : -len(ours)]
    twins = [at for at, one in enumerate(routes) if _predicate(one) == stable and not owner(_id(one))]
    if not twins:
        return _differs(route, "no live route has its other conditions")
    if twins[0] < place:
        return _differs(route, f"the route {_id(routes[twins[0]])} is tried before it")
    return _target_difference(route, routes[twins[0]], rule)


def _target_difference(route: Route, stable: Route, rule: CanaryRule) -> str:
    """The same for its order and its uri, which follow from stable's route."""
    if route.get("order") != stable.get("order"):
        return _differs(route, f"its order is {route.get('order')}, that of {_id(stable)} is {stable.get('order')}")
    try:
        wanted = canary_uri(str(stable.get("uri")), rule, lambda name: None)  # noqa: ARG005
    except Underivable as fault:
        return _differs(route, f"its uri cannot be judged: {fault}")
    uri = str(route.get("uri"))
    return "" if full_uri(uri) == full_uri(wanted) else _differs(route, f"its uri is {uri}, not {wanted}")


def _differs(route: Route, what: str) -> str:
    return f"the route {_id(route)} differs: {what}"


def _id(route: Route) -> str:
    return str(route.get("route_id"))


def _predicate(route: Route) -> str:
    return _LAMBDA.sub("", str(route.get("predicate")))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
