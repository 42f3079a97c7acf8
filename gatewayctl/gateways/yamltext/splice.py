"""Finds where an item is inserted into a list, and which characters are removed with an item.

An item is inserted directly above its neighbour and the comments that belong to the neighbour, never higher: the items
above keep their precedence. Or it is inserted below the last item, where the position of an item is its name.
"""

import re
from collections.abc import Iterator

from yaml.nodes import MappingNode, Node, SequenceNode

from gatewayctl.gateways.spans import Splice
from gatewayctl.gateways.yamltext.emit import Style, block_item, flow
from gatewayctl.gateways.yamltext.fragments import Fragment

# A comment that closes a region belongs to what it closes, not to what follows.
_CLOSES = re.compile(r"#.*(\[END\b|#?endregion\b)|#+\s*END\b")
_DASH = re.compile(r"[ ]*-[ \t]+")
_DASH_ALONE = re.compile(r"[ ]*-[ \t]*(#.*)?\r?$")
_BRACE = re.compile(r"\{([ \t]*)[^\s{}]")
_BETWEEN = re.compile(r"\s*,[ \t]*(\r?\n[ \t]*)?")


def aliases(sequence: SequenceNode) -> frozenset[int]:
    """The indexes of the items that are aliases (`*name`): their text is elsewhere."""
    floor, found = sequence.start_mark.index, []
    for index, item in enumerate(sequence.value):
        if floor <= item.start_mark.index <= sequence.end_mark.index:
            floor = max(item.end_mark.index, item.start_mark.index + 1)
        else:
            found.append(index)
    return frozenset(found)


def insertion(fragment: Fragment, sequence: SequenceNode, index: int, item: Node) -> Splice:
    """The splice that inserts `item` above the item at `index`, or below the last one. Raises Refused."""
    if index == len(sequence.value):
        return _insertion_at_end(fragment, sequence, item)
    neighbour = sequence.value[index]
    floor = _floor(sequence, index)
    if sequence.flow_style:
        start = neighbour.start_mark.index
        text = flow(item, Style(pad=_pad(fragment, neighbour)))
        begin = _line_start(fragment.text, start)
        blanks = fragment.text[begin:start]
        if blanks.strip(" \t"):
            return Splice(start, start, f"{text}, ")
        top = _above_comments(fragment.text, begin, floor)
        return Splice(top, top, f"{blanks}{text},\n")
    dash = _dash(fragment, neighbour)
    begin = _line_start(fragment.text, dash)
    style = _style_of(fragment, sequence, neighbour, dash)
    lines = block_item(item, dash - begin, style)
    top = _above_comments(fragment.text, begin, floor)
    return Splice(top, top, "".join(f"{line}\n" for line in lines))


def _insertion_at_end(fragment: Fragment, sequence: SequenceNode, item: Node) -> Splice:
    """Below the last item, and above comments that follow it. A file without a final line feed stays without one."""
    last = sequence.value[-1]
    if sequence.flow_style:
        begin = _line_start(fragment.text, last.start_mark.index)
        blanks = fragment.text[begin : last.start_mark.index]
        gap = " " if blanks.strip() else f"\n{blanks}"
        end = last.end_mark.index
        return Splice(end, end, f",{gap}{flow(item, Style(pad=_pad(fragment, last)))}")
    dash = _dash(fragment, last)
    lines = block_item(item, dash - _line_start(fragment.text, dash), _style_of(fragment, sequence, last, dash))
    top = _next_line(fragment.text, content_end(last, sequence.start_mark.index))
    if _ends_without_a_line_feed(fragment, sequence):
        return Splice(top, top, "".join(f"\n{line}" for line in lines))
    return Splice(top, top, "".join(f"{line}\n" for line in lines))


def removal(fragment: Fragment, sequence: SequenceNode, index: int, *, tail: bool) -> Splice:
    """The splice that removes the item at `index`. `tail`: all items below it are removed, too. Raises Refused."""
    item = sequence.value[index]
    if len(sequence.value) == 1:
        raise fragment.refusal(item, "this is the only item left in its list: delete it by hand")
    if sequence.flow_style:
        return _removal_in_flow(fragment, sequence, index, tail=tail and index > 0)
    begin = _line_start(fragment.text, _dash(fragment, item))
    end = _next_line(fragment.text, content_end(item, item.start_mark.index))
    if tail and begin and _ends_without_a_line_feed(fragment, sequence):
        return Splice(_line_end(fragment.text, begin), _line_end(fragment.text, end))
    return Splice(begin, end)


def _removal_in_flow(fragment: Fragment, sequence: SequenceNode, index: int, *, tail: bool) -> Splice:
    """With the comma before the item if it is the tail, else with the comma after it. Raises Refused."""
    text, item = fragment.text, sequence.value[index]
    start, end = item.start_mark.index, item.end_mark.index
    if tail:
        start = sequence.value[index - 1].end_mark.index
        gap = text[start : item.start_mark.index]
    else:
        begin, after = _line_start(text, start), _next_line(text, end)
        if not text[begin:start].strip() and text[end:after].strip() == ",":
            return Splice(begin, after)  # it has lines of its own
        end = sequence.value[index + 1].start_mark.index
        gap = text[item.end_mark.index : end]
    if not _BETWEEN.fullmatch(gap):
        raise fragment.refusal(item, "something was written between this item and its neighbour: delete it by hand")
    return Splice(start, end)


