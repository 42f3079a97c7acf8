"""The rule of a share: a copy of stable's with weighted backends, for the requests that the canary's rule leaves.

Each backend that is the service gets the canary's beside it. A filter of that one alone stamps its answers, which the
Gateway API calls extended support: Traefik and Envoy Gateway have it.
"""

from itertools import pairwise
from math import gcd

from yaml.nodes import MappingNode, Node, SequenceNode

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import STAMP_HEADER, CanaryRule
from gatewayctl.gateways.api_objects import api_value, scalars
from gatewayctl.gateways.httproute.canary import add_stamp, canary_name
from gatewayctl.gateways.httproute.conditions import EVERY_REQUEST, add_header
from gatewayctl.gateways.httproute.locate import BackendRef, HttpRouteRule
from gatewayctl.gateways.httproute.service import parse_service
from gatewayctl.gateways.yamltext.field_writer import FieldWriter, with_field
from gatewayctl.gateways.yamltext.nodes import copy, is_flow, plain, quote, text, with_pairs

_ALL = 100  # percent
_MOST = 1_000_000  # the highest weight that the API takes


def share_rule(rule: HttpRouteRule, wanted: CanaryRule, name: str) -> MappingNode:
    """The copy of `rule`, called `name`, that sends the share of `wanted` to the canary. Raises Refused."""
    fragment = rule.route.fragment
    whole = copy(fragment, rule.node)
    assert isinstance(whole, MappingNode)  # noqa: S101 (it was read as one)
    writer = FieldWriter(whole)
    pairs = [writer.field("name", name)]
    if not any(key.value == "matches" for key, _ in whole.value):
        pairs.append((writer.key("matches"), add_header(rule, None, EVERY_REQUEST, writer)))
    for key, value in whole.value:
        if key.value == "matches":
            pairs.append((key, add_header(rule, value, EVERY_REQUEST, writer)))
        elif key.value == "backendRefs":
            pairs.append((key, _weighted(rule, value, wanted)))
        elif key.value != "name":
            pairs.append((key, value))
    return with_pairs(whole, pairs)


def _weighted(rule: HttpRouteRule, backends: Node, wanted: CanaryRule) -> SequenceNode:
    """The backends in their order with new weights, each that is the service followed by the canary's."""
    stable, canary = parse_service(wanted.service), canary_name(rule, wanted)
    made: list[tuple[MappingNode, int]] = []
    listed = api_value(rule.route.fragment, backends, "a list of backends").nodes()
    for node, backend in zip(listed, rule.backends, strict=True):
        assert isinstance(node, MappingNode)  # noqa: S101 (it has a name)
        weight = _weight_of(rule, backend)
        if stable.is_named_by(backend) and weight:
            made.append((node, weight * (_ALL - wanted.share)))
            made.append((_canary_backend(rule, node, wanted, canary), weight * wanted.share))
        else:
            made.append((node, weight * _ALL))
    divisor = gcd(*(weight for _, weight in made))
    if max(weight for _, weight in made) // divisor > _MOST:
        raise _too_large(rule)
    weighted: list[Node] = [_with_weight(node, weight // divisor) for node, weight in made]
    return SequenceNode(backends.tag, weighted, flow_style=is_flow(backends))


def _weight_of(rule: HttpRouteRule, backend: BackendRef) -> int:
    """Its weight, 1 if none is written. Raises Refused."""
    weight = _number(backend.weight)
    if weight is None:
        raise rule.route.fragment.refusal(backend.node, f"the weight {backend.weight} is no whole number")
    return weight


def _number(weight: str) -> int | None:
    if not weight:
        return 1
    return int(weight) if weight.isascii() and weight.isdecimal() else None


def _too_large(rule: HttpRouteRule) -> Refused:
    return rule.route.fragment.refusal(
        rule.node,
        f"with a share for the canary, a weight of this rule would be above {_MOST}",
        hint="write smaller weights in the same proportion",
    )


def _canary_backend(rule: HttpRouteRule, node: MappingNode, wanted: CanaryRule, canary: str) -> MappingNode:
    """The canary's backend: stable's with another name, and with the stamp among its filters."""
    writer = FieldWriter(node)
    renamed = with_field(node, "name", quote(canary))
    filters = next((value for key, value in node.value if key.value == "filters"), None)
    stamped = add_stamp(rule.route.fragment, filters, wanted, writer)
    if filters is not None:
        return with_field(renamed, "filters", stamped)
    at = next(index for index, (key, _) in enumerate(renamed.value) if key.value == "name") + 1
    return with_pairs(renamed, [*renamed.value[:at], (writer.key("filters"), stamped), *renamed.value[at:]])


def _with_weight(node: MappingNode, weight: int) -> MappingNode:
    return with_field(node, "weight", plain(str(weight)))


def canary_names(rule: HttpRouteRule) -> tuple[str, ...]:
    """The names of the canary's Service in the rule of a share. Its backends are known by the stamp."""
    return tuple(dict.fromkeys(one.name for one in rule.backends if _is_stamped(one)))


def percent_of(rule: HttpRouteRule) -> int:
    """How much of the service's requests the rule of a share sends to the canary, in percent.

    Each backend of the canary stands behind stable's. 0 for what somebody made of it that has no such pair.
    """
    for stable, canary in pairwise(rule.backends):
        if _is_stamped(canary):
            ours, whole = _number(canary.weight) or 0, (_number(canary.weight) or 0) + (_number(stable.weight) or 0)
            return _ALL * ours // whole if whole else 0
    return 0


def _is_stamped(backend: BackendRef) -> bool:
    return any(text(one) == STAMP_HEADER for one in scalars(backend.node))
