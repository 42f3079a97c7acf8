"""Writes the canary's addresses into a copy of stable's cluster: by the naming convention, or the address given."""

from dataclasses import dataclass

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.envoy.fields import message, snake, text
from gatewayctl.gateways.hosts import HOST, Underivable, canary_host, is_ip
from gatewayctl.gateways.yamltext.fragments import Fragment
from gatewayctl.gateways.yamltext.nodes import quote, with_pairs

_UNWRITABLE = {
    "pipe": "a Unix socket",
    "envoy_internal_address": "an internal listener",
    "load_balancer_endpoints": "endpoints by LEDS",
    "leds_cluster_locality_config": "endpoints by LEDS",
}


@dataclass(frozen=True, slots=True)
class AddressRewriter:
    """Rewrites the addresses below one node of a copy of the cluster `rule.service`.

    `needs_ip`: Envoy does not look host names up there.
    """

    fragment: Fragment
    rule: CanaryRule
    needs_ip: bool

    def __call__(self, node: Node) -> Node:
        """`node` with the canary's addresses. Raises Refused."""
        if self.rule.canary_host:
            self._check_given(node)
        return self._rewrite(node)

    def _check_given(self, node: Node) -> None:
        given = self.rule.canary_host
        if not is_ip(given) and not HOST.fullmatch(given):
            raise self._refusal(node, f"{given!r} is neither a host name nor an address")
        if self.needs_ip and not is_ip(given):
            raise self._refusal(node, f"its endpoints have to be IP addresses, and {given} is none")
        hosts = _hosts(self.fragment, node)
        if len(hosts) > 1:
            raise self._refusal(node, f"it has {len(hosts)} hosts, and only one is given for the canary ({given})")

    def _rewrite(self, node: Node) -> Node:
        if isinstance(node, SequenceNode):
            items = [self._rewrite(item) for item in node.value]
            return SequenceNode(node.tag, items, node.start_mark, node.end_mark, flow_style=node.flow_style)
        if not isinstance(node, MappingNode):
            return node
        pairs = []
        for key, value in node.value:
            name = snake(text(key))
            if name in _UNWRITABLE:
                raise self._refusal(key, f"its address is {_UNWRITABLE[name]}")
            pairs.append((key, self._address(value) if name == "socket_address" else self._rewrite(value)))
        return with_pairs(node, pairs)

    def _address(self, node: Node) -> Node:
        old = message(self.fragment, node, "socket_address").field("address").node
        if not isinstance(node, MappingNode) or not isinstance(old, ScalarNode):
            raise self._refusal(node, "its address cannot be read")
        try:
            host = self.rule.canary_host or canary_host(old.value)
        except Underivable as fault:
            raise self._refusal(old, str(fault)) from fault
        pairs = [(key, quote(host) if snake(text(key)) == "address" else value) for key, value in node.value]
        return with_pairs(node, pairs)

    def _refusal(self, node: Node, detail: str) -> Refused:
        rule = self.rule
        hint = f"define the cluster {rule.canary} yourself in this file"
        if not rule.canary_host:
            hint = f"give the canary's address with --canary-host HOST, or {hint}"
        reason = f"the canary's address cannot be derived from the cluster {rule.service}: {detail}"
        return self.fragment.refusal(node, reason, hint=hint)


def _hosts(fragment: Fragment, node: Node) -> set[tuple[str, str]]:
    """Every address and its port below a node. Raises Refused."""
    found: set[tuple[str, str]] = set()
    pending = [node]
    while pending:
        one = pending.pop()
        if isinstance(one, SequenceNode):
            pending += one.value
        elif isinstance(one, MappingNode):
            for key, value in one.value:
                if snake(text(key)) == "socket_address" and isinstance(value, MappingNode):
                    address = message(fragment, value, "socket_address")
                    found.add((address.field("address").text, address.field("port_value").text))
                else:
                    pending.append(value)
    return found