def _ends_without_a_line_feed(fragment: Fragment, sequence: SequenceNode) -> bool:
    """Whether a text ends with a block list, without a line feed: then the line feed before an item belongs to it."""
    last = sequence.value[-1]
    end = _next_line(fragment.text, content_end(last, sequence.start_mark.index))
    return end == len(fragment.text) and not fragment.text.endswith("\n")


def content_end(node: Node, floor: int) -> int:
    """Where the text of `node` ends. For the parser a block ends where the next token begins, after comments.

    Text before `floor` belongs to an alias, and is ignored.
    """
    while isinstance(node, (MappingNode, SequenceNode)) and not node.flow_style and node.value:
        last = node.value[-1]
        if isinstance(last, tuple):
            key, last = last
            floor = max(floor, key.end_mark.index)
        if last.start_mark.index < floor:
            return floor
        node = last
    return max(floor, int(node.end_mark.index))


def _line_start(text: str, offset: int) -> int:
    return text.rfind("\n", 0, offset) + 1


def _line_end(text: str, begin: int) -> int:
    """Where the line before the one at `begin` ends, without its line feed; the last line may have none."""
    if not text.endswith("\n", 0, begin):
        return begin
    return begin - (2 if text.endswith("\r\n", 0, begin) else 1)


def _next_line(text: str, offset: int) -> int:
    """The start of the line after the one that holds the end `offset` of a text."""
    while offset and text[offset - 1] in "\r\n":
        offset -= 1  # the parser lets a block scalar end after its line, and after blank lines
    end = text.find("\n", offset)
    return len(text) if end < 0 else end + 1


def _dash(fragment: Fragment, item: Node) -> int:
    """The dash of a block list's item. Raises Refused when it does not begin its line."""
    text = fragment.text
    begin = _line_start(text, item.start_mark.index)
    if _DASH.fullmatch(text[begin : item.start_mark.index]):
        return text.index("-", begin)
    if not text[begin : item.start_mark.index].strip():
        while begin:  # the dash stands on a line of its own, above the comments
            above = _line_start(text, begin - 1)
            line = text[above : begin - 1]
            if _DASH_ALONE.fullmatch(line):
                return above + line.index("-")
            if line.strip() and not line.lstrip().startswith("#"):
                break
            begin = above
    raise fragment.refusal(item, "this list item does not begin a line of its own")


def _floor(sequence: SequenceNode, index: int) -> int:
    """The offset above which nothing belongs to the item at `index`.

    Of the first item of a block list, all comments up to the line of the key belong to it: for the parser the list
    begins after them.
    """
    if index:
        return content_end(sequence.value[index - 1], sequence.start_mark.index)
    return sequence.start_mark.index if sequence.flow_style else 0


def _above_comments(text: str, begin: int, floor: int) -> int:
    """The start of the comment lines right above the line at `begin`."""
    while begin:
        above = _line_start(text, begin - 1)
        line = text[above : begin - 1].strip()
        attached = line.startswith("#") and not _CLOSES.match(line)
        if above < floor or not attached:
            break
        begin = above
    return begin


def _pad(fragment: Fragment, node: Node) -> str:
    """The blanks inside the braces of this node: those of the first brace that has something after it on its line."""
    found = _BRACE.search(fragment.source(node))
    return " " if found is None or found.group(1) else ""


def _style_of(fragment: Fragment, sequence: SequenceNode, item: Node, dash: int) -> Style:
    """The style of the neighbour; for what it does not show, that of its list."""
    column = dash - _line_start(fragment.text, dash)
    gap = item.start_mark.index - dash - 1
    gap = gap if 1 <= gap <= 8 and "\n" not in fragment.text[dash : item.start_mark.index] else 1
    step, offset = _steps(item)
    if offset is None:
        offset = _list_offset(fragment.text, sequence.start_mark.index, column)
    return Style(step or 2, offset, gap, _pad(fragment, item))


def _list_offset(text: str, start: int, column: int) -> int:
    """Columns from a key to the dashes of its list, which begins at `start`; the key may stand some lines above."""
    begin = _line_start(text, start)
    line = text[begin:start]
    while begin and (not line.strip(" -") or line.lstrip().startswith("#")):
        end, begin = begin - 1, _line_start(text, begin - 1)
        line = text[begin:end]
    offset = column - (len(line) - len(line.lstrip(" -")))
    return offset if 0 <= offset <= 8 else 0


def _steps(node: Node) -> tuple[int | None, int | None]:
    """Columns by which the first nested mapping and the first nested list are indented; None where there is none."""
    step: int | None = None
    offset: int | None = None
    pending = [node]
    while pending and (step is None or offset is None):
        for value, columns in _values_below_keys(pending.pop(0)):
            if isinstance(value, MappingNode) and columns > 0:
                step = step or columns
                pending.append(value)
            elif isinstance(value, SequenceNode) and offset is None and columns >= 0:
                offset = columns
                pending += value.value
    return step, offset


def _values_below_keys(node: Node) -> Iterator[tuple[Node, int]]:
    """The values of a block mapping that begin below their keys in block style, and their columns from the key."""
    for key, value in node.value if isinstance(node, MappingNode) and not node.flow_style else ():
        is_nested = isinstance(value, MappingNode | SequenceNode) and not value.flow_style
        if is_nested and value.start_mark.line > key.start_mark.line:
            yield value, value.start_mark.column - key.start_mark.column
