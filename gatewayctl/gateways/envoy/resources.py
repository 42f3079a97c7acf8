"""What Envoy's files hold beside routes and clusters: bootstraps, listeners, route configurations; for validation."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from yaml.nodes import MappingNode, Node, ScalarNode

from gatewayctl.domain.routing import Files
from gatewayctl.gateways.envoy.edits import surveys
from gatewayctl.gateways.envoy.fields import below, fields, items, text, type_name
from gatewayctl.gateways.envoy.locate import Member, Table
from gatewayctl.gateways.yamltext.fragments import Unit

_BOOTSTRAP = frozenset({"static_resources", "dynamic_resources", "admin", "node", "layered_runtime"})
_NAMING = frozenset({"cluster", "cluster_name"})
_DEFINITIONS = frozenset({"clusters", "load_assignment"})


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A message and the text it stands in."""

    unit: Unit
    node: Node
    name: str = ""


@dataclass(slots=True)
class Parts:
    """What the files hold, by kind. Listeners and route configurations are those of xDS files."""

    bootstraps: list[Place] = field(default_factory=list)
    listeners: list[Place] = field(default_factory=list)
    route_configs: list[Place] = field(default_factory=list)
    virtual_hosts: list[Place] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    clusters: list[Member] = field(default_factory=list)
    endpoints: list[Member] = field(default_factory=list)

    @property
    def defined(self) -> frozenset[str]:
        """The names of all clusters that are defined."""
        return frozenset(member.name for member in self.clusters)

    @property
    def named(self) -> frozenset[str]:
        """The names of all clusters that routes and listeners send to."""
        places = [*self.bootstraps, *self.listeners, *self.route_configs, *self.virtual_hosts]
        return frozenset(name for place in places for name in _named(place.node) if name)


def parts(files: Files) -> Parts:
    """Everything the files hold. Raises Refused."""
    found = Parts()
    for survey in surveys(files):
        found.tables += survey.tables
        found.clusters += survey.clusters
        found.endpoints += survey.endpoints
        for unit in survey.source.units:
            for root in unit.roots:
                _sort(found, unit, root)
    return found


def _sort(found: Parts, unit: Unit, root: Node) -> None:
    if not isinstance(root, MappingNode):
        return
    top = fields(unit, root, "the file")
    if _BOOTSTRAP & set(top):
        found.bootstraps.append(Place(unit, root))
    elif "type.googleapis.com" in unit.text:
        for node in items(unit, top.get("resources"), "a list of resources"):
            _resource(found, unit, node)


def _resource(found: Parts, unit: Unit, node: Node) -> None:
    if not isinstance(node, MappingNode):
        return
    message = fields(unit, node, "a resource")
    kind, name = type_name(message), text(message.get("name"))
    if kind == "Resource" and "resource" in message:
        _resource(found, unit, message["resource"])
    elif kind == "Listener":
        found.listeners.append(Place(unit, node, name))
    elif kind == "RouteConfiguration":
        found.route_configs.append(Place(unit, node, name))
    elif kind == "ScopedRouteConfiguration" and "route_configuration" in message:
        found.route_configs.append(Place(unit, message["route_configuration"], f"scope {name}"))
    elif kind == "VirtualHost":
        found.virtual_hosts.append(Place(unit, node, name))


def _named(root: Node) -> Iterator[str]:
    """The names of clusters below a node; definitions of clusters are not looked into."""
    for name, value in below(root, _DEFINITIONS):
        if name in _NAMING:
            yield text(value)
        elif name == "weighted_clusters":
            yield from _weighted(value)


def _weighted(node: Node) -> Iterator[str]:
    pending = [node]
    while pending:
        one = pending.pop()
        if isinstance(one, MappingNode):
            for key, value in one.value:
                if text(key) == "name":
                    yield text(value)
                elif text(key) == "clusters":
                    pending.append(value)
        elif not isinstance(one, ScalarNode):
            pending += one.value
