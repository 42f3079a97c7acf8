"""The canary's rule: a copy of stable's with one more header in each match, another backend, and the stamp."""

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import STAMP_HEADER, CanaryRule
from gatewayctl.gateways.httproute.fields import api_value
from gatewayctl.gateways.httproute.locate import HttpRouteRule
from gatewayctl.gateways.httproute.service import ServiceName, parse_service
from gatewayctl.gateways.yamltext.cursor import Cursor
from gatewayctl.gateways.yamltext.fragments import Fragment
from gatewayctl.gateways.yamltext.nodes import (
    append_item,
    copy,
    is_flow,
    listing,
    mapping,
    plain,
    quote,
    text,
    with_pairs,
)

Pairs = list[tuple[Node, Node]]
_MODIFIER = "ResponseHeaderModifier"  # the type of the filter, and below the field that holds its settings
_MODIFIER_FIELD = "responseHeaderModifier"


class FieldWriter:
    """Writes fields of our own in the style of the node that they go into: JSON where that one is JSON."""

    def __init__(self, like: Node) -> None:
        self._like = like
        first = like.value[0][0] if isinstance(like, MappingNode) and like.value else None
        self._json = is_flow(like) and isinstance(first, ScalarNode) and first.style == '"'

    def key(self, name: str) -> Node:
        """A field's name, or a value that the API defines, such as `Exact`."""
        return quote(name) if self._json else plain(name)

    def field(self, name: str, value: Node | str) -> tuple[Node, Node]:
        """A field with its value."""
        return self.key(name), quote(value) if isinstance(value, str) else value

    def mapping(self, **values: Node | str) -> MappingNode:
        """A mapping with these fields."""
        return mapping([self.field(name, value) for name, value in values.items()], self._like)

    def sequence(self, *values: Node) -> SequenceNode:
        """A list of these nodes."""
        return listing(values, self._like)


def canary_rule(rule: HttpRouteRule, wanted: CanaryRule, name: str) -> MappingNode:
    """The canary's copy of `rule`, called `name`. Raises Refused."""
    fragment = rule.route.fragment
    whole = copy(fragment, rule.node)
    assert isinstance(whole, MappingNode)  # noqa: S101 (it was read as one)
    writer = FieldWriter(whole)
    found = api_value(fragment, whole, "a rule").fields
    pairs: Pairs = [writer.field("name", name)]
    if "matches" not in found:
        pairs.append((writer.key("matches"), _add_header(rule, None, wanted, writer)))
    for key, value in whole.value:
        if key.value == "matches":
            pairs.append((key, _add_header(rule, value, wanted, writer)))
        elif key.value == "filters":
            pairs.append((key, _add_stamp(fragment, value, wanted, writer)))
        elif key.value == "backendRefs":
            if "filters" not in found:
                pairs.append((writer.key("filters"), _add_stamp(fragment, None, wanted, writer)))
            pairs.append((key, _replace_backends(rule, value, wanted)))
        elif key.value != "name":
            pairs.append((key, value))
    return with_pairs(whole, pairs)


def _add_header(rule: HttpRouteRule, matches: Node | None, wanted: CanaryRule, writer: FieldWriter) -> SequenceNode:
    """The matches, each with the canary's header; a rule without matches gets one, for every path."""
    fragment = rule.route.fragment
    listed = api_value(fragment, matches, "a list of matches").nodes()
    if matches is None or not listed:
        path = writer.mapping(type=writer.key("PathPrefix"), value="/")
        return writer.sequence(writer.mapping(path=path, headers=writer.sequence(_header_match(writer, wanted))))
    assert isinstance(matches, SequenceNode)  # noqa: S101 (it has items)
    with_header = [_add_header_to_match(rule, one, wanted) for one in listed]
    return SequenceNode(matches.tag, with_header, flow_style=matches.flow_style)


def _header_match(writer: FieldWriter, wanted: CanaryRule) -> MappingNode:
    return writer.mapping(type=writer.key("Exact"), name=wanted.header.name, value=wanted.header.value)


def _add_header_to_match(rule: HttpRouteRule, match: Node, wanted: CanaryRule) -> MappingNode:
    fragment = rule.route.fragment
    if not isinstance(match, MappingNode):
        raise fragment.wrong_type(match, "a match")
    writer = FieldWriter(match)
    ours = _header_match(writer, wanted)
    headers = api_value(fragment, match, "a match").field("headers", "a list of header matches")
    if headers.node is None:
        return with_pairs(match, [*match.value, (writer.key("headers"), writer.sequence(ours))])
    for one in headers.items("a header match"):
        name = one.field("name").text
        if name.lower() == wanted.header.name:
            raise _same_header(rule, name)
    return _replace(match, "headers", append_item(headers.node, ours, match))


def _same_header(rule: HttpRouteRule, header: str) -> Refused:
    return rule.route.fragment.refusal(
        rule.node,
        f"this rule already tests the header {header}",
        hint="choose another header name for the canary, or remove that match",
    )


