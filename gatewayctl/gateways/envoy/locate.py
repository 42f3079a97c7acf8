"""Where routes, clusters and endpoints stand in Envoy's files, and what is there that we cannot edit.

Only the places Envoy itself reads are looked at: a bootstrap's static resources, and xDS files by resource type.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from yaml.nodes import MappingNode, Node, SequenceNode

from gatewayctl.domain.routing import SourceFile
from gatewayctl.gateways.envoy.fields import fields, items, text, type_name
from gatewayctl.gateways.yamltext.fragments import Source, Unit, read

_STATIC = re.compile(r"^[\s{]*[\"']?static_?[rR]esources[\"']?\s*:", re.MULTILINE)
_XDS = re.compile(r"^[\s{]*[\"']?resources[\"']?\s*:", re.MULTILINE)


class Barrier(Enum):
    """Why a part of a file cannot be edited."""

    V2 = "v2"
    MATCHER = "matcher"
    ELSEWHERE = "elsewhere"
    TCP = "tcp"


@dataclass(frozen=True, slots=True, eq=False)
class Obstacle:
    """A part that may send to an upstream, or does, but is not a list of routes; `what` says it in words."""

    unit: Unit
    node: Node
    barrier: Barrier
    what: str


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The routes of one virtual host. `place` is how a person calls it."""

    unit: Unit
    routes: Node
    place: str

    def __iter__(self) -> Iterator[tuple[int, Node]]:
        return enumerate(items(self.unit, self.routes, "a list of routes"))


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One cluster or one set of endpoints. `sequence` is None where a single mapping stands for the list."""

    unit: Unit
    sequence: SequenceNode | None
    index: int
    node: Node
    name: str


@dataclass(slots=True, eq=False)
class Survey:
    """What one file holds."""

    source: Source
    tables: list[Table] = field(default_factory=list)
    clusters: list[Member] = field(default_factory=list)
    endpoints: list[Member] = field(default_factory=list)
    obstacles: list[Obstacle] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing of Envoy was found."""
        return not (self.tables or self.clusters or self.endpoints or self.obstacles)


def is_config(value: str) -> bool:
    """Whether a ConfigMap's value is a file for Envoy."""
    xds = "type.googleapis.com/" in value and _XDS.search(value) is not None
    return xds or _STATIC.search(value) is not None


@lru_cache(maxsize=8)
def survey(file: SourceFile) -> Survey:
    """What `file` holds. Raises Refused."""
    found = Survey(read(file, is_config))
    for unit in found.source.units:
        walk = _Walk(found, unit)
        for root in unit.roots:
            walk.root(root)
    return found


