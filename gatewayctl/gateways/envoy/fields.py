"""Reads Envoy's protobuf messages in YAML: fields in snake_case or lowerCamelCase, a list of one without its dash.

Protobuf's JSON parser accepts all of these spellings, and real files use all of them.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from yaml.nodes import MappingNode, Node, ScalarNode

from gatewayctl.gateways.yamltext.cursor import Cursor, Spelling
from gatewayctl.gateways.yamltext.fragments import Fragment
from gatewayctl.gateways.yamltext.nodes import is_null as is_null
from gatewayctl.gateways.yamltext.nodes import text as text

_CAMEL = re.compile(
    r"\b(staticResources|filterChains|typedConfig|routeConfig|virtualHosts|loadAssignment|connectTimeout|"
    r"lbEndpoints|socketAddress|edsClusterConfig)\b[\"']?\s*:"
)
_UPPER = re.compile(r"([A-Z])")


@lru_cache(maxsize=4096)
def snake(name: str) -> str:
    """A field's name as Envoy's documentation spells it."""
    return name if name.islower() else _UPPER.sub(r"_\1", name).lower()


def camel(name: str) -> str:
    """A field's name as protobuf's JSON writes it."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


_SPELLING = Spelling(snake, repeated="field", merge_reason="Envoy does not read those", single_items=True)


@lru_cache(maxsize=8)
def is_camel(fragment: Fragment) -> bool:
    """Whether a fragment spells field names in lowerCamelCase."""
    return _CAMEL.search(fragment.text) is not None


def message(fragment: Fragment, node: Node | None, what: str) -> Cursor:
    """A protobuf message, whose fields are read by their snake_case names. An error calls it `what`."""
    return Cursor(fragment, node, what, _SPELLING)


def type_name(url: str) -> str:
    """The last part of a message's `@type`, such as `HttpConnectionManager`; with `v2.` before it in the v2 API."""
    package, _, name = url.rpartition("/")[2].rpartition(".")
    return f"v2.{name}" if package.endswith((".v2", ".v2alpha", "v2alpha1")) and package.startswith("envoy.") else name


def mentions(node: Node, word: str) -> bool:
    """Whether any scalar below `node` is exactly `word`."""
    pending, seen = [node], set()
    while pending:
        one = pending.pop()
        if isinstance(one, ScalarNode):
            if one.value == word:
                return True
        elif id(one) not in seen:
            seen.add(id(one))
            if isinstance(one, MappingNode):
                pending += [part for pair in one.value for part in pair]
            else:
                pending += one.value
    return False


def below(root: Node, closed: frozenset[str] = frozenset()) -> Iterator[tuple[str, Node]]:
    """Every field below `root` with its snake_case name, each once; but not what is inside the fields `closed`."""
    pending, seen = [root], set()
    while pending:
        node = pending.pop()
        if id(node) in seen or isinstance(node, ScalarNode):
            continue
        seen.add(id(node))
        if not isinstance(node, MappingNode):
            pending += node.value
            continue
        for key, value in node.value:
            name = snake(text(key))
            yield name, value
            if name not in closed:
                pending.append(value)
