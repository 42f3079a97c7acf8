"""One route of Envoy: whom it sends to, and how a person would describe it."""

from collections.abc import Iterator
from dataclasses import dataclass

from yaml.nodes import Node, ScalarNode, SequenceNode

from gatewayctl.domain.routing import RouteView
from gatewayctl.gateways.envoy.fields import fields, items, text
from gatewayctl.gateways.envoy.locate import Barrier, Obstacle, Table
from gatewayctl.gateways.yamltext.fragments import Unit

# Ways to name an upstream at request time; the file does not tell which.
_LATE = ("cluster_header", "cluster_specifier_plugin", "inline_cluster_specifier_plugin")
_PATHS = {"prefix": "prefix", "path": "path", "path_separated_prefix": "prefix", "safe_regex": "regex"}


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """A route that has an upstream; `shares` are upstreams with their weights (empty for the only one)."""

    table: Table
    index: int
    node: Node
    name: str
    action: Node
    shares: tuple[tuple[str, str], ...]

    @property
    def unit(self) -> Unit:
        """The text it stands in."""
        return self.table.unit

    @property
    def sequence(self) -> SequenceNode | None:
        """The list it stands in; None where a single mapping stands for the list."""
        return self.table.routes if isinstance(self.table.routes, SequenceNode) else None

    @property
    def upstreams(self) -> frozenset[str]:
        """The names of the upstreams."""
        return frozenset(name for name, _ in self.shares)


def routes_of(table: Table) -> Iterator[Route]:
    """The routes of `table` that send to upstreams the file names. Raises Refused."""
    unit = table.unit
    for index, node in table:
        route = fields(unit, node, "a route")
        action = route.get("route")
        if action is not None:
            shares = _shares(unit, fields(unit, action, "a route's action"))
            if shares:
                yield Route(table, index, node, text(route.get("name")), action, shares)


def late_upstreams(table: Table) -> Iterator[Obstacle]:
    """Routes whose upstream is chosen when a request comes."""
    for _, node in table:
        action = fields(table.unit, node, "a route").get("route")
        found = fields(table.unit, action, "a route's action") if action is not None else {}
        for way in _LATE:
            if way in found:
                yield Obstacle(table.unit, found[way], Barrier.ELSEWHERE, f"a route chooses its cluster by {way}")


def view(route: Route, own: str = "gatewayctl-") -> RouteView:
    """A route as a person would describe it; the header of rules whose name starts with `own`."""
    unit = route.unit
    match = fields(unit, route.node, "a route").get("match")
    found = fields(unit, match, "match") if match is not None else {}
    matchers = items(unit, found.get("headers"), "a list of header matchers")
    ours = route.name.startswith(own) and matchers
    return RouteView(
        file=unit.file,
        line=unit.line(route.node),
        place=route.table.place,
        match=_match(unit, found, len(matchers) - bool(ours)),
        target=" ".join(f"{name}:{weight}" if weight else name for name, weight in route.shares),
        name=route.name,
        header=_header(unit, matchers[-1]) if ours else "",
    )


def _shares(unit: Unit, action: dict[str, Node]) -> tuple[tuple[str, str], ...]:
    cluster = action.get("cluster")
    if cluster is not None:
        if not isinstance(cluster, ScalarNode):
            raise unit.unexpected(cluster, "the name of a cluster")
        return ((text(cluster), ""),)
    weighted = action.get("weighted_clusters")
    if weighted is None:
        return ()
    listed = fields(unit, weighted, "weighted_clusters").get("clusters")
    shares = []
    for node in items(unit, listed, "a list of weighted clusters"):
        one = fields(unit, node, "a weighted cluster")
        if "name" in one:
            shares.append((text(one["name"]), text(one.get("weight")) or "0"))
    return tuple(shares)


def _match(unit: Unit, match: dict[str, Node], headers: int) -> str:
    words = []
    for key, word in _PATHS.items():
        if key in match:
            node = match[key]
            written = text(node) or text(fields(unit, node, key).get("regex"))
            words.append(f"{word} {written}")
    if "connect_matcher" in match:
        words.append("CONNECT")
    if "path_match_policy" in match:
        words.append("path template")
    if headers:
        words.append(f"+ {headers} header{'s' * (headers > 1)}")
    parameters = len(items(unit, match.get("query_parameters"), "a list of query parameters"))
    if parameters:
        words.append(f"+ {parameters} query parameter{'s' * (parameters > 1)}")
    return " ".join(words)


def _header(unit: Unit, matcher: Node) -> str:
    one = fields(unit, matcher, "a header matcher")
    exact = fields(unit, one["string_match"], "string_match").get("exact") if "string_match" in one else None
    return f"{text(one.get('name'))}: {text(exact)}"
