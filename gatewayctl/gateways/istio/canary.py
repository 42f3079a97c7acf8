"""Makes the canary's routes: copies of stable's route with the canary's destination and the stamp.

One takes the requests with the rule's header. The other one takes all other requests, and divides them by weight
between stable's destinations and the canary's. Only the canary's destination has the stamp.
"""

from math import gcd

from yaml.nodes import MappingNode, Node, SequenceNode

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import STAMP_HEADER, CanaryRule
from gatewayctl.gateways.api_objects import api_value
from gatewayctl.gateways.hosts import Underivable
from gatewayctl.gateways.istio.locate import Destination, HttpRoute
from gatewayctl.gateways.istio.service import canary_service, parse_service, spell_canary
from gatewayctl.gateways.yamltext.field_writer import FieldWriter, Pair, with_entry, with_field, without_field
from gatewayctl.gateways.yamltext.nodes import copy, is_null, mapping, plain, quote, text, with_pairs

_PERCENT = 100


def header_route(route: HttpRoute, wanted: CanaryRule, name: str) -> MappingNode:
    """The route for requests with the rule's header, called `name`. Raises Refused."""
    canary = without_field(_canary_destination(route, wanted), "weight")
    return _copy_route(route, name, [canary], wanted)


def share_route(route: HttpRoute, wanted: CanaryRule, name: str) -> MappingNode:
    """The route for all requests without it, called `name`; the canary's destination is the last. Raises Refused."""
    *stable, ours = _share_weights([one.weight for one in route.destinations], wanted.share)
    listed = [
        _with_weight(_copy(route, one.node), weight) for one, weight in zip(route.destinations, stable, strict=True)
    ]
    return _copy_route(route, name, [*listed, _with_weight(_canary_destination(route, wanted), ours)], None)


def targets(route: HttpRoute, wanted: CanaryRule) -> list[Destination]:
    """The destinations of a route that are the rule's service and get requests."""
    stable = parse_service(wanted.service)
    return [one for one in route.destinations if one.weight and stable.covers(one.service)]


def mentions_stamp(route: HttpRoute) -> bool:
    """Whether a route or one of its destinations does something to the stamp's header. Raises Refused."""
    for holder in (route.node, *(one.node for one in route.destinations)):
        response = api_value(route.parent.fragment, holder, "a route").field("headers").field("response")
        names = [*response.field("set", "a map").fields, *response.field("add", "a map").fields]
        names += [text(one) for one in response.field("remove", "a list of names").nodes()]
        if STAMP_HEADER in (name.lower() for name in names):
            return True
    return False


def stamp_value(wanted: CanaryRule) -> str:
    """The stamp, with `%` doubled: Envoy's header formatter, which gets the text, takes a single one for a command."""
    return wanted.stamp.replace("%", "%%")


def _copy(route: HttpRoute, node: Node) -> MappingNode:
    whole = copy(route.parent.fragment, node)
    assert isinstance(whole, MappingNode)  # noqa: S101 (it was read as one)
    return whole


def _copy_route(route: HttpRoute, name: str, listed: list[MappingNode], wanted: CanaryRule | None) -> MappingNode:
    """A copy that sends to these destinations; with `wanted`, each match also asks for its header. Raises Refused."""
    whole = _copy(route, route.node)
    writer = FieldWriter(whole)
    pairs: list[Pair] = [writer.field("name", name)]
    found = {key.value for key, value in whole.value if not is_null(value) and value.value}
    if wanted and "match" not in found:
        pairs.append(writer.field("match", writer.sequence(_match_with_header(route, None, wanted, whole))))
    for key, value in whole.value:
        if key.value == "match" and key.value in found and wanted:
            matches = [_match_with_header(route, one, wanted, one) for one in value.value]
            pairs.append((key, SequenceNode(value.tag, matches, flow_style=value.flow_style)))
        elif key.value == "route":
            pairs.append((key, SequenceNode(value.tag, listed, flow_style=value.flow_style)))
        elif key.value != "name" and (key.value != "match" or key.value in found):
            pairs.append((key, value))
    return with_pairs(whole, pairs)


