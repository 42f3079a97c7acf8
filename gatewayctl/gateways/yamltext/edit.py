"""Edits of one file, applied and proven: what comes out is parsed again and compared with what was meant.

A file whose edit is not exactly the intended one is never returned.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from yaml.nodes import Node, SequenceNode

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import SourceFile
from gatewayctl.gateways.spans import Splice, in_file, replace_spans
from gatewayctl.gateways.yamltext.compare import difference
from gatewayctl.gateways.yamltext.fragments import Fragment, Source, read
from gatewayctl.gateways.yamltext.splice import aliases, insertion, removal

IsConfig = Callable[[str], bool] | None


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """Put `item` above the item at `index` of a list, at its length below the last; without `item`, take that away."""

    fragment: Fragment
    sequence: SequenceNode
    index: int
    item: Node | None = None


def apply_edits(source: Source, edits: Sequence[Edit], is_config: IsConfig) -> SourceFile:
    """`source` with `edits` made, and nothing else changed. Raises Refused."""
    if not edits:
        return source.file
    _refuse_aliases(edits)
    text = source.file.text
    gone = {(id(edit.sequence), edit.index) for edit in edits if edit.item is None}
    pieces = [in_file(text, edit.fragment.placement, _splice(edit, gone)) for edit in edits]
    file = SourceFile(source.file.name, replace_spans(text, pieces))
    trouble = _trouble(source, read(file, is_config), edits)
    if trouble:
        raise trouble
    return file


def _splice(edit: Edit, gone: set[tuple[int, int]]) -> Splice:
    if edit.item is None:
        after = range(edit.index + 1, len(edit.sequence.value))
        tail = all((id(edit.sequence), index) in gone for index in after)
        return removal(edit.fragment, edit.sequence, edit.index, tail=tail)
    return insertion(edit.fragment, edit.sequence, edit.index, edit.item)


def _refuse_aliases(edits: Sequence[Edit]) -> None:
    known = {id(edit.sequence): aliases(edit.sequence) for edit in {id(e.sequence): e for e in edits}.values()}
    for edit in edits:
        index = min(edit.index, len(edit.sequence.value) - 1)
        if index in known[id(edit.sequence)]:
            item = edit.sequence.value[index]
            raise edit.fragment.refusal(item, "this is used by an alias (*name) in a list that has to be edited")


def _intended_items(edits: Sequence[Edit]) -> dict[int, list[Node]]:
    """What each edited list is meant to hold."""
    by_list: dict[int, list[Edit]] = {}
    for edit in edits:
        by_list.setdefault(id(edit.sequence), []).append(edit)
    meant = {}
    for key, group in by_list.items():
        before: dict[int, list[Node]] = {}
        gone = {edit.index for edit in group if edit.item is None}
        for edit in group:
            if edit.item is not None:
                before.setdefault(edit.index, []).append(edit.item)
        items: list[Node] = []
        for index, item in enumerate(group[0].sequence.value):
            items += before.get(index, [])
            if index not in gone:
                items.append(item)
        meant[key] = items + before.get(len(group[0].sequence.value), [])
    return meant


def _trouble(before: Source, after: Source, edits: Sequence[Edit]) -> Refused | None:
    """Why `after` is not exactly the intended edit; None when it is."""
    name, meant = before.file.name, _intended_items(edits)
    reason = "editing this would change more than our own rule: {}"
    if len(before.fragments) != len(after.fragments) or len(before.roots) != len(after.roots):
        return Refused(name, 0, reason.format("its documents would not be the same"))
    held = {id(fragment.scalar): fragment for fragment in before.fragments if fragment.scalar is not None}
    if held:
        pairs = zip(before.roots, after.roots, strict=True)
        parts = [part for pair in pairs if (part := difference(*pair, meant, frozenset(held)))]
        if parts:
            return Refused(name, parts[0].start_mark.line + 1, reason.format("this manifest would not stay as it is"))
    for old, new in zip(before.fragments, after.fragments, strict=True):
        if len(old.roots) != len(new.roots):
            return Refused(name, old.placement.line, reason.format("its documents would not be the same"))
        places = [edit.sequence.start_mark.index for edit in edits if edit.fragment is old]
        for pair in zip(old.roots, new.roots, strict=True):
            part = None if _is_untouched(old, new, pair, places) else difference(*pair, meant)
            if part is not None:
                line = old.line(part) if part.start_mark else 0
                return Refused(name, line, reason.format("the text does not come out as meant"))
    return None


def _is_untouched(old: Fragment, new: Fragment, pair: tuple[Node, Node], places: Sequence[int]) -> bool:
    """Whether a document has nothing to edit, and the same text at the same indentation: then it is the same."""
    before, after = pair
    start, end = before.start_mark, before.end_mark
    return (
        start.column == after.start_mark.column
        and not any(start.index <= place <= end.index for place in places)
        and old.source(before) == new.source(after)
    )
