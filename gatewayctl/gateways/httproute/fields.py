"""Reads the YAML of Gateway API objects: mappings, lists and text.

Kubernetes accepts one spelling of each key, so keys are compared as written.
"""

from collections.abc import Iterator

from yaml.nodes import MappingNode, Node, ScalarNode

from gatewayctl.gateways.yamltext.cursor import Cursor, Spelling
from gatewayctl.gateways.yamltext.document import template_mark
from gatewayctl.gateways.yamltext.fragments import Fragment

_SPELLING = Spelling(
    str,
    repeated="key",
    merge_reason="what it brings in cannot be seen here",
    merge_hint="write out what it stands for",
)


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


def refuse_template(fragment: Fragment, root: Node) -> None:
    """Raise Refused if a text below `root` contains a mark that a template engine would fill in."""
    for node in scalars(root):
        mark = template_mark(str(node.value))
        if mark:
            raise fragment.refusal(
                node, f"part of a rule is left to a template ({mark})", hint="edit the rendered file"
            )
