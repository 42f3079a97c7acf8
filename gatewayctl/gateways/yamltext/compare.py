"""Compares an intended YAML tree with one that was parsed, and finds the first difference."""

from collections.abc import Mapping, Sequence
from typing import Any

from yaml.nodes import Node, ScalarNode, SequenceNode

from gatewayctl.gateways.yamltext.emit import NOT_IN_FLOW

Lists = Mapping[int, Sequence[Node]]
_Pairs = list[tuple[Node, Node]]


def difference(before: Node, after: Node, lists: Lists, skipped: frozenset[int] = frozenset()) -> Node | None:
    """The first node of `before` that `after` does not have as intended; None when there is no difference.

    `lists` holds, by the identity of a list in `before`, the items it should have. Whether a scalar is plain counts: a
    gateway may read `on` and `"on"` differently. Scalars in `skipped` (by identity) are compared elsewhere.
    """
    pairs: _Pairs = [(before, after)]
    seen: set[tuple[int, int]] = set()
    while pairs:
        intended, parsed = pairs.pop()
        known = (id(intended), id(parsed))
        if known in seen:
            continue  # an alias repeats it
        if isinstance(intended, ScalarNode):
            same = _same(intended, parsed) or (isinstance(parsed, ScalarNode) and id(intended) in skipped)
        else:
            seen.add(known)
            same = _same_collection(intended, parsed, lists, pairs)
        if not same:
            return intended
    return None


def _same_collection(intended: Node, parsed: Node, lists: Lists, pairs: _Pairs) -> bool:
    """Whether two lists or mappings are alike, but for their values, which are added to `pairs`."""
    if type(intended) is not type(parsed) or intended.tag != parsed.tag:
        return False
    inside: Any = lists.get(id(intended), intended.value)
    if len(inside) != len(parsed.value):
        return False
    if isinstance(intended, SequenceNode):
        pairs += zip(inside, parsed.value, strict=True)
        return True
    return _same_keys(inside, parsed.value, pairs)


def _same_keys(intended: _Pairs, parsed: _Pairs, pairs: _Pairs) -> bool:
    """Whether two mappings have the same keys in the same order. Their values are added to `pairs`."""
    for (key, value), (other_key, other) in zip(intended, parsed, strict=True):
        if not isinstance(key, ScalarNode):
            pairs.append((key, other_key))
        elif not _same(key, other_key):
            return False
        pairs.append((value, other))
    return True


def _same(intended: ScalarNode, parsed: Node) -> bool:
    """Whether every reader gets the same value from two scalars."""
    if intended.value != parsed.value or intended.tag != parsed.tag or not isinstance(parsed, ScalarNode):
        return False
    return bool(intended.style) == bool(parsed.style) or NOT_IN_FLOW.search(intended.value) is not None
