"""The canary's rule: a copy of stable's, whole, with one more header per match, another Service, and the stamp."""

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import STAMP_HEADER, CanaryRule
from gatewayctl.gateways.httproute.fields import fields, items
from gatewayctl.gateways.httproute.locate import Rule
from gatewayctl.gateways.httproute.service import Service, service
from gatewayctl.gateways.yamltext.fragments import Unit
from gatewayctl.gateways.yamltext.nodes import appended, copy, is_flow, listing, mapping, plain, quoted, rebuilt, text

Pairs = list[tuple[Node, Node]]
MODIFIER = "ResponseHeaderModifier"


class Writer:
    """Fields of our own, styled as in the rule they go into."""

    def __init__(self, like: Node) -> None:
        self._like = like
        first = like.value[0][0] if isinstance(like, MappingNode) and like.value else None
        self._json = is_flow(like) and isinstance(first, ScalarNode) and first.style == '"'

    def key(self, name: str) -> Node:
        """A field's name."""
        return quoted(name) if self._json else plain(name)

    def word(self, name: str) -> Node:
        """One of the API's own words, as the API spells it."""
        return self.key(name)

    def pair(self, name: str, value: Node | str) -> tuple[Node, Node]:
        """A field."""
        return self.key(name), quoted(value) if isinstance(value, str) else value

    def message(self, **values: Node | str) -> MappingNode:
        """A mapping with these fields."""
        return mapping([self.pair(name, value) for name, value in values.items()], self._like)

    def listed(self, *values: Node) -> SequenceNode:
        """A list of these."""
        return listing(values, self._like)


def canary_rule(rule: Rule, wanted: CanaryRule, name: str) -> MappingNode:
    """The canary's copy of `rule`, called `name`. Raises Refused."""
    unit = rule.route.unit
    whole = copy(unit, rule.node)
    assert isinstance(whole, MappingNode)  # noqa: S101 (it was read as one)
    writer = Writer(whole)
    found = fields(unit, whole, "a rule")
    pairs: Pairs = [writer.pair("name", name)]
    if "matches" not in found:
        pairs.append((writer.key("matches"), _matches(rule, None, wanted, writer)))
    for key, value in whole.value:
        if key.value == "matches":
            pairs.append((key, _matches(rule, value, wanted, writer)))
        elif key.value == "filters":
            pairs.append((key, _filters(unit, value, wanted, writer)))
        elif key.value == "backendRefs":
            if "filters" not in found:
                pairs.append((writer.key("filters"), _filters(unit, None, wanted, writer)))
            pairs.append((key, _backends(rule, value, wanted)))
        elif key.value != "name":
            pairs.append((key, value))
    return rebuilt(whole, pairs)


def _matches(rule: Rule, before: Node | None, wanted: CanaryRule, writer: Writer) -> SequenceNode:
    unit = rule.route.unit
    listed = items(unit, before, "a list of matches")
    if before is None or not listed:
        path = writer.message(type=writer.word("PathPrefix"), value="/")
        return writer.listed(writer.message(path=path, headers=writer.listed(_header(writer, wanted))))
    assert isinstance(before, SequenceNode)  # noqa: S101 (it has items)
    marked = [_match(rule, one, wanted) for one in listed]
    return SequenceNode(before.tag, marked, flow_style=before.flow_style)


def _header(writer: Writer, wanted: CanaryRule) -> MappingNode:
    return writer.message(type=writer.word("Exact"), name=wanted.header.name, value=wanted.header.value)


def _match(rule: Rule, match: Node, wanted: CanaryRule) -> MappingNode:
    unit = rule.route.unit
    if not isinstance(match, MappingNode):
        raise unit.unexpected(match, "a match")
    writer = Writer(match)
    ours = _header(writer, wanted)
    before = fields(unit, match, "a match").get("headers")
    if before is None:
        return rebuilt(match, [*match.value, (writer.key("headers"), writer.listed(ours))])
    for one in items(unit, before, "a list of header matches"):
        tested = text(fields(unit, one, "a header match").get("name"))
        if tested.lower() == wanted.header.name:
            raise _tested(rule, tested)
    return _with(match, "headers", appended(before, ours, match))


