"""Routes that take only a share of the requests they match.

Those that people wrote are refused: no number of requests proves what such a route does. A canary's copy of one would
take the same share of the marked requests, and one that stands above a route of the service takes its share of the
marked requests before they come to the canary's route.

A share that we wrote for another application is none of these: stable's route with the same match follows it and takes
the rest, so the share takes only requests that would never come to a route further down. But one route can have one
share only: Envoy compares every share with the same random number of a request, so the lower one would get nothing.
"""

from collections.abc import Iterable, Iterator

from yaml.nodes import Node

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.envoy.fields import message
from gatewayctl.gateways.envoy.locate import VirtualHostRoutes
from gatewayctl.gateways.envoy.marks import is_share_mark, read_route_mark
from gatewayctl.gateways.envoy.routes import EnvoyRoute
from gatewayctl.gateways.yamltext.cursor import Cursor

_SHARE = "runtime_fraction"
_HINT = "take runtime_fraction out while the canary is tried, or release when that split is over"
_PATHS = ("prefix", "path", "path_separated_prefix")


def refuse_shares(covered: Iterable[EnvoyRoute], rule: CanaryRule) -> None:
    """Raise Refused where a share of the canary's requests would go elsewhere."""
    shared: dict[int, list[tuple[int, Cursor]]] = {}
    for route in covered:
        host = route.host
        if id(host) not in shared:
            shared[id(host)] = list(_shares_of(host))
        for index, one in shared[id(host)]:
            match = one.field("match")
            if index == route.index:
                reason = f"this route of {rule.service} takes only a share of its requests ({_SHARE})"
                raise match.field(_SHARE).refusal(f"{reason}: so would the canary's", hint=_HINT)
            is_ours = is_share_mark(read_route_mark(one.fields))
            if index < route.index and not is_ours and _may_overlap(match, route.message.field("match")):
                line = route.fragment.line(route.node)
                reason = f"this route takes a share ({_SHARE}) of the requests for {rule.service} in line {line}"
                raise match.field(_SHARE).refusal(f"{reason}, those of the canary too", hint=_HINT)
        if rule.share and shares_above(route):
            raise _second_share(route, rule)


def shares_above(route: EnvoyRoute) -> list[int]:
    """The places of the shares that we wrote for requests of `route`: among our routes directly above it."""
    items = route.sequence.value if route.sequence is not None else []
    places = []
    for index in range(route.index - 1, -1, -1):
        mark = _mark(route, items[index])
        if not mark:
            break
        if is_share_mark(mark):
            places.append(index)
    return places


def _mark(route: EnvoyRoute, node: Node) -> str:
    return read_route_mark(message(route.fragment, node, "a route").fields)


def _second_share(route: EnvoyRoute, rule: CanaryRule) -> Refused:
    assert route.sequence is not None  # noqa: S101 (it has a share above it in its list)
    other = _mark(route, route.sequence.value[shares_above(route)[0]])
    return route.fragment.refusal(
        route.node,
        f"{other} sends a share of the requests of this route to another canary already",
        hint=f"wait until that release has ended, or release {rule.app} without a ramp",
    )


def _shares_of(host: VirtualHostRoutes) -> Iterator[tuple[int, Cursor]]:
    """The place and the content of each route that takes only a share."""
    for index, route in host:
        if _SHARE in route.field("match").fields:
            yield index, route


def _may_overlap(one: Cursor, other: Cursor) -> bool:
    """Whether both may match one path; True where a path is not plain text."""
    first, second = _path(one), _path(other)
    return not first or not second or first.startswith(second) or second.startswith(first)


def _path(match: Cursor) -> str:
    return next((match.field(name).text for name in _PATHS if name in match.fields), "")
