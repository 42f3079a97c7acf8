"""The canary's route: a copy of stable's, whole, with one more predicate, its own id and `uri`, and the stamp."""

from collections.abc import Sequence

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import STAMP_HEADER, CanaryRule
from gatewayctl.gateways.hosts import Underivable
from gatewayctl.gateways.springcloud.relaxed_binding import path_of
from gatewayctl.gateways.springcloud.routes import STAMP_KEY, Route, own_id, safe
from gatewayctl.gateways.springcloud.uris import canary_uri
from gatewayctl.gateways.yamltext.nodes import (
    appended,
    copy,
    is_flow,
    is_null,
    listing,
    mapping,
    plain,
    quoted,
    rebuilt,
)

Pairs = list[tuple[Node, Node]]

_BY_INDEX = ("predicates.", "filters.", "metadata.[")


def canary_route(route: Route, rule: CanaryRule, number: int) -> MappingNode:
    """What goes above `route`, as the `number`th of its list. Raises Refused."""
    _refuse_unsafe(route, rule)
    whole = copy(route.unit, route.node)
    assert isinstance(whole, MappingNode)  # noqa: S101 (it was read as one)
    writer = _Writer(whole)
    uri = _uri(route, rule)
    stamp = safe(rule.stamp)
    filters = [quoted(f"SetResponseHeader={STAMP_HEADER}, {stamp}")]
    pairs: Pairs = []
    left = {"filters", "metadata"}
    for key, value in whole.value:
        name = ".".join(path_of(key.value))
        left.discard(name)
        if name == "id":
            value = quoted(own_id(rule.app, number))  # noqa: PLW2901
        elif name == "uri":
            value = quoted(uri)  # noqa: PLW2901
        elif name == "predicates":
            value = appended(value, quoted(f"Header={rule.header.name}, {rule.header.value}"), whole)  # noqa: PLW2901
        elif name == "filters":
            value = appended(value, filters[0], whole)  # noqa: PLW2901
        elif name == "metadata":
            value = _stamped(route, writer, value, stamp)  # noqa: PLW2901
        pairs.append((key, value))
    if "filters" in left:
        pairs.append((writer.key("filters"), listing(filters, whole)))
    if "metadata" in left:
        pairs.append((writer.key("metadata"), mapping([(writer.key(STAMP_KEY), quoted(stamp))], whole)))
    return rebuilt(whole, pairs)


class _Writer:
    """Keys of our own, in the style of the route they go into."""

    def __init__(self, like: MappingNode) -> None:
        first = like.value[0][0] if like.value else None
        self._json = is_flow(like) and isinstance(first, ScalarNode) and first.style == '"'

    def key(self, name: str) -> Node:
        """A field's name."""
        return quoted(name) if self._json else plain(name)


def _stamped(route: Route, writer: _Writer, before: Node, stamp: str) -> MappingNode:
    pair = (writer.key(STAMP_KEY), quoted(stamp))
    if isinstance(before, MappingNode):
        if any(path_of(key.value) == (STAMP_KEY,) for key, _ in before.value):
            raise route.unit.refused(before, f"this route has metadata called {STAMP_KEY} already")
        return rebuilt(before, [*before.value, pair])
    if not is_null(before):
        raise route.unit.unexpected(before, "metadata")
    return mapping([pair], route.node)


def _uri(route: Route, rule: CanaryRule) -> str:
    try:
        return canary_uri(route.uri, rule, route.lookup)
    except Underivable as why:
        raise route.unit.refused(
            route.fields["uri"],
            f"the canary's address cannot be derived from {rule.service}: {why}",
            hint="give the address of the canary's Service with --canary-host HOST:PORT",
        ) from why


def _refuse_unsafe(route: Route, rule: CanaryRule) -> None:
    """Raise Refused for routes whose copy would not do what is wanted."""
    unit, found = route.unit, route.fields
    if not route.id:
        reason = "this route has no id: Spring gives it a random one, and a random place among the routes"
        raise unit.refused(route.node, reason, hint="give it an id")
    for name, node in found.items():
        if name.startswith(_BY_INDEX):
            what = name.split(".")[0]
            raise unit.refused(node, f"the {what} of this route are written by index", hint="write them as a list")
    predicates = route.conditions("predicates")
    if not predicates:
        raise unit.refused(route.node, "this route has no predicates: Spring does not load it")
    for one in predicates:
        if one.name == "Weight":
            raise unit.refused(
                found["predicates"],
                "this route takes a share of requests by Weight: a canary in its group would change the shares",
                hint="finish that split first",
            )
        if one.name == "Header" and rule.header.name in {argument.lower() for argument in one.arguments[:1]}:
            raise _tested(route, rule)
    listed = found["predicates"]
    if isinstance(listed, SequenceNode):
        _refuse_tested_long(route, listed.value, rule)


def _refuse_tested_long(route: Route, predicates: Sequence[Node], rule: CanaryRule) -> None:
    """The arguments of a long form have names, and any order."""
    for node, one in zip(predicates, route.conditions("predicates"), strict=True):
        named = {argument.lower() for argument in one.arguments} if isinstance(node, MappingNode) else set()
        if one.name == "Header" and rule.header.name in named:
            raise _tested(route, rule)


def _tested(route: Route, rule: CanaryRule) -> Refused:
    return route.unit.refused(
        route.node,
        f"this route already tests the header {rule.header.name}",
        hint="choose another header name for the canary, or remove that predicate",
    )
