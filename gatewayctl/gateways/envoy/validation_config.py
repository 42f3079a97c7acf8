"""Throw-away bootstraps out of the files given, for `envoy --mode validate`.

Plain validation reads static resources only: garbage in an RDS, LDS or CDS file passes it, and a running Envoy ignores
unknown fields of dynamic files. So everything is made static here, node by node, with scalars as written.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatewayctl.gateways.envoy.clusters import owner
from gatewayctl.gateways.envoy.fields import fields, items, snake, text
from gatewayctl.gateways.envoy.locate import Member
from gatewayctl.gateways.envoy.resources import Parts, Place
from gatewayctl.gateways.yamltext.emit import document
from gatewayctl.gateways.yamltext.fragments import Unit
from gatewayctl.gateways.yamltext.nodes import copy, plain, quoted, rebuilt

MAX_NODES = 4_000_000
_NETWORK = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
_TLS = frozenset({"transport_socket", "transport_socket_matches"})

Rewrite = Callable[[str, Node], tuple[str, Node] | None]


@dataclass(frozen=True, slots=True)
class Trial:
    """How to build: `spare` is an existing xDS file without resources, `stubs` are clusters to make up."""

    spare: str
    stubs: frozenset[str]

    def whole(self, found: Parts) -> tuple[str, ...]:
        """One bootstrap per bootstrap given, with everything from the xDS files in the first; or one around those."""
        if not found.bootstraps:
            return (document(self._around(None, found, [])),)
        return tuple(
            document(self._around(place, found if not index else Parts(), _of(found.clusters, place.unit)))
            for index, place in enumerate(found.bootstraps)
        )

    def routes_and(self, found: Parts, wanted: frozenset[str]) -> tuple[str, ...]:
        """Every list of routes in a listener of its own, and the clusters `wanted`, without TLS files."""
        chosen = [member for member in found.clusters if member.name in wanted]
        clusters = [self._cluster(member, without=_TLS) for member in _distinct(chosen)]
        names = (found.named | self.stubs) - {member.name for member in chosen}
        listeners = []
        for index, table in enumerate(found.tables):
            routes = self._rewritten(copy(table.unit, table.routes, MAX_NODES))
            host = _message(name=quoted("h"), domains=_list([quoted("*")]), routes=routes)
            config = _message(name=quoted("r"), virtual_hosts=_list([host]))
            listeners.append(_listener("routes", index, config))
        return (document(_bootstrap(listeners, [*clusters, *(_stub(name) for name in sorted(names))])),)

    def _around(self, base: Place | None, found: Parts, own: list[Member]) -> MappingNode:
        configs = {place.name: place for place in found.route_configs}
        used: set[str] = set()

        def inline(key: str, value: Node) -> tuple[str, Node] | None:
            """Route configurations that come by RDS, where the files hold them."""
            name = _rds_name(value) if key == "rds" else ""
            if name not in configs:
                return None
            used.add(name)
            return "route_config", self._message_of(configs[name])

        top = copy(base.unit, base.node, MAX_NODES) if base else _message()
        static = fields(base.unit, top, "the file").get("static_resources") if base else None
        inside = fields(base.unit, static, "static_resources") if base and static is not None else {}
        listeners = items(base.unit, inside.get("listeners"), "listeners") if base else []
        given = [copy(place.unit, place.node, MAX_NODES) for place in _distinct_places(found.listeners)]
        listeners = [self._rewritten(_untyped(one), inline) for one in [*listeners, *given]]
        left = [self._message_of(place) for name, place in configs.items() if name not in used]
        left += [_message(name=quoted("v"), virtual_hosts=_list([self._message_of(h)])) for h in found.virtual_hosts]
        listeners += [_listener("rds", index, config) for index, config in enumerate(left)]
        members = [*own, *(member for member in found.clusters if not _is_static(member, found))]
        clusters = [self._cluster(member) for member in _distinct(members)]
        clusters += [_endpoints(member, index) for index, member in enumerate(found.endpoints)]
        clusters += [_stub(name) for name in sorted(self.stubs)]
        rest = [pair for pair in _pairs(top) if snake(text(pair[0])) != "static_resources"]
        others = [pair for pair in _pairs(static) if snake(text(pair[0])) not in {"listeners", "clusters"}]
        made = _bootstrap(listeners, clusters, others)
        return rebuilt(made, [*_pairs(self._rewritten(_message_from(rest))), *made.value])

    def _message_of(self, place: Place) -> Node:
        return self._rewritten(_untyped(copy(place.unit, place.node, MAX_NODES)))

    def _cluster(self, member: Member, without: frozenset[str] = frozenset()) -> Node:
        whole = _untyped(copy(member.unit, member.node, MAX_NODES))
        pairs = [pair for pair in _pairs(whole) if snake(text(pair[0])) not in without]
        return self._rewritten(_message_from(pairs))

    def _rewritten(self, node: Node, also: Rewrite = lambda key, value: None) -> Node:  # noqa: ARG005
        """A copy's node with files of other xDS sources replaced by the spare one: those paths are the gateway's."""
        if isinstance(node, SequenceNode):
            parts = [self._rewritten(item, also) for item in node.value]
            return SequenceNode(node.tag, parts, flow_style=node.flow_style)
        if not isinstance(node, MappingNode):
            return node
        pairs: list[tuple[Node, Node]] = []
        for key, value in node.value:
            name = snake(text(key))
            other = also(name, value)
            if other is not None:
                pairs.append((plain(other[0]), other[1]))
            elif name == "path_config_source":
                pairs.append((key, _message(path=quoted(self.spare))))
            elif name == "path" and _is_source(node):
                pairs.append((key, quoted(self.spare)))
            else:
                pairs.append((key, self._rewritten(value, also)))
        return MappingNode(node.tag, pairs, flow_style=node.flow_style)


def ours_and_neighbours(found: Parts) -> frozenset[str]:
    """The clusters that were written by us, and those they were copied from."""
    names = set()
    for member in found.clusters:
        if owner(member).startswith("gatewayctl-") and member.sequence is not None:
            below = member.sequence.value[member.index + 1 : member.index + 2]
            names |= {member.name, *(text(fields(member.unit, one, "a cluster").get("name")) for one in below)}
    return frozenset(names)


def _message(**values: Node) -> MappingNode:
    return _message_from((plain(name), value) for name, value in values.items())


def _message_from(pairs: Iterable[tuple[Node, Node]]) -> MappingNode:
    return MappingNode("", list(pairs), flow_style=False)


def _list(items_: Iterable[Node]) -> SequenceNode:
    return SequenceNode("", list(items_), flow_style=False)


def _typed(url: str, **values: Node) -> MappingNode:
    return _message_from([(quoted("@type"), quoted(url)), *_message(**values).value])


def _pairs(node: Node | None) -> list[tuple[Node, Node]]:
    return list(node.value) if isinstance(node, MappingNode) else []


def _untyped(node: Node) -> Node:
    """A resource as a static message."""
    if not isinstance(node, MappingNode):
        return node
    return rebuilt(node, [pair for pair in node.value if text(pair[0]) != "@type"])


def _bootstrap(
    listeners: Iterable[Node], clusters: Iterable[Node], others: Iterable[tuple[Node, Node]] = ()
) -> MappingNode:
    static = _message(listeners=_list(listeners), clusters=_list(clusters))
    return _message(static_resources=rebuilt(static, [*others, *static.value]))


def _listener(kind: str, index: int, config: Node) -> MappingNode:
    router = _message(name=quoted("envoy.filters.http.router"), typed_config=_typed(_ROUTER))
    manager = _typed(_NETWORK, stat_prefix=quoted(kind), route_config=config, http_filters=_list([router]))
    chain = _message(filters=_list([_message(name=quoted("http"), typed_config=manager)]))
    # Nothing is bound, but no two listeners may have one address.
    address = _message(address=quoted("127.255.255.254"), port_value=plain(str(index + 1)))
    return _message(
        name=quoted(f"gatewayctl-{kind}-{index}"),
        address=_message(socket_address=address),
        filter_chains=_list([chain]),
    )


def _stub(name: str) -> MappingNode:
    return _message(name=quoted(name), type=quoted("STATIC"))


def _endpoints(member: Member, index: int) -> MappingNode:
    """An EDS resource, checked as the endpoints of a static cluster."""
    assignment = _untyped(copy(member.unit, member.node, MAX_NODES))
    name = quoted(f"gatewayctl-endpoints-{index}")
    return _message(name=name, type=quoted("STATIC"), load_assignment=assignment)


def _of(members: Iterable[Member], unit: Unit) -> list[Member]:
    return [member for member in members if member.unit is unit]


def _is_static(member: Member, found: Parts) -> bool:
    return any(member.unit is place.unit for place in found.bootstraps)


def _distinct(members: Iterable[Member]) -> list[Member]:
    return list({member.name: member for member in members}.values())


def _distinct_places(places: Iterable[Place]) -> list[Place]:
    return list({place.name or str(id(place)): place for place in places}.values())


def _rds_name(node: Node) -> str:
    return next((text(value) for key, value in _pairs(node) if snake(text(key)) == "route_config_name"), "")


def _is_source(node: MappingNode) -> bool:
    """Whether a message with a path is a source of configuration: those say their API version."""
    keys = {snake(text(key)) for key, _ in node.value if isinstance(key, ScalarNode)}
    return "resource_api_version" in keys
