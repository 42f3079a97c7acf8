"""Reads one route of Envoy: its upstreams, and how it is shown to people."""

from collections.abc import Iterator
from dataclasses import dataclass

from yaml.nodes import Node, ScalarNode, SequenceNode

from gatewayctl.domain.routing import RouteView
from gatewayctl.gateways.envoy.fields import message
from gatewayctl.gateways.envoy.locate import Barrier, UneditablePart, VirtualHostRoutes
from gatewayctl.gateways.envoy.marks import is_share_mark, read_route_mark
from gatewayctl.gateways.yamltext.cursor import Cursor
from gatewayctl.gateways.yamltext.fragments import Fragment

# These choose the upstream for each request; the file does not say which.
_CHOSEN_LATE = ("cluster_header", "cluster_specifier_plugin", "inline_cluster_specifier_plugin")
_PATHS = {"prefix": "prefix", "path": "path", "path_separated_prefix": "prefix", "safe_regex": "regex"}
_DENOMINATORS = {"": 100, "HUNDRED": 100, "TEN_THOUSAND": 10_000, "MILLION": 1_000_000}
_OTHER_PATHS = {"connect_matcher": "CONNECT", "path_match_policy": "path template"}


@dataclass(frozen=True, slots=True, eq=False)
class EnvoyRoute:
    """A route that names its upstreams; `shares` are their names and weights. The weight of the only one is empty.

    `owner` is the rule that gatewayctl wrote it for; empty if people wrote it.
    """

    host: VirtualHostRoutes
    index: int
    node: Node
    name: str
    action: Node
    shares: tuple[tuple[str, str], ...]
    owner: str = ""

    @property
    def fragment(self) -> Fragment:
        """The text that holds it."""
        return self.host.fragment

    @property
    def message(self) -> Cursor:
        """What it says."""
        return message(self.fragment, self.node, "a route")

    @property
    def sequence(self) -> SequenceNode | None:
        """The list that holds it; None where the file has a single mapping in place of a list."""
        return self.host.routes if isinstance(self.host.routes, SequenceNode) else None

    @property
    def upstreams(self) -> frozenset[str]:
        """The names of the upstreams."""
        return frozenset(name for name, _ in self.shares)


def routes_of(host: VirtualHostRoutes) -> Iterator[EnvoyRoute]:
    """The routes of a virtual host that name their upstreams. Raises Refused."""
    for index, route in host:
        action = route.field("route", "a route's action")
        shares = _read_shares(action)
        if shares and route.node is not None and action.node is not None:
            name, owner = route.field("name").text, read_route_mark(route.fields)
            yield EnvoyRoute(host, index, route.node, name, action.node, shares, owner)


def late_upstreams(host: VirtualHostRoutes) -> Iterator[UneditablePart]:
    """Routes whose upstream is chosen when a request comes. Raises Refused."""
    for _, route in host:
        action = route.field("route", "a route's action").fields
        for field in _CHOSEN_LATE:
            if field in action:
                reason = f"a route chooses its cluster by {field}"
                yield UneditablePart(host.fragment, action[field], Barrier.ELSEWHERE, reason)


def view(route: EnvoyRoute) -> RouteView:
    """A route as it is shown to people. A rule has its owner's name; its header or its share is shown apart."""
    match = route.message.field("match")
    matchers = match.field("headers", "a list of header matchers").items("a header matcher")
    is_share = is_share_mark(route.owner)
    is_rule = bool(route.owner and matchers and not is_share)
    return RouteView(
        file=route.fragment.file,
        line=route.fragment.line(route.node),
        place=route.host.place,
        match=_describe_match(match, len(matchers) - is_rule),
        target=" ".join(f"{name}:{weight}" if weight else name for name, weight in route.shares),
        name=route.owner or route.name,
        header=_describe_header(matchers[-1]) if is_rule else "",
        share=_read_percent(match) if is_share else 0,
    )


def _read_percent(match: Cursor) -> int:
    """The percentage of a `runtime_fraction`, rounded; 0 where it cannot be read."""
    fraction = match.field("runtime_fraction").field("default_value")
    whole = _DENOMINATORS.get(fraction.field("denominator").text, 0)
    numerator = fraction.field("numerator").text
    return round(100 * int(numerator) / whole) if whole and numerator.isdecimal() else 0


def _read_shares(action: Cursor) -> tuple[tuple[str, str], ...]:
    cluster = action.field("cluster", "the name of a cluster")
    if cluster.node is not None:
        if not isinstance(cluster.node, ScalarNode):
            raise cluster.fragment.wrong_type(cluster.node, cluster.what)
        return ((cluster.text, ""),)
    listed = action.field("weighted_clusters").field("clusters", "a list of weighted clusters")
    shares = [one for one in listed.items("a weighted cluster") if {"name", "cluster_header"} & set(one.fields)]
    if not any("name" in one.fields for one in shares):
        return ()
    return tuple((_name_of_share(one), one.field("weight").text or "0") for one in shares)


def _name_of_share(share: Cursor) -> str:
    """The cluster of a share, or the header whose value is the cluster of each request."""
    return share.field("name").text or f"(cluster_header {share.field('cluster_header').text})"


def _describe_match(match: Cursor, headers: int) -> str:
    """A match in words, with the number of its headers."""
    found = match.fields
    words = [f"{word} {_read_path(match.field(key))}" for key, word in _PATHS.items() if key in found]
    words += [word for key, word in _OTHER_PATHS.items() if key in found]
    parameters = match.field("query_parameters", "a list of query parameters").items("a query parameter")
    words += [_count(headers, "header"), _count(len(parameters), "query parameter")]
    return " ".join(word for word in words if word)


def _read_path(path: Cursor) -> str:
    """A path as text, or the expression of a `safe_regex`."""
    return path.text or path.field("regex").text


def _count(number: int, what: str) -> str:
    return f"+ {number} {what}{'s' * (number > 1)}" if number else ""


def _describe_header(matcher: Cursor) -> str:
    return f"{matcher.field('name').text}: {matcher.field('string_match').field('exact').text}"
