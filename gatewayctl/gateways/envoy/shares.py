"""Routes that take only a share of the requests they match: no number of requests proves what such a route does.

A canary's copy of one would take the same share of the marked requests. One that stands above a route of the service
takes its share of the marked requests before they come to the canary's route.
"""

from collections.abc import Iterable, Iterator

from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.envoy.locate import VirtualHostRoutes
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
        for index, match in shared[id(host)]:
            if index == route.index:
                reason = f"this route of {rule.service} takes only a share of its requests ({_SHARE})"
                raise match.field(_SHARE).refusal(f"{reason}: so would the canary's", hint=_HINT)
            if index < route.index and _may_overlap(match, route.message.field("match")):
                line = route.fragment.line(route.node)
                reason = f"this route takes a share ({_SHARE}) of the requests for {rule.service} in line {line}"
                raise match.field(_SHARE).refusal(f"{reason}, those of the canary too", hint=_HINT)


def _shares_of(host: VirtualHostRoutes) -> Iterator[tuple[int, Cursor]]:
    """The place and the match of each route that takes only a share."""
    for index, route in host:
        match = route.field("match")
        if _SHARE in match.fields:
            yield index, match


def _may_overlap(one: Cursor, other: Cursor) -> bool:
    """Whether both may match one path; True where a path is not plain text."""
    first, second = _path(one), _path(other)
    return not first or not second or first.startswith(second) or second.startswith(first)


def _path(match: Cursor) -> str:
    return next((match.field(name).text for name in _PATHS if name in match.fields), "")
