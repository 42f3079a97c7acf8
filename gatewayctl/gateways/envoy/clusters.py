"""The canary's cluster: a copy of stable's, whole, under its own name, with the canary's addresses and our mark.

TLS names stay stable's, because canary pods carry the same certificate. Only what has our mark is ever taken away.
"""

from yaml.nodes import MappingNode, Node, ScalarNode

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule
from gatewayctl.gateways.envoy.addresses import Readdressing
from gatewayctl.gateways.envoy.canary import Pairs, Writer, replaced
from gatewayctl.gateways.envoy.fields import fields, is_null, items, snake, text
from gatewayctl.gateways.envoy.locate import Member
from gatewayctl.gateways.yamltext.nodes import copy, listing, mapping, quoted, rebuilt

OWNER = "gatewayctl"

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


def discovery(member: Member) -> str:
    """How a cluster finds its endpoints, in Envoy's words (STRICT_DNS, EDS, ...). Raises Refused."""
    cluster = fields(member.unit, member.node, "a cluster")
    if "hosts" in cluster:
        reason = f"`hosts:` of the cluster {member.name}, v2 API: current Envoy does not load it"
        raise member.unit.refused(cluster["hosts"], reason)
    if "cluster_type" in cluster:
        name = text(fields(member.unit, cluster["cluster_type"], "cluster_type").get("name"))
        return _EXTENSIONS.get(name, name)
    written = text(cluster.get("type")).upper()
    return _TYPES.get(written, written)


def eds_name(member: Member) -> str:
    """The name under which an EDS cluster asks for its endpoints. Raises Refused."""
    cluster = fields(member.unit, member.node, "a cluster")
    config = cluster.get("eds_cluster_config")
    found = fields(member.unit, config, "eds_cluster_config") if config is not None else {}
    return text(found.get("service_name")) or member.name


def canary_cluster(member: Member, rule: CanaryRule) -> MappingNode:
    """What goes above stable's cluster. Raises Refused."""
    kind = discovery(member)
    if kind not in _DNS | {"STATIC", "EDS"}:
        reason = f"the cluster {member.name} is of type {kind}: its endpoints are not the file's to name"
        raise member.unit.refused(member.node, reason, hint=f"define the cluster {rule.canary} yourself in this file")
    whole = _copied(member)
    found = fields(member.unit, whole, "a cluster")
    if kind != "EDS" and "load_assignment" not in found:
        raise member.unit.refused(member.node, f"the cluster {member.name} has no load_assignment to copy")
    writer = Writer(member.unit, whole)
    whole = replaced(whole, "name", quoted(rule.canary))
    if "alt_stat_name" in found:
        whole = replaced(whole, "alt_stat_name", quoted(rule.canary))
    if kind == "EDS":
        return _marked(member, writer, _eds(member, writer, whole), rule)
    endpoints = Readdressing(member.unit, rule, needs_ip=kind == "STATIC")(found["load_assignment"])
    assignment = _named(member, writer, endpoints, rule.canary)
    return _marked(member, writer, replaced(whole, "load_assignment", assignment), rule)


def canary_endpoints(member: Member, rule: CanaryRule) -> MappingNode:
    """What goes above stable's endpoints in an EDS file. Raises Refused."""
    whole = Readdressing(member.unit, rule, needs_ip=True)(_copied(member))
    writer = Writer(member.unit, whole)
    named = _named(member, writer, whole, f"{member.name}-canary")
    pairs: Pairs = []
    for key, value in named.value:
        if snake(key.value) == "endpoints":
            value = _marked_endpoints(member, writer, value, rule)  # noqa: PLW2901
        pairs.append((key, value))
    return rebuilt(named, pairs)


def owner(member: Member) -> str:
    """The rule that a cluster or a set of endpoints was written for; nothing for what people wrote."""
    found = fields(member.unit, member.node, "a cluster")
    mark = _mark(found)
    for locality in items(member.unit, found.get("endpoints"), "a list of endpoints"):
        mark = mark or _mark(fields(member.unit, locality, "endpoints"))
    return mark


