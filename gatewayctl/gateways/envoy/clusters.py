"""Makes the canary's cluster: a copy of stable's under its own name, with the canary's addresses and a mark.

TLS names stay stable's, because the canary's Pods have the same certificate. Only a cluster with the mark is removed.
"""

from yaml.nodes import MappingNode, Node

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.envoy.addresses import AddressRewriter
from gatewayctl.gateways.envoy.fields import message, snake
from gatewayctl.gateways.envoy.locate import UpstreamDefinition
from gatewayctl.gateways.envoy.marks import read_mark, with_mark
from gatewayctl.gateways.envoy.writer import MessageWriter, Pairs, replace_field
from gatewayctl.gateways.yamltext.nodes import copy, listing, quote, with_pairs

_DNS = frozenset({"STRICT_DNS", "LOGICAL_DNS"})
_TYPES = {"0": "STATIC", "1": "STRICT_DNS", "2": "LOGICAL_DNS", "3": "EDS", "4": "ORIGINAL_DST", "": "STATIC"}
_EXTENSIONS = {
    "envoy.cluster.static": "STATIC",
    "envoy.cluster.strict_dns": "STRICT_DNS",
    "envoy.cluster.logical_dns": "LOGICAL_DNS",
    "envoy.clusters.dns": "STRICT_DNS",
    "envoy.cluster.dns": "STRICT_DNS",
    "envoy.cluster.eds": "EDS",
}


def discovery(definition: UpstreamDefinition) -> str:
    """How a cluster finds its endpoints, as Envoy calls it (STRICT_DNS, EDS, ...). Raises Refused."""
    cluster = definition.message
    hosts = cluster.field("hosts")
    if hosts.node is not None:
        reason = f"`hosts:` of the cluster {definition.name}, v2 API: current Envoy does not load it"
        raise hosts.refusal(reason)
    extension = cluster.field("cluster_type")
    if extension.node is not None:
        name = extension.field("name").text
        return _EXTENSIONS.get(name, name)
    written = cluster.field("type").text.upper()
    return _TYPES.get(written, written)


def eds_name(definition: UpstreamDefinition) -> str:
    """The name under which an EDS cluster asks for its endpoints. Raises Refused."""
    return definition.message.field("eds_cluster_config").field("service_name").text or definition.name


def canary_cluster(definition: UpstreamDefinition, rule: CanaryRule) -> MappingNode:
    """The cluster that goes above stable's cluster. Raises Refused."""
    kind = discovery(definition)
    if kind not in _DNS | {"STATIC", "EDS"}:
        reason = f"the cluster {definition.name} is of type {kind}: its endpoints are not the file's to name"
        raise definition.fragment.refusal(
            definition.node, reason, hint=f"define the cluster {rule.canary} yourself in this file"
        )
    whole = _copy_whole(definition)
    found = message(definition.fragment, whole, "a cluster").fields
    if kind != "EDS" and "load_assignment" not in found:
        raise definition.fragment.refusal(
            definition.node, f"the cluster {definition.name} has no load_assignment to copy"
        )
    writer = MessageWriter(definition.fragment, whole)
    whole = replace_field(whole, "name", quote(rule.canary))
    if "alt_stat_name" in found:
        whole = replace_field(whole, "alt_stat_name", quote(rule.canary))
    if kind == "EDS":
        return with_mark(definition.fragment, writer, _ask_for_canary_endpoints(definition, writer, whole), rule.name)
    endpoints = AddressRewriter(definition.fragment, rule, needs_ip=kind == "STATIC")(found["load_assignment"])
    assignment = _rename_assignment(definition, writer, endpoints, rule.canary)
    return with_mark(definition.fragment, writer, replace_field(whole, "load_assignment", assignment), rule.name)


def canary_endpoints(definition: UpstreamDefinition, rule: CanaryRule) -> MappingNode:
    """The load assignment that goes above stable's in an EDS file. Raises Refused."""
    whole = AddressRewriter(definition.fragment, rule, needs_ip=True)(_copy_whole(definition))
    writer = MessageWriter(definition.fragment, whole)
    named = _rename_assignment(definition, writer, whole, f"{definition.name}-canary")
    pairs: Pairs = []
    for key, value in named.value:
        if snake(key.value) == "endpoints":
            value = _mark_endpoints(definition, writer, value, rule)  # noqa: PLW2901
        pairs.append((key, value))
    return with_pairs(named, pairs)


def owner(definition: UpstreamDefinition) -> str:
    """The rule that a cluster or a load assignment was written for; empty if people wrote it."""
    mark = read_mark(definition.message.fields)
    for locality in definition.message.field("endpoints", "a list of endpoints").items("endpoints"):
        mark = mark or read_mark(locality.fields)
    return mark


def _copy_whole(definition: UpstreamDefinition) -> MappingNode:
    whole = copy(definition.fragment, definition.node)
    assert isinstance(whole, MappingNode)  # noqa: S101 (it was read as one)
    return whole


def _rename_assignment(definition: UpstreamDefinition, writer: MessageWriter, node: Node, name: str) -> MappingNode:
    """A load assignment under the canary's name."""
    if not isinstance(node, MappingNode):
        raise definition.fragment.wrong_type(node, "load_assignment")
    if "cluster_name" in message(definition.fragment, node, "load_assignment").fields:
        return replace_field(node, "cluster_name", quote(name))
    return with_pairs(node, [(writer.key("cluster_name"), quote(name)), *node.value])


def _ask_for_canary_endpoints(definition: UpstreamDefinition, writer: MessageWriter, whole: MappingNode) -> MappingNode:
    """An EDS cluster that asks for the canary's endpoints."""
    config = message(definition.fragment, whole, "a cluster").field("eds_cluster_config").node
    if not isinstance(config, MappingNode):
        raise definition.fragment.refusal(
            definition.node, f"the EDS cluster {definition.name} has no eds_cluster_config"
        )
    name = quote(f"{eds_name(definition)}-canary")
    if "service_name" in message(definition.fragment, config, "eds_cluster_config").fields:
        return replace_field(whole, "eds_cluster_config", replace_field(config, "service_name", name))
    return replace_field(
        whole, "eds_cluster_config", with_pairs(config, [(writer.key("service_name"), name), *config.value])
    )


def _mark_endpoints(definition: UpstreamDefinition, writer: MessageWriter, node: Node, rule: CanaryRule) -> Node:
    """Endpoints have no metadata of their own: the mark goes to the first locality."""
    first, *rest = message(definition.fragment, node, "a list of endpoints").nodes() or [node]
    if not isinstance(first, MappingNode):
        raise definition.fragment.wrong_type(first, "endpoints")
    marked = with_mark(definition.fragment, writer, first, rule.name)
    return marked if isinstance(node, MappingNode) else listing([marked, *rest], node)


def not_in_list(definition: UpstreamDefinition) -> Refused:
    """The refusal of a definition that is not in a list, so that nothing can be put beside it."""
    return definition.fragment.refusal(
        definition.node, f"{definition.name} is a single mapping and not in a list: nothing can be put beside it"
    )
