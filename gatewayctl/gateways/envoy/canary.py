"""Makes the canary's route: a copy of stable's route with a header match, the canary's cluster, and the stamp."""

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import STAMP_HEADER, CanaryRule
from gatewayctl.gateways.envoy.fields import camel, is_camel, message, snake
from gatewayctl.gateways.envoy.routes import EnvoyRoute
from gatewayctl.gateways.yamltext.fragments import Fragment
from gatewayctl.gateways.yamltext.nodes import append_item, copy, is_flow, listing, mapping, plain, quote, with_pairs

Pairs = list[tuple[Node, Node]]


class MessageWriter:
    """Makes new fields in the spelling of a fragment and in the style of its message `like`."""

    def __init__(self, fragment: Fragment, like: Node) -> None:
        self._camel = is_camel(fragment)
        self._like = like
        first = like.value[0][0] if isinstance(like, MappingNode) and like.value else None
        self._json = is_flow(like) and isinstance(first, ScalarNode) and first.style == '"'

    def key(self, name: str) -> Node:
        """The name of a field."""
        spelled = camel(name) if self._camel else name
        return quote(spelled) if self._json else plain(spelled)

    def message(self, like: Node | None = None, /, **values: Node | str) -> MappingNode:
        """A message with these fields, block or flow like `like`."""
        pairs: Pairs = [
            (self.key(name), quote(value) if isinstance(value, str) else value) for name, value in values.items()
        ]
        return mapping(pairs, like or self._like)

    def entry(self, name: str, value: Node) -> tuple[Node, Node]:
        """One entry of a map: its key is data, and keeps its spelling."""
        return (quote(name) if self._json else plain(name), value)


def replace_field(holder: MappingNode, name: str, value: Node) -> MappingNode:
    """The message `holder` with another value for a field that it has."""
    return with_pairs(holder, [(key, value if snake(key.value) == name else old) for key, old in holder.value])


def canary_route(route: EnvoyRoute, rule: CanaryRule) -> MappingNode:
    """The route that goes above `route`. Raises Refused."""
    fragment = route.fragment
    whole = copy(fragment, route.node)
    assert isinstance(whole, MappingNode)  # noqa: S101 (it was read as one)
    writer = MessageWriter(fragment, whole)
    pairs: Pairs = [(writer.key("name"), quote(rule.name))]
    seen = set()
    for key, value in whole.value:
        name = snake(key.value)
        seen.add(name)
        if name == "match":
            pairs.append((key, _add_header_match(route, value, rule)))
        elif name == "route":
            pairs.append((key, _send_to_canary(route, value, rule)))
        elif name == "response_headers_to_add":
            pairs.append((key, _add_stamp(fragment, writer, value, rule)))
        elif name != "name":
            pairs.append((key, value))
    if "match" not in seen:
        raise fragment.refusal(route.node, "this route has no match")
    if "response_headers_to_add" not in seen:
        pairs.append((writer.key("response_headers_to_add"), listing([_stamp(writer, whole, rule)], whole)))
    return with_pairs(whole, pairs)


def stamp_value(rule: CanaryRule) -> str:
    """The stamp, with `%` doubled: Envoy's header formatter takes a single one for a command."""
    return rule.stamp.replace("%", "%%")


def _add_header_match(route: EnvoyRoute, match: Node, rule: CanaryRule) -> MappingNode:
    fragment = route.fragment
    if not isinstance(match, MappingNode):
        raise fragment.wrong_type(match, "match")
    headers = message(fragment, match, "match").field("headers", "a list of header matchers")
    writer = MessageWriter(fragment, match)
    ours = writer.message(name=rule.header.name, string_match=writer.message(exact=rule.header.value))
    if headers.node is None:
        return with_pairs(match, [*match.value, (writer.key("headers"), listing([ours], match))])
    for matcher in headers.items("a header matcher"):
        name = matcher.field("name").text
        if name.lower() == rule.header.name:
            raise _header_conflict(route, name)
    return replace_field(match, "headers", append_item(headers.node, ours, match))


def _header_conflict(route: EnvoyRoute, header: str) -> Refused:
    return route.fragment.refusal(
        route.node,
        f"this route already tests the header {header}",
        hint="choose another header name for the canary, or remove that matcher",
    )


def _send_to_canary(route: EnvoyRoute, action: Node, rule: CanaryRule) -> MappingNode:
    fragment = route.fragment
    assert isinstance(action, MappingNode)  # noqa: S101 (it named an upstream)
    found = message(fragment, action, "a route's action")
    if "cluster" in found.fields:
        return replace_field(action, "cluster", quote(rule.canary))
    weighted = found.field("weighted_clusters")
    listed = weighted.field("clusters", "a list of weighted clusters")
    shares = listed.items("a weighted cluster")
    if all(set(share.fields) <= {"name", "weight"} for share in shares):
        writer = MessageWriter(fragment, action)
        pairs = [
            (writer.key("cluster"), quote(rule.canary)) if snake(key.value) == "weighted_clusters" else (key, value)
            for key, value in action.value
        ]
        return with_pairs(action, pairs)
    # Shares with settings of their own (headers, per-filter configuration) keep them.
    renamed = [
        replace_field(one.node, "name", quote(rule.canary)) for one in shares if isinstance(one.node, MappingNode)
    ]
    assert isinstance(weighted.node, MappingNode)  # noqa: S101 (it named an upstream)
    assert listed.node is not None  # noqa: S101 (the same)
    clusters = SequenceNode("", renamed, flow_style=is_flow(listed.node))
    return replace_field(action, "weighted_clusters", replace_field(weighted.node, "clusters", clusters))


def _add_stamp(fragment: Fragment, writer: MessageWriter, before: Node, rule: CanaryRule) -> SequenceNode:
    message(fragment, before, "a list of header changes").nodes()  # refuses what is not a list
    like = before if not isinstance(before, ScalarNode) else mapping([], before)
    return append_item(before, _stamp(writer, like, rule), like)


def _stamp(writer: MessageWriter, like: Node, rule: CanaryRule) -> MappingNode:
    header = writer.message(like, key=STAMP_HEADER, value=stamp_value(rule))
    return writer.message(like, header=header, append_action="OVERWRITE_IF_EXISTS_OR_ADD")
