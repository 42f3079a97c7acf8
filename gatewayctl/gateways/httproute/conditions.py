"""The header that each match of a rule of ours requires besides what stable's match does."""

from dataclasses import dataclass

from yaml.nodes import MappingNode, Node, SequenceNode

from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.api_objects import api_value
from gatewayctl.gateways.httproute.locate import HttpRouteRule
from gatewayctl.gateways.yamltext.field_writer import FieldWriter, with_field
from gatewayctl.gateways.yamltext.nodes import append_item


@dataclass(frozen=True, slots=True)
class HeaderMatch:
    """A header that each match of a rule of ours requires besides stable's; `kind` is the API's word for it.

    `hint` says what to do where stable tests that header itself.
    """

    name: str
    value: str
    kind: str
    hint: str


# A share's rule must win over stable's for the same requests, and may not stand above it: so it has to require one
# thing more that every request has. Envoy and Traefik set this header on each request before they choose a route.
EVERY_REQUEST = HeaderMatch(
    "x-forwarded-proto",
    ".*",
    "RegularExpression",
    "remove that match: a share needs that header for itself",
)


def marked_only(wanted: CanaryRule) -> HeaderMatch:
    """The header of marked requests."""
    hint = "choose another header name for the canary, or remove that match"
    return HeaderMatch(wanted.header.name, wanted.header.value, "Exact", hint)


def add_header(rule: HttpRouteRule, matches: Node | None, header: HeaderMatch, writer: FieldWriter) -> SequenceNode:
    """The matches, each with one header more; a rule without matches gets one, for every path. Raises Refused."""
    fragment = rule.route.fragment
    listed = api_value(fragment, matches, "a list of matches").nodes()
    if matches is None or not listed:
        path = writer.mapping(type=writer.key("PathPrefix"), value="/")
        return writer.sequence(writer.mapping(path=path, headers=writer.sequence(_header_match(writer, header))))
    assert isinstance(matches, SequenceNode)  # noqa: S101 (it has items)
    with_header = [_add_header_to_match(rule, one, header) for one in listed]
    return SequenceNode(matches.tag, with_header, flow_style=matches.flow_style)


def _header_match(writer: FieldWriter, header: HeaderMatch) -> MappingNode:
    return writer.mapping(type=writer.key(header.kind), name=header.name, value=header.value)


def _add_header_to_match(rule: HttpRouteRule, match: Node, header: HeaderMatch) -> MappingNode:
    fragment = rule.route.fragment
    if not isinstance(match, MappingNode):
        raise fragment.wrong_type(match, "a match")
    writer = FieldWriter(match)
    ours = _header_match(writer, header)
    headers = api_value(fragment, match, "a match").field("headers", "a list of header matches")
    if headers.node is None:
        return with_field(match, "headers", writer.sequence(ours))
    for one in headers.items("a header match"):
        name = one.field("name").text
        if name.lower() == header.name:
            raise rule.route.fragment.refusal(rule.node, f"this rule already tests the header {name}", hint=header.hint)
    return with_field(match, "headers", append_item(headers.node, ours, match))
