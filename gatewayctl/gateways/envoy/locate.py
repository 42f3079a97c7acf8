"""Finds the routes, clusters and endpoints in Envoy's files, and the parts that cannot be edited.

Only what Envoy itself reads is searched: the static resources of a bootstrap, and the resources of xDS files by type.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from yaml.nodes import MappingNode, Node, SequenceNode

from gatewayctl.domain.routing import SourceFile
from gatewayctl.gateways.envoy.fields import message, text, type_name
from gatewayctl.gateways.yamltext.cursor import Cursor
from gatewayctl.gateways.yamltext.fragments import Fragment, Source, read

_STATIC = re.compile(r"^[ \t\r{]*[\"']?static_?[rR]esources[\"']?\s*:", re.MULTILINE)
_XDS = re.compile(r"^[ \t\r{]*[\"']?resources[\"']?\s*:", re.MULTILINE)


class Barrier(Enum):
    """Why a part of a file cannot be edited."""

    V2 = "v2"
    MATCHER = "matcher"
    ELSEWHERE = "elsewhere"
    TCP = "tcp"


@dataclass(frozen=True, slots=True, eq=False)
class UneditablePart:
    """A part that sends to an upstream, or may, and is not a list of routes. `what` names it in an error."""

    fragment: Fragment
    node: Node
    barrier: Barrier
    what: str


@dataclass(frozen=True, slots=True, eq=False)
class VirtualHostRoutes:
    """The routes of one virtual host. `place` is the route configuration and the virtual host, as shown to people.

    `domains` are the hosts whose requests it takes; none: every host. `whole` is the virtual host itself.
    """

    fragment: Fragment
    routes: Node
    place: str
    domains: tuple[str, ...] = ()
    whole: Node | None = None

    def __iter__(self) -> Iterator[tuple[int, Cursor]]:
        return enumerate(message(self.fragment, self.routes, "a list of routes").items("a route"))


@dataclass(frozen=True, slots=True, eq=False)
class UpstreamDefinition:
    """One cluster, or one load assignment of EDS, and its index in its list.

    `sequence` is None where the file has a single mapping in place of a list.
    """

    fragment: Fragment
    sequence: SequenceNode | None
    index: int
    node: Node
    name: str

    @property
    def message(self) -> Cursor:
        """What it says. An error calls it a cluster."""
        return message(self.fragment, self.node, "a cluster")


@dataclass(slots=True, eq=False)
class EnvoyFile:
    """The parts of one file."""

    source: Source
    host_routes: list[VirtualHostRoutes] = field(default_factory=list)
    clusters: list[UpstreamDefinition] = field(default_factory=list)
    endpoints: list[UpstreamDefinition] = field(default_factory=list)
    uneditable: list[UneditablePart] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing of Envoy was found."""
        return not (self.host_routes or self.clusters or self.endpoints or self.uneditable)


def is_config(value: str) -> bool:
    """Whether a ConfigMap's value is a file for Envoy."""
    xds = "type.googleapis.com/" in value and _XDS.search(value) is not None
    return xds or _STATIC.search(value) is not None


@lru_cache(maxsize=8)
def read_file(file: SourceFile) -> EnvoyFile:
    """The parts of `file`. Raises Refused."""
    found = EnvoyFile(read(file, is_config))
    for fragment in found.source.fragments:
        reader = _FileReader(found, fragment)
        for root in fragment.roots:
            reader.root(root)
    return found


