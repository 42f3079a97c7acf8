"""Makes the canary's route: a copy of stable's with one predicate more, its own id and `uri`, and the stamp."""

from collections.abc import Sequence

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import STAMP_HEADER, CanaryRule
from gatewayctl.gateways.hosts import Underivable
from gatewayctl.gateways.springcloud.relaxed_binding import path_of
from gatewayctl.gateways.springcloud.routes import STAMP_KEY, PredicateOrFilter, SpringRoute, safe
from gatewayctl.gateways.springcloud.uris import canary_uri, is_same_place, resolve_placeholders
from gatewayctl.gateways.yamltext.nodes import (
    append_item,
    copy,
    is_flow,
    is_null,
    listing,
    mapping,
    plain,
    quote,
    with_pairs,
)

Pairs = list[tuple[Node, Node]]

_BY_INDEX = ("predicates.", "filters.", "metadata.[")


def header_predicate(rule: CanaryRule) -> str:
    """The predicate that only marked requests pass."""
    return f"Header={rule.header.name}, {rule.header.value}"


def canary_route(route: SpringRoute, rule: CanaryRule, route_id: str, predicate: str) -> MappingNode:
    """The route that goes above `route`, for those of its requests that pass `predicate`, too. Raises Refused."""
    _refuse_unsafe(route, rule)
    whole = copy(route.fragment, route.node)
    assert isinstance(whole, MappingNode)  # noqa: S101 (it was read as one)
    writer = KeyWriter(whole)
    uri = _uri(route, rule)
    stamp = safe(rule.stamp)
    filters = [quote(f"SetResponseHeader={STAMP_HEADER}, {stamp}")]
    pairs: Pairs = []
    left = {"filters", "metadata"}
    for key, value in whole.value:
        name = ".".join(path_of(key.value))
        left.discard(name)
        if name == "id":
            value = quote(route_id)  # noqa: PLW2901
        elif name == "uri":
            value = quote(uri)  # noqa: PLW2901
        elif name == "predicates":
            value = append_item(value, quote(predicate), whole)  # noqa: PLW2901
        elif name == "filters":
            value = append_item(value, filters[0], whole)  # noqa: PLW2901
        elif name == "metadata":
            value = _add_stamp(route, writer, value, stamp)  # noqa: PLW2901
        pairs.append((key, value))
    if "filters" in left:
        pairs.append((writer.key("filters"), listing(filters, whole)))
    if "metadata" in left:
        pairs.append((writer.key("metadata"), mapping([(writer.key(STAMP_KEY), quote(stamp))], whole)))
    return with_pairs(whole, pairs)


class KeyWriter:
    """Makes new keys in the style of the route that gets them."""

    def __init__(self, like: MappingNode) -> None:
        first = like.value[0][0] if like.value else None
        self._json = is_flow(like) and isinstance(first, ScalarNode) and first.style == '"'

    def key(self, name: str) -> Node:
        """The name of a field."""
        return quote(name) if self._json else plain(name)


def _add_stamp(route: SpringRoute, writer: KeyWriter, before: Node, stamp: str) -> MappingNode:
    pair = (writer.key(STAMP_KEY), quote(stamp))
    if isinstance(before, MappingNode):
        if any(path_of(key.value) == (STAMP_KEY,) for key, _ in before.value):
            raise route.fragment.refusal(before, f"this route has metadata called {STAMP_KEY} already")
        return with_pairs(before, [*before.value, pair])
    if not is_null(before):
        raise route.fragment.wrong_type(before, "metadata")
    return mapping([pair], route.node)


def _uri(route: SpringRoute, rule: CanaryRule) -> str:
    if rule.canary_uri and is_same_place(rule.canary_uri, resolve_placeholders(route.uri, route.lookup)):
        raise route.fragment.refusal(route.fields["uri"], f"stable has the canary's URI: {rule.canary_uri}")
    try:
        return canary_uri(route.uri, rule, route.lookup)
    except Underivable as fault:
        raise route.fragment.refusal(
            route.fields["uri"],
            f"the canary's address cannot be derived from {rule.service}: {fault}",
            hint="give the address of the canary's Service with --canary-host HOST:PORT, or its name in the registry "
            "with --canary-uri lb://NAME",
        ) from fault


def _refuse_unsafe(route: SpringRoute, rule: CanaryRule) -> None:
    """Raise Refused for routes whose copy would not do what is wanted."""
    if not route.id:
        reason = "this route has no id: Spring gives it a random one, and a random place among the routes"
        raise route.fragment.refusal(route.node, reason, hint="give it an id")
    _refuse_indexes(route)
    predicates = route.definitions("predicates")
    if not predicates:
        raise route.fragment.refusal(route.node, "this route has no predicates: Spring does not load it")
    for predicate in predicates:
        _refuse_predicate(route, predicate, rule)
    listed = route.fields["predicates"]
    if isinstance(listed, SequenceNode):
        _refuse_named_header(route, listed.value, rule)


def _refuse_indexes(route: SpringRoute) -> None:
    for name, node in route.fields.items():
        if name.startswith(_BY_INDEX):
            reason = f"the {name.split('.')[0]} of this route are written by index"
            raise route.fragment.refusal(node, reason, hint="write them as a list")


def _refuse_predicate(route: SpringRoute, predicate: PredicateOrFilter, rule: CanaryRule) -> None:
    if predicate.name == "Header" and rule.header.name in {argument.lower() for argument in predicate.arguments[:1]}:
        raise _header_conflict(route, rule)


def _refuse_named_header(route: SpringRoute, predicates: Sequence[Node], rule: CanaryRule) -> None:
    """The same for predicates with named arguments, which may have any order."""
    for node, one in zip(predicates, route.definitions("predicates"), strict=True):
        named = {argument.lower() for argument in one.arguments} if isinstance(node, MappingNode) else set()
        if one.name == "Header" and rule.header.name in named:
            raise _header_conflict(route, rule)


def _header_conflict(route: SpringRoute, rule: CanaryRule) -> Refused:
    return route.fragment.refusal(
        route.node,
        f"this route already tests the header {rule.header.name}",
        hint="choose another header name for the canary, or remove that predicate",
    )
