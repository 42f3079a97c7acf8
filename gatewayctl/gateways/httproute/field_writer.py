"""Writes fields of our own in the style of what surrounds them."""

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatewayctl.gateways.yamltext.nodes import is_flow, listing, mapping, plain, quote, with_pairs


class FieldWriter:
    """Writes fields of our own in the style of the node that they go into: JSON where that one is JSON."""

    def __init__(self, like: Node) -> None:
        self._like = like
        first = like.value[0][0] if isinstance(like, MappingNode) and like.value else None
        self._json = is_flow(like) and isinstance(first, ScalarNode) and first.style == '"'

    def key(self, name: str) -> Node:
        """A field's name, or a value that the API defines, such as `Exact`."""
        return quote(name) if self._json else plain(name)

    def field(self, name: str, value: Node | str) -> tuple[Node, Node]:
        """A field with its value."""
        return self.key(name), quote(value) if isinstance(value, str) else value

    def mapping(self, **values: Node | str) -> MappingNode:
        """A mapping with these fields."""
        return mapping([self.field(name, value) for name, value in values.items()], self._like)

    def sequence(self, *values: Node) -> SequenceNode:
        """A list of these nodes."""
        return listing(values, self._like)


def replace_field(node: MappingNode, name: str, value: Node) -> MappingNode:
    """`node` with another value for a field that it has."""
    return with_pairs(node, [(key, value if key.value == name else old) for key, old in node.value])
