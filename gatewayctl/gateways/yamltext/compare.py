"""Is a text what it was meant to be: two trees, and where they part."""

from collections.abc import Mapping, Sequence
from typing import Any

from yaml.nodes import Node, ScalarNode, SequenceNode

from gatewayctl.gateways.yamltext.emit import NOT_IN_FLOW

Lists = Mapping[int, Sequence[Node]]


def difference(before: Node, after: Node, lists: Lists, skipped: frozenset[int] = frozenset()) -> Node | None:
    """A node of `before` that `after` does not have as meant; None when all is well.

    `lists` holds, by the identity of a list in `before`, the items it is meant to have. Whether a scalar is plain
    counts: a gateway may read `on` and `"on"` differently. Scalars in `skipped` (by identity) are compared elsewhere.
    """
    pairs: list[tuple[Node, Node]] = [(before, after)]
    seen: set[tuple[int, int]] = set()
    while pairs:
        meant, found = pairs.pop()
        if isinstance(meant, ScalarNode):
            if not _same(meant, found) and not (isinstance(found, ScalarNode) and id(meant) in skipped):
                return meant
            continue
        known = (id(meant), id(found))
        if known in seen:
            continue  # by way of an alias
        seen.add(known)
        if type(meant) is not type(found) or meant.tag != found.tag:
            return meant
        inside: Any = lists.get(known[0], meant.value)
        if len(inside) != len(found.value):
            return meant
        if isinstance(meant, SequenceNode):
            pairs += zip(inside, found.value, strict=True)
        elif not _same_keys(inside, found.value, pairs):
            return meant
    return None


def _same_keys(meant: list[tuple[Node, Node]], found: list[tuple[Node, Node]], pairs: list[tuple[Node, Node]]) -> bool:
    """Whether two mappings have the same keys in the same order; their values are left to `pairs`."""
    for (key, value), (other_key, other) in zip(meant, found, strict=True):
        if not isinstance(key, ScalarNode):
            pairs.append((key, other_key))
        elif not _same(key, other_key):
            return False
        pairs.append((value, other))
    return True


def _same(meant: ScalarNode, found: Node) -> bool:
    """Whether two scalars are written alike, as far as any reader can tell."""
    if meant.value != found.value or meant.tag != found.tag or not isinstance(found, ScalarNode):
        return False
    return bool(meant.style) == bool(found.style) or NOT_IN_FLOW.search(meant.value) is not None
