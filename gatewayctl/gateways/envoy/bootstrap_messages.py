"""Builds messages of a static bootstrap, for `envoy --mode validate`."""

from collections.abc import Iterable

from yaml.nodes import MappingNode, Node, SequenceNode

from gatewayctl.gateways.envoy.fields import snake, text
from gatewayctl.gateways.yamltext.nodes import plain, quote, with_pairs

_MANAGER = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"


def message(**values: Node) -> MappingNode:
    """A message with these fields."""
    return message_of((plain(name), value) for name, value in values.items())


def message_of(pairs: Iterable[tuple[Node, Node]]) -> MappingNode:
    """A message with these keys and values."""
    return MappingNode("", list(pairs), flow_style=False)


def repeated_field(values: Iterable[Node]) -> SequenceNode:
    """A repeated field."""
    return SequenceNode("", list(values), flow_style=False)


def pairs_of(node: Node | None) -> list[tuple[Node, Node]]:
    """The keys and values of a message; none for anything else."""
    return list(node.value) if isinstance(node, MappingNode) else []


def pairs_without(node: Node | None, names: Iterable[str]) -> list[tuple[Node, Node]]:
    """The keys and values of a message, but for some fields."""
    return [pair for pair in pairs_of(node) if snake(text(pair[0])) not in names]


def without_type(node: Node) -> Node:
    """A resource of xDS as a static message: without its `@type`."""
    if not isinstance(node, MappingNode):
        return node
    return with_pairs(node, [pair for pair in node.value if text(pair[0]) != "@type"])


def bootstrap(
    listeners: Iterable[Node], clusters: Iterable[Node], others: Iterable[tuple[Node, Node]] = ()
) -> MappingNode:
    """A bootstrap; `others` are more keys and values of its static resources."""
    static = message(listeners=repeated_field(listeners), clusters=repeated_field(clusters))
    return message(static_resources=with_pairs(static, [*others, *static.value]))


def listener(kind: str, index: int, config: Node) -> MappingNode:
    """A listener for one route configuration. `kind` and `index` make its name unique."""
    router = message(name=quote("envoy.filters.http.router"), typed_config=_any_message(_ROUTER))
    manager = _any_message(
        _MANAGER, stat_prefix=quote(kind), route_config=config, http_filters=repeated_field([router])
    )
    chain = message(filters=repeated_field([message(name=quote("http"), typed_config=manager)]))
    # Validation binds nothing, but refuses two listeners with one address.
    address = message(address=quote("127.255.255.254"), port_value=plain(str(index + 1)))
    return message(
        name=quote(f"gatewayctl-{kind}-{index}"),
        address=message(socket_address=address),
        filter_chains=repeated_field([chain]),
    )


def route_config(name: str, host: Node) -> MappingNode:
    """A route configuration with one virtual host."""
    return message(name=quote(name), virtual_hosts=repeated_field([host]))


def empty_cluster(name: str) -> MappingNode:
    """A cluster without endpoints."""
    return message(name=quote(name), type=quote("STATIC"))


def endpoints_cluster(index: int, assignment: Node) -> MappingNode:
    """A static cluster around a load assignment, which Envoy would otherwise not check."""
    name = quote(f"gatewayctl-endpoints-{index}")
    return message(name=name, type=quote("STATIC"), load_assignment=assignment)


def _any_message(url: str, **values: Node) -> MappingNode:
    return message_of([(quote("@type"), quote(url)), *message(**values).value])
