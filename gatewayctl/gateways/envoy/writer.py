"""Makes fields and messages of Envoy in the spelling and the style of the file that gets them."""

from yaml.nodes import MappingNode, Node, ScalarNode

from gatewayctl.gateways.envoy.fields import camel, is_camel, is_null, snake
from gatewayctl.gateways.yamltext.fragments import Fragment
from gatewayctl.gateways.yamltext.nodes import is_flow, mapping, plain, quote, with_pairs

Pairs = list[tuple[Node, Node]]


class MessageWriter:
    """Makes new fields in the spelling of a fragment and in the style of its message `like`."""

    def __init__(self, fragment: Fragment, like: Node) -> None:
        self._camel = is_camel(fragment)
        self._like = like
        first = like.value[0][0] if isinstance(like, MappingNode) and like.value else None
        self._json = is_flow(like) and isinstance(first, ScalarNode) and first.style == '"'

    def key(self, name: str) -> Node:
        """The name of a field."""
        spelled = camel(name) if self._camel else name
        return quote(spelled) if self._json else plain(spelled)

    def message(self, like: Node | None = None, /, **values: Node | str) -> MappingNode:
        """A message with these fields, block or flow like `like`."""
        pairs: Pairs = [
            (self.key(name), quote(value) if isinstance(value, str) else value) for name, value in values.items()
        ]
        return mapping(pairs, like or self._like)

    def entry(self, name: str, value: Node) -> tuple[Node, Node]:
        """One entry of a map: its key is data, and keeps its spelling."""
        return (quote(name) if self._json else plain(name), value)


def replace_field(holder: MappingNode, name: str, value: Node) -> MappingNode:
    """The message `holder` with another value for a field that it has."""
    return with_pairs(holder, [(key, value if snake(key.value) == name else old) for key, old in holder.value])


def set_field(writer: MessageWriter, holder: MappingNode, name: str, value: Node) -> MappingNode:
    """`holder` with another value for the field; one without a value, or none, is put at the end."""
    if any(snake(key.value) == name and not is_null(old) for key, old in holder.value):
        return replace_field(holder, name, value)
    pairs = [(key, old) for key, old in holder.value if snake(key.value) != name]
    return with_pairs(holder, [*pairs, (writer.key(name), value)])
