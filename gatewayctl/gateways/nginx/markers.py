"""The lines that gatewayctl adds to nginx configuration: marked by a comment before and one after, and so removable."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import Files, SourceFile
from gatewayctl.gateways.nginx.tree import ConfigText, Directive, read
from gatewayctl.gateways.spans import Splice, in_file, replace_spans

_BEGIN = re.compile(r"# (gatewayctl-\S+-canary) begin( in a line)?(?:: ([a-z0-9-]+: [a-z0-9-]+) -> (\S+))?\r?")
_END = re.compile(r"# (gatewayctl-\S+-canary) end\r?")
_INDENT = "    "  # where the text does not show how it indents


@dataclass(frozen=True, slots=True)
class OwnedBlock:
    """Lines that an edit added, for the rule `name`: offsets `start` to `end`, the first comment at `comment`.

    `header` and `target` are empty where the lines do not route requests, as in an upstream block.
    """

    start: int
    end: int
    name: str
    header: str
    target: str
    comment: int


@dataclass(frozen=True, slots=True)
class Insertion:
    """Lines to insert at the offset `at`; `inline` if other directives are on the same line of the text.

    `route` (header and canary) goes into the first comment where the lines route requests.
    """

    text: ConfigText
    at: int
    indent: str
    lines: tuple[str, ...]
    route: str = ""
    inline: bool = False

    def splice(self, name: str) -> Splice:
        """The text to insert: the lines between the comments that name the rule."""
        where = " in a line" if self.inline else ""
        route = f": {self.route}" if self.route else ""
        rows = (f"# {name} begin{where}{route}", *self.lines, f"# {name} end")
        new = "".join(f"{self.indent}{row}\n" for row in rows).replace("\r\n", "\n")
        return Splice(self.at, self.at, f"\n{new}" if self.inline else new)


def find_owned(text: ConfigText) -> Iterator[OwnedBlock]:
    """The owned blocks of every application. Raises Refused if a begin or end comment is missing."""
    source = text.fragment.text
    opened: tuple[re.Match[str], int] | None = None
    for start, end in text.comments:
        begin, over = _BEGIN.fullmatch(source, start, end), _END.fullmatch(source, start, end)
        if begin and opened is None:
            opened = begin, start
        elif over and opened is not None and over[1] == opened[0][1]:
            yield _block_between(source, *opened, end)
            opened = None
        elif begin or over:
            raise _marker_refusal(text, start)
    if opened is not None:
        raise _marker_refusal(text, opened[1])


def _block_between(source: str, begin: re.Match[str], start: int, end: int) -> OwnedBlock:
    """From the line of the begin comment at `start` to the line of the end comment that ends at `end`."""
    first = source.rfind("\n", 0, start) + 1
    last = source.find("\n", end)
    if begin[2]:  # an inline insertion also added the line end before its first comment
        first -= 2 if source[max(0, first - 2) : first] == "\r\n" else 1
    return OwnedBlock(max(0, first), last + 1 or len(source), begin[1], begin[3] or "", begin[4] or "", start)


def _marker_refusal(text: ConfigText, at: int) -> Refused:
    reason = "a gatewayctl comment without its counterpart: lines between the two were edited by hand"
    return Refused(text.fragment.file, text.line(at), reason, hint="remove the canary's lines by hand")


def is_owned(one: Directive, blocks: Iterable[OwnedBlock]) -> bool:
    """Whether a directive is in one of the owned blocks of its text."""
    return any(block.start <= one.start < block.end for block in blocks)


def remove_owned(files: Files, name: str) -> Files:
    """The files without the owned blocks of the rule `name`. Raises Refused."""
    mark = f"# {name} "
    return tuple(_remove_from(file, name) if mark in file.text else file for file in files)


def _remove_from(file: SourceFile, name: str) -> SourceFile:
    cuts = [
        in_file(file.text, text.fragment.placement, Splice(block.start, block.end))
        for text in read(file)
        for block in find_owned(text)
        if block.name == name
    ]
    return SourceFile(file.name, replace_spans(file.text, cuts))


def insert_all(files: Files, insertions: Iterable[Insertion], name: str) -> Files:
    """The files with every insertion made, between comments with the rule's name."""
    by_file: dict[str, list[tuple[int, int, str]]] = {}
    texts = {file.name: file.text for file in files}
    for insertion in insertions:
        fragment = insertion.text.fragment
        by_file.setdefault(fragment.file, []).append(
            in_file(texts[fragment.file], fragment.placement, insertion.splice(name))
        )
    return tuple(
        SourceFile(file.name, replace_spans(file.text, by_file[file.name])) if file.name in by_file else file
        for file in files
    )


def insertion_above(one: Directive, lines: tuple[str, ...], route: str = "") -> Insertion:
    """An insertion above a directive and above the comments that belong to it."""
    source = one.text.fragment.text
    line = source.rfind("\n", 0, one.start) + 1
    indent = source[line : one.start]
    if indent.strip(" \t"):
        return Insertion(one.text, one.start, _indent_in_block(one), lines, route, inline=True)
    return Insertion(one.text, _start_of_comments(source, line), indent, lines, route)


def insertion_below(one: Directive, lines: tuple[str, ...], route: str = "") -> Insertion:
    """An insertion below a directive."""
    source = one.text.fragment.text
    over = source.find("\n", one.end)
    rest = source[one.end : over if over >= 0 else len(source)].strip()
    line = source.rfind("\n", 0, one.start) + 1
    before = source[line : one.start]
    indent = _indent_in_block(one) if before.strip(" \t") else before
    if over < 0 or (rest and not rest.startswith("#")):
        return Insertion(one.text, one.end, indent, lines, route, inline=True)
    return Insertion(one.text, over + 1, indent, lines, route)


def indent_step(one: Directive) -> str:
    """The blanks by which this text indents the content of a block."""
    source = one.text.fragment.text
    inner = _indent_at(source, one.start)
    outside = _indent_at(source, one.parent.start) if one.parent else ""
    return inner[len(outside) :] if inner.startswith(outside) and len(inner) > len(outside) else _INDENT


def _indent_in_block(one: Directive) -> str:
    source = one.text.fragment.text
    return _indent_at(source, (one.parent or one).start) + (_INDENT if one.parent else "")


def _indent_at(source: str, at: int) -> str:
    """The blanks at the start of the line that holds the offset `at`, up to there."""
    line = source.rfind("\n", 0, at) + 1
    return source[line : line + len(source[line:at]) - len(source[line:at].lstrip(" \t"))]


def _start_of_comments(source: str, line: int) -> int:
    """The start of the comment lines right above a line; a comment that ends a region belongs to that region."""
    while line:
        above = source.rfind("\n", 0, line - 1) + 1
        comment = source[above:line].strip()
        if not comment.startswith("#") or _END.fullmatch(comment) or "[END" in comment or "endregion" in comment:
            return line
        line = above
    return line
