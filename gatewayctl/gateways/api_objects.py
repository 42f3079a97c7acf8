"""Reads the YAML of Kubernetes API objects that hold routes: mappings, lists and text.

Kubernetes accepts one spelling of each key, so keys are compared as written.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from yaml.nodes import MappingNode, Node, ScalarNode

from gatewayctl.gateways.yamltext.cursor import Cursor, Spelling
from gatewayctl.gateways.yamltext.document import template_mark
from gatewayctl.gateways.yamltext.fragments import Fragment, pairs_of
from gatewayctl.gateways.yamltext.nodes import text

_SPELLING = Spelling(
    str,
    repeated="key",
    merge_reason="what it brings in cannot be seen here",
    merge_hint="write out what it stands for",
)


@dataclass(frozen=True, slots=True, eq=False)
class ApiObject:
    """One Kubernetes object of a file; `api` is its apiVersion."""

    fragment: Fragment
    node: Node
    api: str
    kind: str
    name: str
    namespace: str


def read_object(fragment: Fragment, node: Node) -> ApiObject:
    """What says which object a node is; empty texts where it does not say."""
    top = pairs_of(node)
    named = pairs_of(top.get("metadata"))
    kind = text(top.get("apiVersion")), text(top.get("kind"))
    return ApiObject(fragment, node, *kind, text(named.get("name")), text(named.get("namespace")))


def api_value(fragment: Fragment, node: Node | None, what: str) -> Cursor:
    """A value in an object. An error calls it `what`."""
    return Cursor(fragment, node, what, _SPELLING)


def scalars(root: Node) -> Iterator[ScalarNode]:
    """Every scalar below a node, keys included; a node that an alias repeats counts once."""
    pending, seen = [root], set()
    while pending:
        node = pending.pop()
        if isinstance(node, ScalarNode):
            yield node
        elif id(node) not in seen:
            seen.add(id(node))
            inside = node.value
            pending += [part for pair in inside for part in pair] if isinstance(node, MappingNode) else inside


def refuse_template(fragment: Fragment, root: Node, what: str) -> None:
    """Raise Refused if a text below `root`, which is `what`, has a mark that a template engine would fill in."""
    for node in scalars(root):
        mark = template_mark(str(node.value))
        if mark:
            raise fragment.refusal(
                node, f"part of {what} is left to a template ({mark})", hint="edit the rendered file"
            )