def _match_with_header(route: HttpRoute, match: Node | None, wanted: CanaryRule, like: Node) -> MappingNode:
    """A match that also asks for the rule's header; without one, a match of every request with it. Raises Refused."""
    writer = FieldWriter(like)
    ours = writer.mapping(writer.field("exact", wanted.header.value))
    if match is None:
        return writer.mapping(writer.field("headers", writer.mapping((quote(wanted.header.name), ours))))
    if not isinstance(match, MappingNode):
        raise route.parent.fragment.wrong_type(match, "a match")
    headers = api_value(route.parent.fragment, match, "a match").field("headers").node
    held = headers if isinstance(headers, MappingNode) and headers.value else None
    pairs = with_entry(held.value if held else [], wanted.header.name, ours)
    return with_field(match, "headers", with_pairs(held, pairs) if held else mapping(pairs, match))


def _canary_destination(route: HttpRoute, wanted: CanaryRule) -> MappingNode:
    """A copy of stable's first destination with the canary's host and the stamp. Raises Refused."""
    one = targets(route, wanted)[0]
    node = _copy(route, one.node)
    named = next(value for key, value in node.value if key.value == "destination")
    assert isinstance(named, MappingNode)  # noqa: S101 (it has a host)
    host, subset = _canary_host(route, one, wanted)
    named = with_field(without_field(named, "subset"), "host", quote(host))
    named = with_field(named, "subset", quote(subset)) if subset else named
    return _with_stamp(route, with_field(node, "destination", named), wanted)


def _canary_host(route: HttpRoute, stable: Destination, wanted: CanaryRule) -> tuple[str, str]:
    """The canary's host and subset. Raises Refused."""
    try:
        canary = canary_service(wanted)
        return spell_canary(stable.host, stable.service, canary), canary.subset
    except Underivable as why:
        raise _no_canary_name(route, wanted, why) from why


def _no_canary_name(route: HttpRoute, wanted: CanaryRule, why: Underivable) -> Refused:
    hint = f"name the canary's Service beside {wanted.service}, or its whole host: --canary HOST"
    return route.refusal(f"no host of the canary follows from {wanted.service}: {why}", hint=hint)


def _with_stamp(route: HttpRoute, node: MappingNode, wanted: CanaryRule) -> MappingNode:
    """A destination that sets the stamp on its answers."""
    fragment = route.parent.fragment
    headers = api_value(fragment, node, "a destination").field("headers")
    response = headers.field("response")
    old = response.field("set", "a map of headers").node
    held = old if isinstance(old, MappingNode) and old.value else None
    pairs = with_entry(held.value if held else [], STAMP_HEADER, quote(stamp_value(wanted)))
    value: Node = with_pairs(held, pairs) if held else mapping(pairs, node)
    for name, outer in (("set", response.node), ("response", headers.node)):
        is_there = isinstance(outer, MappingNode) and bool(outer.value)
        writer = FieldWriter(node)
        value = with_field(outer, name, value) if is_there else writer.mapping(writer.field(name, value))  # type: ignore[arg-type]
    return with_field(node, "headers", value)


def _with_weight(node: MappingNode, weight: int) -> MappingNode:
    return with_field(node, "weight", plain(str(weight)), before="headers")


def _share_weights(stable: list[int], percent: int) -> list[int]:
    """The weights of stable's destinations, and last the canary's; their sum is 100 where whole numbers allow that.

    Stable's weights keep their ratio to each other. [90, 10] with a share of 50 becomes [45, 5, 50].
    """
    weights = [one * (_PERCENT - percent) for one in stable] + [sum(stable) * percent]
    smallest = [one // gcd(*weights) for one in weights]
    times = _PERCENT // sum(smallest) if _PERCENT % sum(smallest) == 0 else 1
    return [one * times for one in smallest]
