"""The canary's rule: a copy of stable's with one more header in each match, another backend, and the stamp."""

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatewayctl.domain.routing import STAMP_HEADER, CanaryRule
from gatewayctl.gateways.api_objects import api_value
from gatewayctl.gateways.httproute.conditions import add_header, marked_only
from gatewayctl.gateways.httproute.locate import HttpRouteRule
from gatewayctl.gateways.httproute.service import ServiceName, parse_service
from gatewayctl.gateways.yamltext.cursor import Cursor
from gatewayctl.gateways.yamltext.field_writer import FieldWriter, with_field
from gatewayctl.gateways.yamltext.fragments import Fragment
from gatewayctl.gateways.yamltext.nodes import (
    append_item,
    copy,
    is_flow,
    listing,
    mapping,
    quote,
    text,
    with_pairs,
)

Pairs = list[tuple[Node, Node]]
_MODIFIER = "ResponseHeaderModifier"  # the type of the filter, and below the field that holds its settings
_MODIFIER_FIELD = "responseHeaderModifier"


def canary_rule(rule: HttpRouteRule, wanted: CanaryRule, name: str) -> MappingNode:
    """The canary's copy of `rule`, called `name`. Raises Refused."""
    fragment = rule.route.fragment
    whole = copy(fragment, rule.node)
    assert isinstance(whole, MappingNode)  # noqa: S101 (it was read as one)
    writer, header = FieldWriter(whole), marked_only(wanted)
    found = api_value(fragment, whole, "a rule").fields
    pairs: Pairs = [writer.field("name", name)]
    if "matches" not in found:
        pairs.append((writer.key("matches"), add_header(rule, None, header, writer)))
    for key, value in whole.value:
        if key.value == "matches":
            pairs.append((key, add_header(rule, value, header, writer)))
        elif key.value == "filters":
            pairs.append((key, add_stamp(fragment, value, wanted, writer)))
        elif key.value == "backendRefs":
            if "filters" not in found:
                pairs.append((writer.key("filters"), add_stamp(fragment, None, wanted, writer)))
            pairs.append((key, _replace_backends(rule, value, wanted)))
        elif key.value != "name":
            pairs.append((key, value))
    return with_pairs(whole, pairs)


def add_stamp(fragment: Fragment, filters: Node | None, wanted: CanaryRule, writer: FieldWriter) -> SequenceNode:
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
    return with_field(node, _MODIFIER_FIELD, _modifier_with_stamp(fragment, modifier, wanted, writer))


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
    stable, canary = parse_service(wanted.service), canary_name(rule, wanted)
    renamed: list[Node] = []
    listed = api_value(fragment, backends, "a list of backends").nodes()
    for one, backend in zip(listed, rule.backends, strict=True):
        if stable.is_named_by(backend) and not backend.has_no_traffic:
            assert isinstance(one, MappingNode)  # noqa: S101 (it has a name)
            renamed.append(with_field(one, "name", quote(canary)))
    return SequenceNode(backends.tag, renamed, flow_style=is_flow(backends))


def canary_name(rule: HttpRouteRule, wanted: CanaryRule) -> str:
    """The name of the canary's Service. Raises Refused if it is in another namespace than stable's."""
    canary, stable = parse_service(wanted.canary), parse_service(wanted.service)
    if canary.namespace in {"", stable.namespace or rule.route.namespace}:
        return canary.name
    raise rule.route.fragment.refusal(
        rule.node,
        f"the canary {wanted.canary} is in another namespace than {wanted.service}",
        hint=f"name a Service in the same namespace: --canary {ServiceName(canary.name, stable.namespace)}",
    )
