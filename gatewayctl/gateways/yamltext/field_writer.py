"""Writes fields of our own in the style of what surrounds them."""

from collections.abc import Sequence

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatewayctl.gateways.yamltext.nodes import is_flow, listing, mapping, plain, quote, with_pairs

Pair = tuple[Node, Node]


class FieldWriter:
    """Writes fields of our own in the style of the node that they go into: JSON where that one is JSON."""

    def __init__(self, like: Node) -> None:
        self._like = like
        first = like.value[0][0] if isinstance(like, MappingNode) and like.value else None
        self._json = is_flow(like) and isinstance(first, ScalarNode) and first.style == '"'

    def key(self, name: str) -> Node:
        """A field's name, or a value that the API defines, such as `Exact`."""
        return quote(name) if self._json else plain(name)

    def field(self, name: str, value: Node | str) -> Pair:
        """A field with its value."""
        return self.key(name), quote(value) if isinstance(value, str) else value

    def mapping(self, *pairs: Pair, **values: Node | str) -> MappingNode:
        """A mapping with these pairs, whose keys may be data, and then with these fields."""
        return mapping([*pairs, *(self.field(name, value) for name, value in values.items())], self._like)

    def sequence(self, *values: Node) -> SequenceNode:
        """A list of these nodes."""
        return listing(values, self._like)


def with_field(node: MappingNode, name: str, value: Node, *, before: str = "") -> MappingNode:
    """`node` with another value for a field; a field that it does not have goes above `before`, or to the end."""
    if any(key.value == name for key, _ in node.value):
        return with_pairs(node, [(key, value if key.value == name else old) for key, old in node.value])
    place = next((index for index, (key, _) in enumerate(node.value) if key.value == before), len(node.value))
    pair = FieldWriter(node).field(name, value)
    return with_pairs(node, [*node.value[:place], pair, *node.value[place:]])


def without_field(node: MappingNode, name: str) -> MappingNode:
    """`node` without a field."""
    return with_pairs(node, [(key, old) for key, old in node.value if key.value != name])


def with_entry(pairs: Sequence[Pair], name: str, value: Node) -> list[Pair]:
    """A map with one more entry, whose key is data: in the order of names if the map has that order, else last.

    A live object is given with its keys in the order of names, so the entry is read back where it was written.
    """
    names = [str(key.value) for key, _ in pairs]
    place = next((index for index, one in enumerate(names) if one > name), len(names))
    if names != sorted(names):
        place = len(names)
    return [*pairs[:place], (quote(name), value), *pairs[place:]]
