"""Edits one file: the result is parsed again and compared with what was intended.

A file that is not exactly as intended is never returned.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from yaml.nodes import Node, SequenceNode

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import SourceFile
from gatewayctl.gateways.spans import Splice, in_file, replace_spans
from gatewayctl.gateways.yamltext.compare import Lists, difference
from gatewayctl.gateways.yamltext.fragments import Fragment, Source, read
from gatewayctl.gateways.yamltext.splice import aliases, insertion, removal

IsConfig = Callable[[str], bool] | None


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """Insert `item` above the item at `index` of a list, or below the last one if `index` is its length.

    Without `item`, remove the item at `index`.
    """

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
    fault = _find_fault(source, read(file, is_config), edits)
    if fault:
        raise fault
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
    """The items that each edited list should have, by the identity of the list."""
    by_list: dict[int, list[Edit]] = {}
    for edit in edits:
        by_list.setdefault(id(edit.sequence), []).append(edit)
    return {key: _edit_items(group) for key, group in by_list.items()}


def _edit_items(edits: Sequence[Edit]) -> list[Node]:
    """The items of one list after these edits of it."""
    old = edits[0].sequence.value
    removed = {edit.index for edit in edits if edit.item is None}
    items: list[Node] = []
    for index in range(len(old) + 1):
        items += [edit.item for edit in edits if edit.item is not None and edit.index == index]
        if index < len(old) and index not in removed:
            items.append(old[index])
    return items


def _find_fault(before: Source, after: Source, edits: Sequence[Edit]) -> Refused | None:
    """Why `after` is not exactly the intended edit; None when it is."""
    name, intended = before.file.name, _intended_items(edits)
    if len(before.fragments) != len(after.fragments) or len(before.roots) != len(after.roots):
        return _fault(name, 0, "its documents would not be the same")
    part = _difference_of_manifests(before, after, intended)
    if part is not None:
        return _fault(name, part.start_mark.line + 1, "this manifest would not stay as it is")
    for old, new in zip(before.fragments, after.fragments, strict=True):
        if len(old.roots) != len(new.roots):
            return _fault(name, old.placement.line, "its documents would not be the same")
        part = _difference_of_fragments(old, new, edits, intended)
        if part is not None:
            line = old.line(part) if part.start_mark else 0
            return _fault(name, line, "the text does not come out as meant")
    return None


def _fault(name: str, line: int, reason: str) -> Refused:
    return Refused(name, line, f"editing this would change more than our own rule: {reason}")


def _difference_of_manifests(before: Source, after: Source, intended: Lists) -> Node | None:
    """The first difference outside of the block scalars that hold fragments; None if no fragment is in a manifest."""
    scalars = frozenset(id(fragment.scalar) for fragment in before.fragments if fragment.scalar is not None)
    if not scalars:
        return None
    pairs = zip(before.roots, after.roots, strict=True)
    return next((part for pair in pairs if (part := difference(*pair, intended, scalars))), None)


def _difference_of_fragments(old: Fragment, new: Fragment, edits: Sequence[Edit], intended: Lists) -> Node | None:
    """The first node of `old` that `new` does not have as intended; None when all is well."""
    places = [edit.sequence.start_mark.index for edit in edits if edit.fragment is old]
    for pair in zip(old.roots, new.roots, strict=True):
        part = None if _is_untouched(old, new, pair, places) else difference(*pair, intended)
        if part is not None:
            return part
    return None


def _is_untouched(old: Fragment, new: Fragment, pair: tuple[Node, Node], places: Sequence[int]) -> bool:
    """Whether a document has no edit, and the same text at the same indentation. Then it needs no comparison."""
    before, after = pair
    start, end = before.start_mark, before.end_mark
    return (
        start.column == after.start_mark.column
        and not any(start.index <= place <= end.index for place in places)
        and old.source(before) == new.source(after)
    )
