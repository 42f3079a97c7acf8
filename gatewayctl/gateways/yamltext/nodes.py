"""Makes copies of nodes and new nodes: what an inserted item should be, before it is text.

A copy needs nothing else of the file: aliases are written out, anchors are left out. What a copy could give another
meaning (merge keys, bare tags, keys that occur twice) is refused.
"""

import re
from collections.abc import Sequence

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatewayctl.gateways.yamltext.fragments import Fragment

MAX_NODES = 20_000  # of one copy: a limit for aliases of aliases, far above any real route or cluster

_BARE_TAG = re.compile(r"(&\S+\s+)?!(\s|$)")


def quote(value: str) -> ScalarNode:
    """A new value: double-quoted, so that every reader takes it for text."""
    return ScalarNode("", value, style='"')


def plain(value: str) -> ScalarNode:
    """A new key."""
    return ScalarNode("", value)


def text(node: Node | None) -> str:
    """The text of a scalar; empty for anything else."""
    return str(node.value) if isinstance(node, ScalarNode) else ""


def is_null(node: Node) -> bool:
    """Whether a value is missing, or written as null."""
    return isinstance(node, ScalarNode) and not node.style and node.value in {"", "~", "null"}


def is_flow(node: Node) -> bool:
    """Whether a mapping or a list is in flow style."""
    return isinstance(node, MappingNode | SequenceNode) and bool(node.flow_style)


def mapping(pairs: Sequence[tuple[Node, Node]], like: Node) -> MappingNode:
    """A new mapping, block or flow like `like`."""
    return MappingNode("", list(pairs), flow_style=is_flow(like))


def listing(items: Sequence[Node], like: Node) -> SequenceNode:
    """A new list, block or flow like `like`."""
    return SequenceNode("", list(items), flow_style=is_flow(like))


def append_item(before: Node, item: Node, parent: Node) -> SequenceNode:
    """A list with one more item. If there was no list yet, it is block or flow like its parent."""
    if isinstance(before, SequenceNode):
        return SequenceNode(before.tag, [*before.value, item], flow_style=before.flow_style and bool(before.value))
    return listing([item] if is_null(before) else [before, item], parent if is_null(before) else before)


def with_pairs(node: MappingNode, pairs: Sequence[tuple[Node, Node]]) -> MappingNode:
    """A mapping in the style and at the place of `node`, with these keys and values."""
    return MappingNode(node.tag, list(pairs), node.start_mark, node.end_mark, flow_style=node.flow_style)


def copy(fragment: Fragment, node: Node, most: int = MAX_NODES) -> Node:
    """A copy of `node` with at most `most` nodes, which keep their positions. Raises Refused."""
    return _Copier(fragment, node, most).copy(node)


class _Copier:
    def __init__(self, fragment: Fragment, root: Node, most: int) -> None:
        self._fragment, self._root = fragment, root
        self._open: set[int] = set()
        self._left = self._most = most

    def copy(self, node: Node) -> Node:
        self._left -= 1
        if self._left < 0:
            raise self._fragment.refusal(self._root, f"what has to be copied has more than {self._most} values")
        if not isinstance(node, MappingNode | SequenceNode):
            return self._scalar(node)
        if id(node) in self._open:
            raise self._fragment.refusal(node, "an alias stands inside what it names")
        self._open.add(id(node))
        self._check_tag(node)
        try:
            if isinstance(node, SequenceNode):
                items = [self.copy(item) for item in node.value]
                return SequenceNode(node.tag, items, node.start_mark, node.end_mark, flow_style=node.flow_style)
            return self._mapping(node)
        finally:
            self._open.discard(id(node))

    def _scalar(self, node: Node) -> ScalarNode:
        assert isinstance(node, ScalarNode)  # noqa: S101 (there are three kinds of nodes)
        self._check_tag(node)
        return ScalarNode(node.tag, node.value, node.start_mark, node.end_mark, style=node.style)

    def _mapping(self, node: MappingNode) -> MappingNode:
        seen: set[str] = set()
        pairs: list[tuple[Node, Node]] = []
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                raise self._fragment.wrong_type(key, "a field name")
            if key.value == "<<" and not key.style:
                raise self._fragment.refusal(
                    key,
                    "a merge key (<<) in what has to be copied: it would bring in what cannot be seen here",
                    hint="write out what it stands for",
                )
            if key.value in seen:
                raise self._fragment.refusal(key, f"the key {key.value} occurs twice in one mapping")
            seen.add(key.value)
            pairs.append((self.copy(key), self.copy(value)))
        return with_pairs(node, pairs)

    def _check_tag(self, node: Node) -> None:
        start = node.start_mark.index
        if self._fragment.text[start : start + 1] in {"!", "&"} and _BARE_TAG.match(self._fragment.source(node)):
            raise self._fragment.refusal(node, "a bare tag (!) in what has to be copied")
