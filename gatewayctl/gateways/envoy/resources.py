"""Sorts what Envoy's files hold by kind, for validation: bootstraps, listeners, route configurations and the rest."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from yaml.nodes import MappingNode, Node, ScalarNode

from gatewayctl.domain.routing import Files
from gatewayctl.gateways.envoy.edits import read_files
from gatewayctl.gateways.envoy.fields import below, message, text, type_name
from gatewayctl.gateways.envoy.locate import UpstreamDefinition, VirtualHostRoutes
from gatewayctl.gateways.yamltext.cursor import Cursor
from gatewayctl.gateways.yamltext.fragments import Fragment

_BOOTSTRAP = frozenset({"static_resources", "dynamic_resources", "admin", "node", "layered_runtime"})
_NAMING = frozenset({"cluster", "cluster_name"})
_DEFINITIONS = frozenset({"clusters", "load_assignment"})


@dataclass(frozen=True, slots=True, eq=False)
class ConfigMessage:
    """A message and the text that holds it."""

    fragment: Fragment
    node: Node
    name: str = ""


@dataclass(slots=True)
class Parts:
    """What the files hold, by kind. Listeners, route configurations and virtual hosts are those of xDS files."""

    bootstraps: list[ConfigMessage] = field(default_factory=list)
    listeners: list[ConfigMessage] = field(default_factory=list)
    route_configs: list[ConfigMessage] = field(default_factory=list)
    virtual_hosts: list[ConfigMessage] = field(default_factory=list)
    host_routes: list[VirtualHostRoutes] = field(default_factory=list)
    clusters: list[UpstreamDefinition] = field(default_factory=list)
    endpoints: list[UpstreamDefinition] = field(default_factory=list)

    @property
    def defined(self) -> frozenset[str]:
        """The names of all clusters that are defined."""
        return frozenset(definition.name for definition in self.clusters)

    @property
    def named(self) -> frozenset[str]:
        """The names of all clusters that routes and listeners send to."""
        messages = [*self.bootstraps, *self.listeners, *self.route_configs, *self.virtual_hosts]
        return frozenset(name for one in messages for name in _cluster_names(one.node) if name)


def parts(files: Files) -> Parts:
    """Everything the files hold. Raises Refused."""
    found = Parts()
    for file in read_files(files):
        found.host_routes += file.host_routes
        found.clusters += file.clusters
        found.endpoints += file.endpoints
        for fragment in file.source.fragments:
            for root in fragment.roots:
                _sort(found, fragment, root)
    return found


def _sort(found: Parts, fragment: Fragment, root: Node) -> None:
    if not isinstance(root, MappingNode):
        return
    top = message(fragment, root, "the file")
    if _BOOTSTRAP & set(top.fields):
        found.bootstraps.append(ConfigMessage(fragment, root))
    elif "type.googleapis.com" in fragment.text:
        for resource in top.field("resources", "a list of resources").items("a resource"):
            _sort_resource(found, resource)


def _sort_resource(found: Parts, resource: Cursor) -> None:
    fragment, node = resource.fragment, resource.node
    if not isinstance(node, MappingNode):
        return
    kind, name = type_name(resource.field("@type").text), resource.field("name").text
    lists = {"Listener": found.listeners, "RouteConfiguration": found.route_configs, "VirtualHost": found.virtual_hosts}
    inline = resource.field("route_configuration").node
    if kind == "Resource" and "resource" in resource.fields:
        _sort_resource(found, resource.field("resource", "a resource"))
    elif kind == "ScopedRouteConfiguration" and inline is not None:
        found.route_configs.append(ConfigMessage(fragment, inline, f"scope {name}"))
    elif kind in lists:
        lists[kind].append(ConfigMessage(fragment, node, name))


def _cluster_names(root: Node) -> Iterator[str]:
    """The names of clusters below a node, but not inside definitions of clusters."""
    for name, value in below(root, _DEFINITIONS):
        if name in _NAMING:
            yield text(value)
        elif name == "weighted_clusters":
            yield from _names_of_weighted(value)


def _names_of_weighted(node: Node) -> Iterator[str]:
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
