"""Makes the canary's routes: copies of stable's route with the canary's cluster and the stamp.

One takes the requests with the rule's header, the other one a share of the requests without it.
"""

from collections.abc import Callable

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import STAMP_HEADER, CanaryRule
from gatewayctl.gateways.envoy.fields import message, snake, text
from gatewayctl.gateways.envoy.marks import marked_metadata
from gatewayctl.gateways.envoy.routes import EnvoyRoute
from gatewayctl.gateways.envoy.writer import MessageWriter, Pairs, replace_field, set_field
from gatewayctl.gateways.yamltext.fragments import Fragment
from gatewayctl.gateways.yamltext.nodes import append_item, copy, is_flow, listing, mapping, plain, quote, with_pairs

NarrowMatch = Callable[[EnvoyRoute, Node, CanaryRule], MappingNode]
"""Gives stable's match with what lets it take the canary's requests only. Raises Refused."""


def canary_route(route: EnvoyRoute, rule: CanaryRule) -> MappingNode:
    """The route for marked requests that goes above `route`. Raises Refused."""
    return _copy_route(route, rule, rule.name, _add_header_match)


def share_route(route: EnvoyRoute, rule: CanaryRule) -> MappingNode:
    """The route for a share of the other requests, which goes between the one above and `route`. Raises Refused.

    Its `stat_prefix` lets Envoy count its requests apart from the marked ones, which the same cluster gets.
    """
    copied = _copy_route(route, rule, rule.share_name, _add_fraction)
    return set_field(MessageWriter(route.fragment, route.node), copied, "stat_prefix", quote(rule.share_name))


def _copy_route(route: EnvoyRoute, rule: CanaryRule, mark: str, narrow: NarrowMatch) -> MappingNode:
    """A copy that sends to the canary. It has the name of `route`, and `mark` in its metadata. Raises Refused."""
    fragment = route.fragment
    whole = copy(fragment, route.node)
    assert isinstance(whole, MappingNode)  # noqa: S101 (it was read as one)
    writer = MessageWriter(fragment, whole)
    found = message(fragment, whole, "a route").fields
    if "match" not in found:
        raise fragment.refusal(route.node, "this route has no match")
    metadata = (writer.key("metadata"), marked_metadata(fragment, writer, found.get("metadata"), whole, mark))
    # The mark is the first field, so that people see at once whose route this is.
    pairs: Pairs = [metadata, *_changed_fields(route, whole, rule, narrow)]
    if "response_headers_to_add" not in found:
        pairs.append((writer.key("response_headers_to_add"), listing([_stamp(writer, whole, rule)], whole)))
    return with_pairs(whole, pairs)


def _changed_fields(route: EnvoyRoute, whole: MappingNode, rule: CanaryRule, narrow: NarrowMatch) -> Pairs:
    """The fields of stable's route as the canary's has them, but for the metadata."""
    writer = MessageWriter(route.fragment, whole)
    pairs: Pairs = []
    for key, value in whole.value:
        name = snake(key.value)
        if name == "match":
            pairs.append((key, narrow(route, value, rule)))
        elif name == "route":
            pairs.append((key, _send_to_canary(route, value, rule)))
        elif name == "response_headers_to_add":
            pairs.append((key, _add_stamp(route.fragment, writer, value, rule)))
        elif name == "stat_prefix" and text(value):
            pairs.append((key, quote(f"{text(value)}-canary")))
        elif name != "metadata":
            pairs.append((key, value))
    return pairs


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


def _add_fraction(route: EnvoyRoute, match: Node, rule: CanaryRule) -> MappingNode:
    """A `runtime_fraction` without a runtime key: no runtime layer of the gateway can change the share.

    Envoy draws one random number for each request, when it arrives. So a retry keeps the version of the first attempt.
    """
    if not isinstance(match, MappingNode):
        raise route.fragment.wrong_type(match, "match")
    writer = MessageWriter(route.fragment, match)
    percent = writer.message(numerator=plain(str(rule.share)), denominator="HUNDRED")
    fraction = writer.message(default_value=percent)
    return with_pairs(match, [*match.value, (writer.key("runtime_fraction"), fraction)])


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