def _replace(node: MappingNode, name: str, value: Node) -> MappingNode:
    """`node` with another value for a field that it has."""
    return with_pairs(node, [(key, value if key.value == name else old) for key, old in node.value])


def _add_stamp(fragment: Fragment, filters: Node | None, wanted: CanaryRule, writer: FieldWriter) -> SequenceNode:
    """Stable's filters and the stamp.

    A rule may have only one filter of the stamp's type: where stable has one, the stamp is added to it.
    """
    listed = api_value(fragment, filters, "a list of filters").nodes()
    for index, one in enumerate(listed):
        found = api_value(fragment, one, "a filter").fields
        if text(found.get("type")) == _MODIFIER and isinstance(one, MappingNode):
            stamped = _stamp_filter(fragment, one, found.get(_MODIFIER_FIELD), wanted)
            assert isinstance(filters, SequenceNode)  # noqa: S101 (it has items)
            return SequenceNode(
                filters.tag, [*listed[:index], stamped, *listed[index + 1 :]], flow_style=filters.flow_style
            )
    modifier = _modifier_with_stamp(fragment, None, wanted, writer)
    ours = writer.mapping(type=writer.key(_MODIFIER), responseHeaderModifier=modifier)
    return writer.sequence(ours) if filters is None or not listed else append_item(filters, ours, filters)


def _stamp_filter(fragment: Fragment, node: MappingNode, modifier: Node | None, wanted: CanaryRule) -> MappingNode:
    """A filter of the stamp's type with the stamp in it; `modifier` is the value of its field, if it has one."""
    writer = FieldWriter(node)
    stamped = _modifier_with_stamp(fragment, modifier, wanted, writer)
    if modifier is not None:
        return _replace(node, _MODIFIER_FIELD, stamped)
    return with_pairs(node, [*node.value, (writer.key(_MODIFIER_FIELD), stamped)])


def _modifier_with_stamp(
    fragment: Fragment, modifier: Node | None, wanted: CanaryRule, writer: FieldWriter
) -> MappingNode:
    """A header modifier that sets the stamp; what stable's does to that header is left out."""
    found = api_value(fragment, modifier, "a header modifier").fields
    pairs: Pairs = modifier.value if isinstance(modifier, MappingNode) else []
    lists = {name: _without_stamp(fragment, headers, name) for name, headers in found.items()}
    kept = lists.get("set", [])
    others: Pairs = [
        (key, SequenceNode(value.tag, lists[key.value], flow_style=is_flow(value)))
        for key, value in pairs
        if key.value != "set" and lists[key.value]
    ]
    if kept:
        listed = listing([*kept, _stamp(FieldWriter(kept[0]), wanted)], found["set"])
    else:
        listed = writer.sequence(_stamp(writer, wanted))
    if modifier is None:
        return writer.mapping(set=listed)
    return mapping([*others, (writer.key("set"), listed)], modifier)


def _stamp(writer: FieldWriter, wanted: CanaryRule) -> MappingNode:
    return writer.mapping(name=STAMP_HEADER, value=wanted.stamp)


def _without_stamp(fragment: Fragment, headers: Node | None, key: str) -> list[Node]:
    """The headers listed under a key of a header modifier, but for the stamp's."""
    listed = api_value(fragment, headers, f"a list under {key}").nodes()
    return [one for one in listed if not _is_stamp(api_value(fragment, one, "a header"))]


def _is_stamp(header: Cursor) -> bool:
    """Whether a header, or its name alone, is the stamp's. Raises Refused."""
    name = header if isinstance(header.node, ScalarNode) else header.field("name")
    return name.text.lower() == STAMP_HEADER


def _replace_backends(rule: HttpRouteRule, backends: Node, wanted: CanaryRule) -> SequenceNode:
    """The backends that are the service, as the canary's; others are left out.

    Weights are kept: a weight has no effect on the only backend of a rule, and none of these is 0.
    """
    fragment = rule.route.fragment
    stable, canary = parse_service(wanted.service), _canary_name(rule, wanted)
    renamed: list[Node] = []
    listed = api_value(fragment, backends, "a list of backends").nodes()
    for one, backend in zip(listed, rule.backends, strict=True):
        if stable.is_named_by(backend) and not backend.has_no_traffic:
            assert isinstance(one, MappingNode)  # noqa: S101 (it has a name)
            renamed.append(_replace(one, "name", quote(canary)))
    return SequenceNode(backends.tag, renamed, flow_style=is_flow(backends))


def _canary_name(rule: HttpRouteRule, wanted: CanaryRule) -> str:
    """The name of the canary's Service. Raises Refused if it is in another namespace than stable's."""
    canary, stable = parse_service(wanted.canary), parse_service(wanted.service)
    if canary.namespace in {"", stable.namespace or rule.route.namespace}:
        return canary.name
    raise rule.route.fragment.refusal(
        rule.node,
        f"the canary {wanted.canary} is in another namespace than {wanted.service}",
        hint=f"name a Service in the same namespace: --canary {ServiceName(canary.name, stable.namespace)}",
    )
