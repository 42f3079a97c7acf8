"""The canary's route: a copy of stable's, whole, with one more header to match, another cluster, and the stamp."""

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import STAMP_HEADER, CanaryRule
from gatewayctl.gateways.envoy.fields import camel, fields, is_camel, items, snake, text
from gatewayctl.gateways.envoy.routes import Route
from gatewayctl.gateways.yamltext.fragments import Unit
from gatewayctl.gateways.yamltext.nodes import appended, copy, is_flow, listing, mapping, plain, quoted, rebuilt

Pairs = list[tuple[Node, Node]]


class Writer:
    """Fields of our own, spelled and styled as in the file they go into."""

    def __init__(self, unit: Unit, like: Node) -> None:
        self._camel = is_camel(unit)
        self._like = like
        first = like.value[0][0] if isinstance(like, MappingNode) and like.value else None
        self._json = is_flow(like) and isinstance(first, ScalarNode) and first.style == '"'

    def key(self, name: str) -> Node:
        """A field's name."""
        spelled = camel(name) if self._camel else name
        return quoted(spelled) if self._json else plain(spelled)

    def message(self, like: Node | None = None, /, **values: Node | str) -> MappingNode:
        """A message with these fields; in the style of `like`, or of the item."""
        pairs: Pairs = [
            (self.key(name), quoted(value) if isinstance(value, str) else value) for name, value in values.items()
        ]
        return mapping(pairs, like or self._like)

    def entry(self, name: str, value: Node) -> tuple[Node, Node]:
        """One entry of a map, whose key is data and not a field."""
        return (quoted(name) if self._json else plain(name), value)


def replaced(message: MappingNode, name: str, value: Node) -> MappingNode:
    """`message` with another value for a field it has."""
    return rebuilt(message, [(key, value if snake(key.value) == name else old) for key, old in message.value])


def canary_route(route: Route, rule: CanaryRule) -> MappingNode:
    """What goes above `route`. Raises Refused."""
    unit = route.unit
    whole = copy(unit, route.node)
    assert isinstance(whole, MappingNode)  # noqa: S101 (it was read as one)
    writer = Writer(unit, whole)
    pairs: Pairs = [(writer.key("name"), quoted(rule.name))]
    seen = set()
    for key, value in whole.value:
        name = snake(key.value)
        seen.add(name)
        if name == "match":
            pairs.append((key, _match(route, value, rule)))
        elif name == "route":
            pairs.append((key, _action(route, value, rule)))
        elif name == "response_headers_to_add":
            pairs.append((key, _stamped(unit, writer, value, rule)))
        elif name != "name":
            pairs.append((key, value))
    if "match" not in seen:
        raise unit.refused(route.node, "this route has no match")
    if "response_headers_to_add" not in seen:
        pairs.append((writer.key("response_headers_to_add"), listing([_stamp(writer, whole, rule)], whole)))
    return rebuilt(whole, pairs)


def stamp_value(rule: CanaryRule) -> str:
    """The stamp as Envoy's header formatter wants it."""
    return rule.stamp.replace("%", "%%")


def _match(route: Route, match: Node, rule: CanaryRule) -> MappingNode:
    unit = route.unit
    if not isinstance(match, MappingNode):
        raise unit.unexpected(match, "match")
    found = fields(unit, match, "match")
    writer = Writer(unit, match)
    ours = writer.message(name=rule.header.name, string_match=writer.message(exact=rule.header.value))
    before = found.get("headers")
    if before is None:
        return rebuilt(match, [*match.value, (writer.key("headers"), listing([ours], match))])
    for matcher in items(unit, before, "a list of header matchers"):
        tested = text(fields(unit, matcher, "a header matcher").get("name"))
        if tested.lower() == rule.header.name:
            raise _tested(route, tested)
    return replaced(match, "headers", appended(before, ours, match))


def _tested(route: Route, header: str) -> Refused:
    return route.unit.refused(
        route.node,
        f"this route already tests the header {header}",
        hint="choose another header name for the canary, or remove that matcher",
    )


def _action(route: Route, action: Node, rule: CanaryRule) -> MappingNode:
    unit = route.unit
    assert isinstance(action, MappingNode)  # noqa: S101 (it named an upstream)
    found = fields(unit, action, "a route's action")
    if "cluster" in found:
        return replaced(action, "cluster", quoted(rule.canary))
    weighted = found["weighted_clusters"]
    assert isinstance(weighted, MappingNode)  # noqa: S101 (it named an upstream)
    members = fields(unit, weighted, "weighted_clusters")["clusters"]
    ones = items(unit, members, "a list of weighted clusters")
    if all(set(fields(unit, one, "a weighted cluster")) <= {"name", "weight"} for one in ones):
        writer = Writer(unit, action)
        pairs = [
            (writer.key("cluster"), quoted(rule.canary)) if snake(key.value) == "weighted_clusters" else (key, value)
            for key, value in action.value
        ]
        return rebuilt(action, pairs)
    # Shares with settings of their own (headers, per-filter configuration) keep them.
    renamed = [replaced(one, "name", quoted(rule.canary)) for one in ones if isinstance(one, MappingNode)]
    list_of = SequenceNode("", renamed, flow_style=is_flow(members))
    return replaced(action, "weighted_clusters", replaced(weighted, "clusters", list_of))


def _stamped(unit: Unit, writer: Writer, before: Node, rule: CanaryRule) -> SequenceNode:
    items(unit, before, "a list of header changes")
    like = before if not isinstance(before, ScalarNode) else mapping([], before)
    return appended(before, _stamp(writer, like, rule), like)


def _stamp(writer: Writer, like: Node, rule: CanaryRule) -> MappingNode:
    header = writer.message(like, key=STAMP_HEADER, value=stamp_value(rule))
    return writer.message(like, header=header, append_action="OVERWRITE_IF_EXISTS_OR_ADD")
