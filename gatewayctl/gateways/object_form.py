"""One way to write an API object as YAML, so that the same object always gives the same bytes.

The API server keeps no comments, no order of keys and no quotes. A dialect that writes whole objects, and a store that
reads them back, both use this form.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatewayctl.gateways.resource import KeyOrder
from gatewayctl.gateways.yamltext.emit import document
from gatewayctl.gateways.yamltext.nodes import plain, quote

_PLAIN_KEYS = frozenset({"apiVersion", "kind"})
_PLAIN = re.compile(r"[A-Z][A-Za-z]+|[a-z0-9.]+/v[a-z0-9]+")
_NO_TEXT = frozenset({"Null", "True", "False", "Yes", "No", "On", "Off"})


@dataclass(frozen=True, slots=True)
class ObjectForm:
    """The order of keys, and the keys whose values are words of the API and are written without quotes."""

    key_order: KeyOrder
    plain_keys: frozenset[str] = frozenset()

    def write(self, found: Mapping[str, Any], keys: Iterable[str] = ()) -> str:
        """The object as one YAML document; `keys` is the order of its top keys, if that is not the usual one."""
        return document(self._mapping(found, keys or self._sort(found)))

    def _sort(self, value: Mapping[str, Any]) -> list[str]:
        return sorted(value, key=self.key_order.rank)

    def _mapping(self, value: Mapping[str, Any], keys: Iterable[str]) -> MappingNode:
        pairs: list[tuple[Node, Node]] = [(_key(name), self._node(value[name], name)) for name in keys]
        return MappingNode("", pairs, flow_style=not pairs)

    def _node(self, value: object, key: str = "") -> Node:
        if isinstance(value, dict):
            return self._mapping(value, self._sort(value))
        if isinstance(value, list):
            return SequenceNode("", [self._node(one) for one in value], flow_style=not value)
        if not isinstance(value, str):
            return plain(json.dumps(value))
        is_plain = key in _PLAIN_KEYS or key in self.plain_keys
        return plain(value) if is_plain and _PLAIN.fullmatch(value) and value not in _NO_TEXT else quote(value)


def _key(name: str) -> ScalarNode:
    return plain(name) if re.fullmatch(r"[A-Za-z]+", name) and name.title() not in _NO_TEXT else quote(name)
