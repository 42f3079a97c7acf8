"""Builds bootstraps for `envoy --mode validate` from the files of a gateway.

Envoy validates static resources only: it does not read the content of RDS, LDS and CDS files, and when it runs it
ignores unknown fields in them. So every resource is made static here, node by node; scalars stay as written.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatewayctl.gateways.envoy import bootstrap_messages as build
from gatewayctl.gateways.envoy.clusters import owner
from gatewayctl.gateways.envoy.fields import message, snake, text
from gatewayctl.gateways.envoy.locate import UpstreamDefinition
from gatewayctl.gateways.envoy.resources import ConfigMessage, Parts
from gatewayctl.gateways.yamltext.emit import document
from gatewayctl.gateways.yamltext.nodes import copy, plain, quote, with_pairs

MAX_NODES = 4_000_000
_TLS = frozenset({"transport_socket", "transport_socket_matches"})

Replace = Callable[[str, Node], tuple[str, Node] | None]
"""Gives, for a field and its value, the field and the value that replace them; None to keep them."""


@dataclass(frozen=True, slots=True)
class BootstrapBuilder:
    """Builds bootstraps. `spare` is an existing xDS file without resources, `stubs` names clusters to make up."""

    spare: str
    stubs: frozenset[str]

    def whole(self, found: Parts) -> tuple[str, ...]:
        """One bootstrap for each in the files. The first, or a new one, also gets the resources of all xDS files."""
        if not found.bootstraps:
            return (self._write(_read_base(None), found, []),)
        texts = []
        for index, base in enumerate(found.bootstraps):
            own = [cluster for cluster in found.clusters if cluster.fragment is base.fragment]
            texts.append(self._write(_read_base(base), Parts() if index else found, own))
        return tuple(texts)

    def routes_and(self, found: Parts, wanted: frozenset[str]) -> tuple[str, ...]:
        """A bootstrap with a listener for each list of routes, and the clusters `wanted` without their TLS files."""
        chosen = [cluster for cluster in found.clusters if cluster.name in wanted]
        clusters = [self._cluster(cluster, without=_TLS) for cluster in _distinct_definitions(chosen)]
        names = (found.named | self.stubs) - {cluster.name for cluster in chosen}
        listeners = []
        for index, host in enumerate(found.host_routes):
            routes = self._rewrite(copy(host.fragment, host.routes, MAX_NODES))
            virtual_host = build.message(name=quote("h"), domains=build.repeated_field([quote("*")]), routes=routes)
            listeners.append(build.listener("routes", index, build.route_config("r", virtual_host)))
        return (document(build.bootstrap(listeners, [*clusters, *map(build.empty_cluster, sorted(names))])),)

    def _write(self, base: "_Base", found: Parts, own: list[UpstreamDefinition]) -> str:
        """The text of `base` with the resources of the xDS files; `own` are the clusters that it defines."""
        made = build.bootstrap(
            self._listeners(base, found),
            self._clusters(found, own),
            build.pairs_without(base.static, {"listeners", "clusters"}),
        )
        rest = build.message_of(build.pairs_without(base.top, {"static_resources"}))
        return document(with_pairs(made, [*build.pairs_of(self._rewrite(rest)), *made.value]))

    def _listeners(self, base: "_Base", found: Parts) -> list[Node]:
        """The listeners of the bootstrap and of LDS files, and one for each route configuration that none uses."""
        configs = _RouteConfigs({config.name: self._static(config) for config in found.route_configs})
        given = [_copy_message(one) for one in _distinct_messages(found.listeners)]
        listeners = [self._rewrite(build.without_type(one), configs.inline) for one in [*base.listeners, *given]]
        hosts = [build.route_config("v", self._static(host)) for host in found.virtual_hosts]
        return [*listeners, *_wrap_in_listeners([*configs.list_unused(), *hosts])]

    def _clusters(self, found: Parts, own: list[UpstreamDefinition]) -> list[Node]:
        """The clusters `own` and of CDS files, one for each load assignment of EDS files, and the stubs."""
        static = {id(base.fragment) for base in found.bootstraps}
        dynamic = [cluster for cluster in found.clusters if id(cluster.fragment) not in static]
        clusters = [self._cluster(cluster) for cluster in _distinct_definitions([*own, *dynamic])]
        for index, endpoints in enumerate(found.endpoints):
            assignment = build.without_type(copy(endpoints.fragment, endpoints.node, MAX_NODES))
            clusters.append(build.endpoints_cluster(index, assignment))
        return [*clusters, *map(build.empty_cluster, sorted(self.stubs))]

    def _static(self, resource: ConfigMessage) -> Node:
        return self._rewrite(build.without_type(_copy_message(resource)))

    def _cluster(self, definition: UpstreamDefinition, without: frozenset[str] = frozenset()) -> Node:
        whole = build.without_type(copy(definition.fragment, definition.node, MAX_NODES))
        return self._rewrite(build.message_of(build.pairs_without(whole, without)))

    def _rewrite(self, node: Node, replace: Replace = lambda field, value: None) -> Node:  # noqa: ARG005
        """A copy with the spare file in place of every file of a source: those paths exist at the gateway only."""
        if isinstance(node, SequenceNode):
            items = [self._rewrite(item, replace) for item in node.value]
            return SequenceNode(node.tag, items, flow_style=node.flow_style)
        if not isinstance(node, MappingNode):
            return node
        pairs = [self._rewrite_pair(node, pair, replace) for pair in node.value]
        return MappingNode(node.tag, pairs, flow_style=node.flow_style)

    def _rewrite_pair(self, node: MappingNode, pair: tuple[Node, Node], replace: Replace) -> tuple[Node, Node]:
        key, value = pair
        name = snake(text(key))
        other = replace(name, value)
        if other is not None:
            return plain(other[0]), other[1]
        if name == "path_config_source":
            return key, build.message(path=quote(self.spare))
        if name == "path" and _is_source(node):
            return key, quote(self.spare)
        return key, self._rewrite(value, replace)


@dataclass(frozen=True, slots=True)
class _Base:
    """A copy of a bootstrap: all of it, its static resources, and its listeners."""

    top: Node
    static: Node | None
    listeners: list[Node]


@dataclass(frozen=True, slots=True)
class _RouteConfigs:
    """Route configurations of RDS files by name; `used` are those that a listener asks for."""

    by_name: dict[str, Node]
    used: set[str] = field(default_factory=set)

    def inline(self, name: str, value: Node) -> tuple[str, Node] | None:
        """The route configuration in place of the field `rds`, if the files hold it."""
        wanted = _rds_name(value) if name == "rds" else None
        if wanted not in self.by_name:
            return None
        self.used.add(wanted)
        return "route_config", self.by_name[wanted]

    def list_unused(self) -> list[Node]:
        """Those that no listener asked for."""
        return [config for name, config in self.by_name.items() if name not in self.used]


def ours_and_neighbours(found: Parts) -> frozenset[str]:
    """The names of the clusters that gatewayctl wrote, and of those they were copied from."""
    names = set()
    for cluster in found.clusters:
        if owner(cluster).startswith("gatewayctl-") and cluster.sequence is not None:
            below = cluster.sequence.value[cluster.index + 1 : cluster.index + 2]
            names |= {cluster.name, *(_read_name(cluster, stable) for stable in below)}
    return frozenset(names)


def _read_name(cluster: UpstreamDefinition, node: Node) -> str:
    return message(cluster.fragment, node, "a cluster").field("name").text


def _read_base(base: ConfigMessage | None) -> _Base:
    """A copy of a bootstrap, or an empty one. Raises Refused."""
    if base is None:
        return _Base(build.message(), None, [])
    top = _copy_message(base)
    static = message(base.fragment, top, "the file").field("static_resources")
    return _Base(top, static.node, static.field("listeners").nodes())


def _copy_message(resource: ConfigMessage) -> Node:
    return copy(resource.fragment, resource.node, MAX_NODES)


def _wrap_in_listeners(configs: Iterable[Node]) -> list[Node]:
    return [build.listener("rds", index, config) for index, config in enumerate(configs)]


def _distinct_definitions(definitions: Iterable[UpstreamDefinition]) -> list[UpstreamDefinition]:
    return list({one.name: one for one in definitions}.values())


def _distinct_messages(messages: Iterable[ConfigMessage]) -> list[ConfigMessage]:
    """One message for each name; all of those without a name."""
    return list({one.name or str(id(one)): one for one in messages}.values())


def _rds_name(rds: Node) -> str:
    return next((text(value) for key, value in build.pairs_of(rds) if snake(text(key)) == "route_config_name"), "")


def _is_source(node: MappingNode) -> bool:
    """Whether a message with a path is a source of configuration: those say their API version."""
    keys = {snake(text(key)) for key, _ in node.value if isinstance(key, ScalarNode)}
    return "resource_api_version" in keys