def _copied(member: Member) -> MappingNode:
    whole = copy(member.unit, member.node)
    assert isinstance(whole, MappingNode)  # noqa: S101 (it was read as one)
    return whole


def _named(member: Member, writer: Writer, node: Node, name: str) -> MappingNode:
    """A load assignment under the canary's name."""
    if not isinstance(node, MappingNode):
        raise member.unit.unexpected(node, "load_assignment")
    if "cluster_name" in fields(member.unit, node, "load_assignment"):
        return replaced(node, "cluster_name", quoted(name))
    return rebuilt(node, [(writer.key("cluster_name"), quoted(name)), *node.value])


def _eds(member: Member, writer: Writer, whole: MappingNode) -> MappingNode:
    """An EDS cluster that asks for the canary's endpoints."""
    config = fields(member.unit, whole, "a cluster").get("eds_cluster_config")
    if not isinstance(config, MappingNode):
        raise member.unit.refused(member.node, f"the EDS cluster {member.name} has no eds_cluster_config")
    name = quoted(f"{eds_name(member)}-canary")
    if "service_name" in fields(member.unit, config, "eds_cluster_config"):
        return replaced(whole, "eds_cluster_config", replaced(config, "service_name", name))
    return replaced(whole, "eds_cluster_config", rebuilt(config, [(writer.key("service_name"), name), *config.value]))


def _marked(member: Member, writer: Writer, message: MappingNode, rule: CanaryRule) -> MappingNode:
    """A message with our mark among its metadata."""
    mark = writer.entry(OWNER, mapping([writer.entry("rule", quoted(rule.name))], message))
    found = fields(member.unit, message, "a message")
    metadata = found.get("metadata")
    if not isinstance(metadata, MappingNode):
        _only_null(member, metadata)
        fresh = writer.message(message, filter_metadata=mapping([mark], message))
        pairs = [(key, value) for key, value in message.value if snake(key.value) != "metadata"]
        return rebuilt(message, [*pairs, (writer.key("metadata"), fresh)])
    filters = fields(member.unit, metadata, "metadata").get("filter_metadata")
    if not isinstance(filters, MappingNode):
        _only_null(member, filters)
        pairs = [(key, value) for key, value in metadata.value if snake(key.value) != "filter_metadata"]
        fresh = mapping([mark], metadata)
        return replaced(message, "metadata", rebuilt(metadata, [*pairs, (writer.key("filter_metadata"), fresh)]))
    merged = rebuilt(filters, [*filters.value, mark])
    return replaced(message, "metadata", replaced(metadata, "filter_metadata", merged))


def _only_null(member: Member, node: Node | None) -> None:
    if node is not None and not is_null(node):
        raise member.unit.unexpected(node, "metadata")


def _marked_endpoints(member: Member, writer: Writer, node: Node, rule: CanaryRule) -> Node:
    """Endpoints have no metadata of their own: the mark goes to the first locality."""
    first, *rest = items(member.unit, node, "a list of endpoints") or [node]
    if not isinstance(first, MappingNode):
        raise member.unit.unexpected(first, "endpoints")
    marked = _marked(member, writer, first, rule)
    if isinstance(node, MappingNode):
        return marked
    return listing([marked, *rest], node)


def _mark(found: dict[str, Node]) -> str:
    node = found.get("metadata")
    for name in ("filter_metadata", OWNER, "rule"):
        if not isinstance(node, MappingNode):
            return ""
        inside = {snake(key.value): value for key, value in node.value if isinstance(key, ScalarNode)}
        node = inside.get(name)
    return text(node)


def not_in_list(member: Member) -> Refused:
    """A definition that has no list to put a neighbour into."""
    return member.unit.refused(
        member.node, f"{member.name} is a single mapping and not in a list: nothing can be put beside it"
    )