def _tested(rule: Rule, header: str) -> Refused:
    return rule.route.unit.refused(
        rule.node,
        f"this rule already tests the header {header}",
        hint="choose another header name for the canary, or remove that match",
    )


def _with(node: MappingNode, name: str, value: Node) -> MappingNode:
    """`node` with another value for a field it has."""
    return rebuilt(node, [(key, value if key.value == name else old) for key, old in node.value])


def _filters(unit: Unit, before: Node | None, wanted: CanaryRule, writer: Writer) -> SequenceNode:
    """Stable's filters and the stamp; a rule may have one filter of the stamp's type only."""
    field = "responseHeaderModifier"
    listed = items(unit, before, "a list of filters")
    for index, one in enumerate(listed):
        found = fields(unit, one, "a filter")
        if text(found.get("type")) == MODIFIER and isinstance(one, MappingNode):
            inside = found.get(field)
            merged = _stamped(unit, inside, wanted, Writer(one))
            kept = _with(one, field, merged) if inside is not None else None
            other = kept or rebuilt(one, [*one.value, (Writer(one).key(field), merged)])
            assert isinstance(before, SequenceNode)  # noqa: S101 (it has items)
            return SequenceNode(
                before.tag, [*listed[:index], other, *listed[index + 1 :]], flow_style=before.flow_style
            )
    ours = writer.message(type=writer.word(MODIFIER), responseHeaderModifier=_stamped(unit, None, wanted, writer))
    return writer.listed(ours) if before is None or not listed else appended(before, ours, before)


def _stamped(unit: Unit, before: Node | None, wanted: CanaryRule, writer: Writer) -> MappingNode:
    """A header modifier that sets the stamp; whatever it did to that header before is left out."""
    found = fields(unit, before, "a header modifier")
    pairs: Pairs = []
    kept: list[Node] = []
    for key, value in before.value if isinstance(before, MappingNode) else ():
        rest = [one for one in items(unit, value, f"a list under {key.value}") if not _is_stamp(unit, one)]
        if key.value == "set":
            kept = rest
        elif rest:
            pairs.append((key, SequenceNode(value.tag, rest, flow_style=is_flow(value))))
    like = kept[0] if kept else writer
    ours = (Writer(like) if isinstance(like, Node) else like).message(name=STAMP_HEADER, value=wanted.stamp)
    style = found["set"] if kept else None
    listed = listing([*kept, ours], style) if style is not None else writer.listed(ours)
    return mapping([*pairs, (writer.key("set"), listed)], before) if before is not None else writer.message(set=listed)


def _is_stamp(unit: Unit, node: Node) -> bool:
    named = node if isinstance(node, ScalarNode) else fields(unit, node, "a header").get("name")
    return text(named).lower() == STAMP_HEADER


def _backends(rule: Rule, before: Node, wanted: CanaryRule) -> SequenceNode:
    """The app's own backends, renamed. A weight stays: of an only backend it says nothing, and none of ours is 0."""
    unit = rule.route.unit
    stable, canary = service(wanted.service), _canary(rule, wanted)
    renamed: list[Node] = []
    for one, backend in zip(items(unit, before, "a list of backends"), rule.backends, strict=True):
        if stable.is_served_by(backend) and not backend.idle:
            assert isinstance(one, MappingNode)  # noqa: S101 (it has a name)
            renamed.append(_with(one, "name", quoted(canary)))
    return SequenceNode(before.tag, renamed, flow_style=is_flow(before))


def _canary(rule: Rule, wanted: CanaryRule) -> str:
    canary, stable = service(wanted.canary), service(wanted.service)
    if canary.namespace in {"", stable.namespace or rule.route.namespace}:
        return canary.name
    raise rule.route.unit.refused(
        rule.node,
        f"the canary {wanted.canary} is in another namespace than {wanted.service}",
        hint=f"name a Service in the same namespace: --canary {Service(canary.name, stable.namespace)}",
    )
