"""Throw-away bootstraps out of the files given, for `envoy --mode validate`.

Plain validation reads static resources only: garbage in an RDS, LDS or CDS file passes it, and dynamic files ignore
unknown fields. So everything is made static here, node by node, scalars as written.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatewayctl.domain.routing import Files
from gatewayctl.gateways.envoy.clusters import owner
from gatewayctl.gateways.envoy.edits import surveys
from gatewayctl.gateways.envoy.fields import fields, items, snake, text, type_name
from gatewayctl.gateways.envoy.find import Member
from gatewayctl.gateways.yamltext.emit import document
from gatewayctl.gateways.yamltext.graph import copy, plain, quoted, rebuilt
from gatewayctl.gateways.yamltext.source import Unit

MAX_NODES = 4_000_000
_HCM = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
_NAMING = frozenset({"cluster", "cluster_name"})
_TLS = frozenset({"transport_socket", "transport_socket_matches"})

Place = tuple[Unit, Node]


@dataclass(slots=True)
class Parts:
    """What the files hold, by kind, as places in them; `route_configs` come by RDS, `inline` stand in listeners."""

    bootstraps: list[Place] = field(default_factory=list)
    listeners: list[Place] = field(default_factory=list)
    route_configs: list[Place] = field(default_factory=list)
    virtual_hosts: list[Place] = field(default_factory=list)
    inline: list[Place] = field(default_factory=list)
    clusters: list[Member] = field(default_factory=list)
    endpoints: list[Member] = field(default_factory=list)

    @property
    def defined(self) -> frozenset[str]:
        """The names of all clusters."""
        return frozenset(member.name for member in self.clusters)

    @property
    def named(self) -> frozenset[str]:
        """The names of all clusters that routes and listeners name."""
        places = [*self.bootstraps, *self.listeners, *self.route_configs, *self.virtual_hosts]
        return frozenset(name for place in places for name in _named_clusters(place[1]))


def parts(files: Files) -> Parts:
    """Everything the files hold. Raises Refused."""
    found = Parts()
    for survey in surveys(files):
        found.clusters += survey.clusters
        found.endpoints += survey.endpoints
        for unit in survey.source.units:
            for root in unit.roots:
                _sort(found, unit, root)
    return found
