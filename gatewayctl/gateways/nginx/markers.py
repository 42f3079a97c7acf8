"""What is ours in a text for nginx: lines between two comments that name the rule, and taking them out again."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import Files, SourceFile
from gatewayctl.gateways.nginx.tree import Directive, Text, read
from gatewayctl.gateways.spans import Splice, in_file, replace_spans

_BEGIN = re.compile(r"# (gatewayctl-\S+-canary) begin( in a line)?(?:: ([a-z0-9-]+: [a-z0-9-]+) -> (\S+))?\r?")
_END = re.compile(r"# (gatewayctl-\S+-canary) end\r?")


@dataclass(frozen=True, slots=True)
class Owned:
    """One piece of ours: the characters it added, the rule's name; header and target where it is a route."""

    start: int
    end: int
    name: str
    header: str
    target: str
    comment: int


@dataclass(frozen=True, slots=True)
class Piece:
    """What to put at `at`; `inline` where other words stand on that line. `route` says what a canary route does."""

    text: Text
    at: int
    indent: str
    lines: tuple[str, ...]
    route: str = ""
    inline: bool = False

    def splice(self, name: str) -> Splice:
        """The text to insert, between the comments that name it."""
        where = " in a line" if self.inline else ""
        tail = f": {self.route}" if self.route else ""
        rows = (f"# {name} begin{where}{tail}", *self.lines, f"# {name} end")
        written = "".join(f"{self.indent}{row}\n" for row in rows).replace("\r\n", "\n")
        return Splice(self.at, self.at, f"\n{written}" if self.inline else written)


def owned(text: Text) -> Iterator[Owned]:
    """Every piece of ours, of any application. Raises Refused where their marks do not pair up."""
    source = text.unit.text
    begun: tuple[re.Match[str], int] | None = None
    for start, end in text.comments:
        begin, over = _BEGIN.fullmatch(source, start, end), _END.fullmatch(source, start, end)
        if begin and begun is None:
            begun = begin, start
        elif over and begun is not None and over[1] == begun[0][1]:
            yield _between(source, *begun, end)
            begun = None
        elif begin or over:
            raise _unpaired(text, start)
    if begun is not None:
        raise _unpaired(text, begun[1])


def _between(source: str, begin: re.Match[str], start: int, end: int) -> Owned:
    first = source.rfind("\n", 0, start) + 1
    last = source.find("\n", end)
    if begin[2]:  # the line end before it is ours, too
        first -= 2 if source[max(0, first - 2) : first] == "\r\n" else 1
    return Owned(max(0, first), last + 1 or len(source), begin[1], begin[3] or "", begin[4] or "", start)


def _unpaired(text: Text, at: int) -> Refused:
    reason = "a mark of ours without its counterpart: lines between the two were edited by hand"
    return Refused(text.unit.file, text.line(at), reason, hint="take the canary's lines out by hand")


def is_owned(one: Directive, pieces: Iterable[Owned]) -> bool:
    """Whether a directive stands in one of `pieces`."""
    return any(piece.start <= one.start < piece.end for piece in pieces)


def without(files: Files, name: str) -> Files:
    """`files` without the pieces of the rule `name`. Raises Refused."""
    mark = f"# {name} "
    return tuple(_without(file, name) if mark in file.text else file for file in files)


def _without(file: SourceFile, name: str) -> SourceFile:
    cuts = [
        in_file(file.text, text.unit.placement, Splice(piece.start, piece.end))
        for text in read(file)
        for piece in owned(text)
        if piece.name == name
    ]
    return SourceFile(file.name, replace_spans(file.text, cuts))


def put(files: Files, pieces: Iterable[Piece], name: str) -> Files:
    """`files` with every piece in its place, marked with the rule's name."""
    by_file: dict[str, list[tuple[int, int, str]]] = {}
    texts = {file.name: file.text for file in files}
    for piece in pieces:
        unit = piece.text.unit
        by_file.setdefault(unit.file, []).append(in_file(texts[unit.file], unit.placement, piece.splice(name)))
    return tuple(
        SourceFile(file.name, replace_spans(file.text, by_file[file.name])) if file.name in by_file else file
        for file in files
    )


def above(one: Directive, lines: tuple[str, ...], route: str = "") -> Piece:
    """A piece right above a directive, and above the comments that belong to it."""
    source = one.text.unit.text
    begin = source.rfind("\n", 0, one.start) + 1
    indent = source[begin : one.start]
    if indent.strip(" \t"):
        return Piece(one.text, one.start, _indent_of_block(one), lines, route, inline=True)
    return Piece(one.text, _above_comments(source, begin), indent, lines, route)


def below(one: Directive, lines: tuple[str, ...], route: str = "") -> Piece:
    """A piece right below a directive."""
    source = one.text.unit.text
    over = source.find("\n", one.end)
    rest = source[one.end : over if over >= 0 else len(source)].strip()
    begin = source.rfind("\n", 0, one.start) + 1
    indent = source[begin : one.start]
    alone = not indent.strip(" \t")
    blanks = indent if alone else _indent_of_block(one)
    if over < 0 or (rest and not rest.startswith("#")):
        return Piece(one.text, one.end, blanks, lines, route, inline=True)
    return Piece(one.text, over + 1, blanks, lines, route)


def step_of(one: Directive) -> str:
    """By how much this text indents."""
    source = one.text.unit.text
    here = _blanks(source, one.start)
    around = _blanks(source, one.parent.start) if one.parent else ""
    return here[len(around) :] if here.startswith(around) and len(here) > len(around) else "    "


def _indent_of_block(one: Directive) -> str:
    source = one.text.unit.text
    return _blanks(source, (one.parent or one).start) + ("    " if one.parent else "")


def _blanks(source: str, at: int) -> str:
    begin = source.rfind("\n", 0, at) + 1
    return source[begin : begin + len(source[begin:at]) - len(source[begin:at].lstrip(" \t"))]


def _above_comments(source: str, begin: int) -> int:
    """The start of the comment lines right above a line; what closes a region stays with what it closes."""
    while begin:
        up = source.rfind("\n", 0, begin - 1) + 1
        line = source[up:begin].strip()
        if not line.startswith("#") or _END.fullmatch(line) or "[END" in line or "endregion" in line:
            return begin
        begin = up
    return begin