class _Walk:
    """One unit, from its root to its routes. What an alias names is visited once."""

    def __init__(self, found: Survey, unit: Unit) -> None:
        self._found, self._unit = found, unit
        self._seen: set[int] = set()

    def root(self, node: Node) -> None:
        if not isinstance(node, MappingNode):
            return
        top = fields(self._unit, node, "the file")
        if "static_resources" in top:
            static = fields(self._unit, top["static_resources"], "static_resources")
            for listener in items(self._unit, static.get("listeners"), "a list of listeners"):
                self._listener(listener)
            clusters = static.get("clusters")
            for index, cluster in enumerate(items(self._unit, clusters, "a list of clusters")):
                self._member(self._found.clusters, clusters, index, cluster)
        # Kubernetes and Helm files have a field `resources` too: Envoy's holds typed messages.
        resources = top.get("resources")
        if isinstance(resources, SequenceNode) or "type.googleapis.com" in self._unit.text:
            for index, one in enumerate(items(self._unit, resources, "a list of resources")):
                self._resource(resources, index, one)

    def _new(self, node: Node) -> bool:
        new = id(node) not in self._seen
        self._seen.add(id(node))
        return new

    def _blocked(self, node: Node, barrier: Barrier, what: str) -> None:
        self._found.obstacles.append(Obstacle(self._unit, node, barrier, what))

    def _resource(self, holder: Node | None, index: int, node: Node) -> None:
        if not isinstance(node, MappingNode):
            return None
        message = fields(self._unit, node, "a resource")
        kind = type_name(message)
        if kind == "Resource" and "resource" in message:  # the wrapper that carries a name and a version
            return self._resource(None, 0, message["resource"])
        if kind.startswith("v2."):
            return self._blocked(node, Barrier.V2, f"{kind.removeprefix('v2.')} of the v2 API")
        if kind == "Cluster":
            return self._member(self._found.clusters, holder, index, node)
        if kind == "ClusterLoadAssignment":
            return self._member(self._found.endpoints, holder, index, node)
        if kind == "Listener":
            return self._listener(node)
        if kind == "RouteConfiguration":
            return self._route_config(node)
        if kind == "ScopedRouteConfiguration":
            return self._scope(node)
        if kind == "VirtualHost":
            return self._virtual_host(node, "virtual host")
        return None

    def _member(self, into: list[Member], holder: Node | None, index: int, node: Node) -> None:
        message = fields(self._unit, node, "a cluster")
        name = text(message.get("name") or message.get("cluster_name"))
        sequence = holder if isinstance(holder, SequenceNode) else None
        if self._new(node):
            into.append(Member(self._unit, sequence, index, node, name))

    def _listener(self, node: Node) -> None:
        if not self._new(node):
            return
        listener = fields(self._unit, node, "a listener")
        chains = items(self._unit, listener.get("filter_chains"), "a list of filter chains")
        if "default_filter_chain" in listener:
            chains.append(listener["default_filter_chain"])
        for chain in chains:
            filters = fields(self._unit, chain, "a filter chain").get("filters")
            for one in items(self._unit, filters, "a list of filters"):
                self._filter(one)
        if "api_listener" in listener:
            inner = fields(self._unit, listener["api_listener"], "api_listener").get("api_listener")
            if inner is not None:
                self._typed(inner)

    def _filter(self, node: Node) -> None:
        one = fields(self._unit, node, "a filter")
        if "config" in one:
            name = text(one.get("name")) or "a filter"
            self._blocked(one["config"], Barrier.V2, f"`config:` of {name}, v2 API")
        if "typed_config" in one:
            self._typed(one["typed_config"])

    def _typed(self, node: Node) -> None:
        if not self._new(node):
            return
        message = fields(self._unit, node, "typed_config")
        kind = type_name(message)
        if kind == "TypedStruct" and "value" in message:
            kind = type_name({"@type": message.get("type_url", node)})
            node = message["value"]
            message = fields(self._unit, node, "value")
        if kind == "EnvoyMobileHttpConnectionManager" and "config" in message:
            kind, node = "HttpConnectionManager", message["config"]
            message = fields(self._unit, node, "config")
        if kind.endswith(("v2.HttpConnectionManager", "v2.TcpProxy")):
            self._blocked(node, Barrier.V2, f"{kind.removeprefix('v2.')} of the v2 API")
        elif kind == "HttpConnectionManager":
            self._connection_manager(message)
        elif kind == "TcpProxy":
            self._blocked(node, Barrier.TCP, "tcp_proxy")

    def _connection_manager(self, message: dict[str, Node]) -> None:
        if "route_config" in message:
            self._route_config(message["route_config"])
        if "rds" in message:
            name = text(fields(self._unit, message["rds"], "rds").get("route_config_name"))
            self._blocked(message["rds"], Barrier.ELSEWHERE, f"the route configuration {name!r} comes by RDS")
        if "scoped_routes" in message:
            scopes = fields(self._unit, message["scoped_routes"], "scoped_routes")
            inline = scopes.get("scoped_route_configurations_list")
            if inline is None:
                self._blocked(message["scoped_routes"], Barrier.ELSEWHERE, "scoped routes come by SRDS")
            else:
                listed = fields(self._unit, inline, "scoped_route_configurations_list")
                scoped = listed.get("scoped_route_configurations")
                for scope in items(self._unit, scoped, "a list of scopes"):
                    self._scope(scope)

    def _scope(self, node: Node) -> None:
        scope = fields(self._unit, node, "a scope")
        if "route_configuration" in scope:
            self._route_config(scope["route_configuration"])
        elif "route_configuration_name" in scope:
            name = text(scope["route_configuration_name"])
            self._blocked(node, Barrier.ELSEWHERE, f"the route configuration {name!r} comes by RDS")

    def _route_config(self, node: Node) -> None:
        if not self._new(node):
            return
        config = fields(self._unit, node, "a route configuration")
        name = text(config.get("name")) or "routes"
        for host in items(self._unit, config.get("virtual_hosts"), "a list of virtual hosts"):
            self._virtual_host(host, name)
        if "vhds" in config:
            self._blocked(config["vhds"], Barrier.ELSEWHERE, f"more virtual hosts of {name!r} come by VHDS")

    def _virtual_host(self, node: Node, config: str) -> None:
        if not self._new(node):
            return
        host = fields(self._unit, node, "a virtual host")
        name = text(host.get("name"))
        if "matcher" in host:
            self._blocked(host["matcher"], Barrier.MATCHER, f"the virtual host {name!r} routes by a matcher tree")
        routes = host.get("routes")
        if routes is not None and self._new(routes):
            self._found.tables.append(Table(self._unit, routes, f"{config}/{name}"))
