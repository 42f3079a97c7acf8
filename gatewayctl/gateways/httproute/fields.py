"""The objects of the Gateway API as YAML spells them: mappings with known keys, lists, and text.

Kubernetes reads one spelling of every key, so keys are compared as written.
"""

from collections.abc import Iterator

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatewayctl.gateways.yamltext.document import template_mark
from gatewayctl.gateways.yamltext.fragments import Unit
from gatewayctl.gateways.yamltext.nodes import is_null


def fields(unit: Unit, node: Node | None, what: str) -> dict[str, Node]:
    """A mapping's values by key; `what` is how a refusal calls the mapping. Raises Refused."""
    if node is None or is_null(node):
        return {}
    if not isinstance(node, MappingNode):
        raise unit.unexpected(node, what)
    found: dict[str, Node] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            raise unit.unexpected(key, f"a field of {what}")
        if key.value == "<<" and not key.style:
            reason = f"a merge key (<<) in {what}: what it brings in cannot be seen here"
            raise unit.refused(key, reason, hint="write out what it stands for")
        if key.value in found:
            raise unit.refused(key, f"the key {key.value} occurs twice in {what}")
        found[str(key.value)] = value
    return found


def items(unit: Unit, node: Node | None, what: str) -> list[Node]:
    """The members of a list. Raises Refused."""
    if node is None or is_null(node):
        return []
    if not isinstance(node, SequenceNode):
        raise unit.unexpected(node, what)
    return list(node.value)


def scalars(root: Node) -> Iterator[ScalarNode]:
    """Every scalar below a node, keys too, each once."""
    pending, seen = [root], set()
    while pending:
        node = pending.pop()
        if isinstance(node, ScalarNode):
            yield node
        elif id(node) not in seen:
            seen.add(id(node))
            inside = node.value
            pending += [part for pair in inside for part in pair] if isinstance(node, MappingNode) else inside


def refuse_template(unit: Unit, root: Node) -> None:
    """Raise Refused when a text below `root` waits for a template engine."""
    for node in scalars(root):
        mark = template_mark(str(node.value))
        if mark:
            raise unit.refused(node, f"part of a rule is left to a template ({mark})", hint="edit the rendered file")