class _FileReader:
    """Reads one fragment, from its root to its routes. What an alias repeats is read once."""

    def __init__(self, file: EnvoyFile, fragment: Fragment) -> None:
        self._file, self._fragment = file, fragment
        self._seen: set[int] = set()
        self._definitions = {"Cluster": file.clusters, "ClusterLoadAssignment": file.endpoints}
        self._readers: dict[str, Callable[[Cursor], None]] = {
            "Listener": self._listener,
            "RouteConfiguration": self._route_config,
            "ScopedRouteConfiguration": self._scope,
            "VirtualHost": lambda host: self._virtual_host(host, "virtual host"),
        }

    def root(self, node: Node) -> None:
        """A document. Raises Refused."""
        if not isinstance(node, MappingNode):
            return
        top = message(self._fragment, node, "the file")
        static = top.field("static_resources")
        for listener in static.field("listeners", "a list of listeners").items("a listener"):
            self._listener(listener)
        clusters = static.field("clusters", "a list of clusters")
        for index, cluster in enumerate(clusters.items("a cluster")):
            self._definition(self._file.clusters, clusters.node, index, cluster)
        # Kubernetes and Helm files have a field `resources` too: Envoy's holds typed messages.
        resources = top.field("resources", "a list of resources")
        if isinstance(resources.node, SequenceNode) or "type.googleapis.com" in self._fragment.text:
            for index, resource in enumerate(resources.items("a resource")):
                self._resource(resources.node, index, resource)

    def _is_new(self, node: Node | None) -> bool:
        new = id(node) not in self._seen
        self._seen.add(id(node))
        return new

    def _note_uneditable(self, part: Cursor, barrier: Barrier, what: str) -> None:
        if part.node is not None:
            self._file.uneditable.append(UneditablePart(self._fragment, part.node, barrier, what))

    def _resource(self, holder: Node | None, index: int, resource: Cursor) -> None:
        if not isinstance(resource.node, MappingNode):
            return
        kind = type_name(resource.field("@type").text)
        wrapped = resource.field("resource", "a resource")
        if kind == "Resource" and wrapped.node is not None:  # the wrapper with a name and a version
            self._resource(None, 0, wrapped)
        elif kind.startswith("v2."):
            self._note_uneditable(resource, Barrier.V2, f"{kind.removeprefix('v2.')} of the v2 API")
        elif kind in self._definitions:
            self._definition(self._definitions[kind], holder, index, resource)
        elif kind in self._readers:
            self._readers[kind](resource)

    def _definition(self, into: list[UpstreamDefinition], holder: Node | None, index: int, definition: Cursor) -> None:
        node, found = definition.node, definition.fields
        name = text(found.get("name") or found.get("cluster_name"))
        sequence = holder if isinstance(holder, SequenceNode) else None
        if node is not None and self._is_new(node):
            into.append(UpstreamDefinition(self._fragment, sequence, index, node, name))

    def _listener(self, listener: Cursor) -> None:
        if not self._is_new(listener.node):
            return
        chains = listener.field("filter_chains", "a list of filter chains").items("a filter chain")
        default = listener.field("default_filter_chain", "a filter chain")
        for chain in [*chains, default]:
            for one in chain.field("filters", "a list of filters").items("a filter"):
                self._filter(one)
        self._filter_config(listener.field("api_listener").field("api_listener", "typed_config"))

    def _filter(self, one: Cursor) -> None:
        name = one.field("name").text or "a filter"
        self._note_uneditable(one.field("config"), Barrier.V2, f"`config:` of {name}, v2 API")
        self._filter_config(one.field("typed_config"))

    def _filter_config(self, config: Cursor) -> None:
        if config.node is None or not self._is_new(config.node):
            return
        kind, config = _unwrap(config)
        if kind.endswith(("v2.HttpConnectionManager", "v2.TcpProxy")):
            self._note_uneditable(config, Barrier.V2, f"{kind.removeprefix('v2.')} of the v2 API")
        elif kind == "HttpConnectionManager":
            self._connection_manager(config)
        elif kind == "TcpProxy":
            self._note_uneditable(config, Barrier.TCP, "tcp_proxy")

    def _connection_manager(self, manager: Cursor) -> None:
        found = manager.fields
        if "route_config" in found:
            self._route_config(manager.field("route_config", "a route configuration"))
        if "rds" in found:
            self._note_rds(manager.field("rds"), manager.field("rds").field("route_config_name"))
        if "scoped_routes" in found:
            self._read_scoped_routes(manager.field("scoped_routes"))

    def _read_scoped_routes(self, scoped: Cursor) -> None:
        inline = scoped.field("scoped_route_configurations_list")
        if inline.node is None:
            self._note_uneditable(scoped, Barrier.ELSEWHERE, "scoped routes come by SRDS")
        for scope in inline.field("scoped_route_configurations", "a list of scopes").items("a scope"):
            self._scope(scope)

    def _scope(self, scope: Cursor) -> None:
        found = scope.fields
        if "route_configuration" in found:
            self._route_config(scope.field("route_configuration", "a route configuration"))
        elif "route_configuration_name" in found:
            self._note_rds(scope, scope.field("route_configuration_name"))

    def _note_rds(self, part: Cursor, name: Cursor) -> None:
        self._note_uneditable(part, Barrier.ELSEWHERE, f"the route configuration {name.text!r} comes by RDS")

    def _route_config(self, config: Cursor) -> None:
        if not self._is_new(config.node):
            return
        name = config.field("name").text or "routes"
        for host in config.field("virtual_hosts", "a list of virtual hosts").items("a virtual host"):
            self._virtual_host(host, name)
        self._note_uneditable(config.field("vhds"), Barrier.ELSEWHERE, f"more virtual hosts of {name!r} come by VHDS")

    def _virtual_host(self, host: Cursor, config: str) -> None:
        if not self._is_new(host.node):
            return
        name = host.field("name").text
        matcher = host.field("matcher")
        self._note_uneditable(matcher, Barrier.MATCHER, f"the virtual host {name!r} routes by a matcher tree")
        routes = host.field("routes").node
        if routes is not None and self._is_new(routes):
            place = f"{config}/{name}"
            self._file.host_routes.append(VirtualHostRoutes(self._fragment, routes, place, _domains(host), host.node))


def _domains(host: Cursor) -> tuple[str, ...]:
    """The domains of a virtual host; none where it takes requests for every host."""
    listed = host.field("domains")
    node = listed.node
    names = tuple(text(one) for one in node.value) if isinstance(node, SequenceNode) else (listed.text,)
    return () if "*" in names else tuple(name for name in names if name)


def _unwrap(config: Cursor) -> tuple[str, Cursor]:
    """The kind and the message of a filter's configuration, out of the wrappers that hold one. Raises Refused."""
    kind = type_name(config.field("@type").text)
    value = config.field("value")
    if kind == "TypedStruct" and value.node is not None:
        kind, config = type_name(config.field("type_url").text), value
    wrapped = config.field("config")
    if kind == "EnvoyMobileHttpConnectionManager" and wrapped.node is not None:
        kind, config = "HttpConnectionManager", wrapped
    return kind, config
