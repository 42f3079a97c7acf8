"""Writes a node as text in the style of its neighbour: block or flow, with its indentation, dashes and braces."""

import re
from dataclasses import dataclass

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

# Inside [ ] or { } a plain scalar with one of these would be several values. Outside, every reader takes it for text.
NOT_IN_FLOW = re.compile(r"[,\[\]{}\n]")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}


@dataclass(frozen=True, slots=True)
class Style:
    """How a file indents, in columns: `step` for a mapping, `dash` before the dash of a nested list, `gap` after it.

    `pad` are the blanks inside braces.
    """

    step: int = 2
    dash: int = 0
    gap: int = 1
    pad: str = " "


def document(node: MappingNode) -> str:
    """The text of a new file."""
    return "".join(f"{line}\n" for line in _block(node, 0, Style(dash=2)))


def block_item(node: Node, column: int, style: Style) -> list[str]:
    """The lines of a list item with its dash at `column`, without line ends."""
    dash = " " * column + "-" + " " * style.gap
    if _is_flow(node) or not isinstance(node, MappingNode):
        return [dash + flow_of(node, style)]
    lines = _block(node, column + 1 + style.gap, style)
    if node.tag:  # in the line of the first key it would be the tag of that key
        return [(dash + _tag(node)).rstrip(" "), *lines]
    return [dash + lines[0].lstrip(" "), *lines[1:]]


def flow(node: Node, style: Style) -> str:
    """A node in one line, in flow style."""
    if isinstance(node, MappingNode):
        if not node.value:
            return _tag(node) + "{}"
        pairs = ", ".join(f"{_scalar(key)}: {flow(value, style)}" for key, value in node.value)
        return f"{_tag(node)}{{{style.pad}{pairs}{style.pad}}}"
    if isinstance(node, SequenceNode):
        return f"{_tag(node)}[{', '.join(flow(item, style) for item in node.value)}]"
    return _scalar(node, in_flow=True)


def _is_flow(node: Node) -> bool:
    return not isinstance(node, MappingNode | SequenceNode) or bool(node.flow_style) or not node.value


def _block(node: MappingNode, column: int, style: Style) -> list[str]:
    lines: list[str] = []
    for key, value in node.value:
        head = " " * column + _scalar(key) + ":"
        if isinstance(value, ScalarNode) and _is_literal(value):
            lines.append(f"{head} {_tag(value)}" + ("|" if value.value.endswith("\n") else "|-"))
            inside = " " * (column + style.step)
            lines += [inside + line if line else "" for line in value.value.removesuffix("\n").split("\n")]
        elif _is_flow(value):
            lines.append(f"{head} {flow_of(value, style)}".rstrip(" "))
        else:
            lines.append(f"{head} {_tag(value)}".rstrip(" "))
            lines += _below_key(value, column, style)
    return lines


def flow_of(node: Node, style: Style) -> str:
    """A value in the line of its key in a block mapping."""
    return _scalar(node) if isinstance(node, ScalarNode) else flow(node, style)


def _below_key(node: Node, column: int, style: Style) -> list[str]:
    if isinstance(node, MappingNode):
        return _block(node, column + style.step, style)
    return [line for item in node.value for line in block_item(item, column + style.dash, style)]


def _is_literal(node: ScalarNode) -> bool:
    """Whether a scalar can be written as a literal block without an indentation indicator."""
    text = str(node.value)
    body = text.removesuffix("\n")
    return (
        node.style in {"|", ">"}
        and bool(body.strip())
        and not body.startswith((" ", "\t", "\n"))
        and not body.endswith("\n")
        and all(char == "\n" or char.isprintable() for char in body)
    )


def _scalar(node: Node, *, in_flow: bool = False) -> str:
    assert isinstance(node, ScalarNode)  # noqa: S101 (there are three kinds of nodes)
    text = str(node.value)
    if not node.style:
        if "\n" not in text and not (in_flow and NOT_IN_FLOW.search(text)):
            return _tag(node) + text
    elif node.style == "'" and text.isprintable():
        return _tag(node) + "'" + text.replace("'", "''") + "'"
    return _tag(node) + '"' + "".join(_escape(char) for char in text) + '"'


def _escape(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _tag(node: Node) -> str:
    tag = str(node.tag or "")
    if not tag:
        return ""
    core = "tag:yaml.org,2002:"
    if tag.startswith(core):
        return f"!!{tag.removeprefix(core)} "
    return f"{tag} " if tag.startswith("!") else f"!<{tag}> "
