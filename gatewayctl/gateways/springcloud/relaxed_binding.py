"""Finds properties in YAML by Spring's relaxed binding: dots at any level, indexes in brackets, any case, any dashes.

For Spring all these spellings are one property, so a property is found by its path and not by its spelling.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatewayctl.gateways.yamltext.fragments import Fragment
from gatewayctl.gateways.yamltext.nodes import is_null

Path = tuple[str, ...]

_SEGMENT = re.compile(r"\[[^\]]*(?:\]|\Z)|[^.\[\]]+")
_IGNORED = re.compile(r"[^a-z0-9\[\]]")


@dataclass(frozen=True, slots=True, eq=False)
class PropertyNode:
    """A property in a document. `rest` is the end of its key beyond the path that was searched: `[0]`, `id`.

    `merged`: it comes from another place by a merge key (`<<`).
    """

    key: Node
    value: Node
    rest: Path = ()
    merged: bool = False


@lru_cache(maxsize=4096)
def path_of(key: str) -> Path:
    """The segments of a key, in the form in which Spring compares them."""
    return tuple(_IGNORED.sub("", segment.lower()) for segment in _SEGMENT.findall(key))


def pairs(fragment: Fragment, node: MappingNode) -> Iterator[tuple[ScalarNode, Node]]:
    """The keys and values of a mapping. Raises Refused for keys that are not text, or occur twice."""
    seen: set[str] = set()
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            raise fragment.wrong_type(key, "a property's name")
        if key.value in seen and not _is_merge(key):
            raise fragment.refusal(key, f"the key {key.value} occurs twice in one mapping: Spring does not load that")
        seen.add(key.value)
        yield key, value


def find_property(fragment: Fragment, node: Node, path: Path) -> Iterator[PropertyNode]:
    """Every property below `node` that is `path`, or a part of it. Raises Refused."""
    if not isinstance(node, MappingNode):
        return
    for key, value in pairs(fragment, node):
        if _is_merge(key):
            for one in mappings_of_merge(value):
                for found in find_property(fragment, one, path):
                    yield PropertyNode(found.key, found.value, found.rest, merged=True)
            continue
        here = path_of(key.value)
        if here == path[: len(here)] and len(here) < len(path):
            yield from find_property(fragment, value, path[len(here) :])
        elif here[: len(path)] == path:
            yield PropertyNode(key, value, here[len(path) :])


def mappings_of_merge(value: Node) -> list[Node]:
    """The mappings that a merge key adds."""
    return list(value.value) if isinstance(value, SequenceNode) else [value]


def fields(fragment: Fragment, node: Node, what: str) -> dict[str, Node]:
    """The fields of one of Spring's objects, with those of merge keys. An error calls it `what`. Raises Refused."""
    if is_null(node):
        return {}
    if not isinstance(node, MappingNode):
        raise fragment.wrong_type(node, what)
    found: dict[str, Node] = {}
    inherited: dict[str, Node] = {}
    for key, value in pairs(fragment, node):
        if _is_merge(key):
            for one in mappings_of_merge(value):
                inherited = {**fields(fragment, one, what), **inherited}
            continue
        name = ".".join(path_of(key.value))
        if name in found:
            raise fragment.refusal(key, f"{name} is set twice in {what}")
        found[name] = value
    return {**inherited, **found}


def _is_merge(key: ScalarNode) -> bool:
    return key.value == "<<" and not key.style
