"""Reads the YAML of Gateway API objects: mappings, lists and text.

Kubernetes accepts one spelling of each key, so keys are compared as written.
"""

from collections.abc import Iterator

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatewayctl.gateways.yamltext.document import template_mark
from gatewayctl.gateways.yamltext.fragments import Fragment
from gatewayctl.gateways.yamltext.nodes import is_null


def read_fields(fragment: Fragment, node: Node | None, what: str) -> dict[str, Node]:
    """The values of a mapping by key; empty if there is none. `what` names the mapping in an error. Raises Refused."""
    if node is None or is_null(node):
        return {}
    if not isinstance(node, MappingNode):
        raise fragment.wrong_type(node, what)
    found: dict[str, Node] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            raise fragment.wrong_type(key, f"a field of {what}")
        if key.value == "<<" and not key.style:
            reason = f"a merge key (<<) in {what}: what it brings in cannot be seen here"
            raise fragment.refusal(key, reason, hint="write out what it stands for")
        if key.value in found:
            raise fragment.refusal(key, f"the key {key.value} occurs twice in {what}")
        found[str(key.value)] = value
    return found


def read_items(fragment: Fragment, node: Node | None, what: str) -> list[Node]:
    """The items of a list; empty if there is none. `what` names the list in an error. Raises Refused."""
    if node is None or is_null(node):
        return []
    if not isinstance(node, SequenceNode):
        raise fragment.wrong_type(node, what)
    return list(node.value)


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
