"""The canary's addresses, derived from stable's by the naming convention, or given."""

from dataclasses import dataclass

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.envoy.fields import fields, snake, text
from gatewayctl.gateways.hosts import HOST, Underivable, canary_host, is_ip
from gatewayctl.gateways.yamltext.fragments import Unit
from gatewayctl.gateways.yamltext.nodes import quoted, rebuilt

_UNWRITABLE = {
    "pipe": "a Unix socket",
    "envoy_internal_address": "an internal listener",
    "load_balancer_endpoints": "endpoints by LEDS",
    "leds_cluster_locality_config": "endpoints by LEDS",
}


@dataclass(frozen=True, slots=True)
class Readdressing:
    """Rewrites the addresses below one node of a copied definition of `rule.service`."""

    unit: Unit
    rule: CanaryRule
    needs_ip: bool

    def __call__(self, node: Node) -> Node:
        """`node` with the canary's addresses. Raises Refused."""
        if self.rule.canary_host:
            self._check_given(node)
        return self._walk(node)

    def _check_given(self, node: Node) -> None:
        given = self.rule.canary_host
        if not is_ip(given) and not HOST.fullmatch(given):
            raise self._refused(node, f"{given!r} is neither a host name nor an address")
        if self.needs_ip and not is_ip(given):
            raise self._refused(node, f"its endpoints have to be IP addresses, and {given} is none")
        hosts = _hosts(self.unit, node)
        if len(hosts) > 1:
            raise self._refused(node, f"it has {len(hosts)} hosts, and only one is given for the canary ({given})")

    def _walk(self, node: Node) -> Node:
        if isinstance(node, SequenceNode):
            items = [self._walk(item) for item in node.value]
            return SequenceNode(node.tag, items, node.start_mark, node.end_mark, flow_style=node.flow_style)
        if not isinstance(node, MappingNode):
            return node
        pairs = []
        for key, value in node.value:
            name = snake(text(key))
            if name in _UNWRITABLE:
                raise self._refused(key, f"its address is {_UNWRITABLE[name]}")
            pairs.append((key, self._address(value) if name == "socket_address" else self._walk(value)))
        return rebuilt(node, pairs)

    def _address(self, node: Node) -> Node:
        found = fields(self.unit, node, "socket_address")
        old = found.get("address")
        if not isinstance(node, MappingNode) or not isinstance(old, ScalarNode):
            raise self._refused(node, "its address cannot be read")
        try:
            host = self.rule.canary_host or canary_host(old.value)
        except Underivable as why:
            raise self._refused(old, str(why)) from why
        pairs = [(key, quoted(host) if snake(text(key)) == "address" else value) for key, value in node.value]
        return rebuilt(node, pairs)

    def _refused(self, node: Node, why: str) -> Refused:
        rule = self.rule
        hint = f"define the cluster {rule.canary} yourself in this file"
        if not rule.canary_host:
            hint = f"give the canary's address with --canary-host HOST, or {hint}"
        reason = f"the canary's address cannot be derived from the cluster {rule.service}: {why}"
        return self.unit.refused(node, reason, hint=hint)


def _hosts(unit: Unit, node: Node) -> set[tuple[str, str]]:
    """Every (address, port) below a node."""
    found: set[tuple[str, str]] = set()
    pending = [node]
    while pending:
        one = pending.pop()
        if isinstance(one, SequenceNode):
            pending += one.value
        elif isinstance(one, MappingNode):
            for key, value in one.value:
                if snake(text(key)) == "socket_address" and isinstance(value, MappingNode):
                    address = fields(unit, value, "socket_address")
                    found.add((text(address.get("address")), text(address.get("port_value"))))
                else:
                    pending.append(value)
    return found
