"""The lines that gatewayctl adds to nginx configuration: marked by a comment before and one after, and so removable."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import Files, SourceFile
from gatewayctl.gateways.nginx.tree import ConfigText, Directive, read
from gatewayctl.gateways.spans import Splice, in_file, replace_spans

_NAME = r"# (?P<name>gatewayctl-\S+-canary(?:-share)?)"
_ROUTE = r": (?:(?P<header>[a-z0-9-]+: [a-z0-9-]+)|(?P<share>\d+) % of unmarked requests) -> (?P<target>\S+)"
_BEGIN = re.compile(rf"{_NAME} begin(?P<inline> in a line)?(?:{_ROUTE})?\r?")
_END = re.compile(rf"{_NAME} end\r?")
_INDENT = "    "  # where the text does not show how it indents


@dataclass(frozen=True, slots=True)
class OwnedBlock:
    """Lines that an edit added, for the rule `name`: offsets `start` to `end`, the first comment at `comment`.

    `header` is empty and `share` is 0 where they do not apply; `target` is empty, too, where the lines do not route
    requests, as in an upstream block.
    """

    start: int
    end: int
    name: str
    header: str
    share: int
    target: str
    comment: int

    @property
    def is_share(self) -> bool:
        """Whether the lines belong to the share of a rule, and not to its header."""
        return self.name.endswith("-share")


@dataclass(frozen=True, slots=True)
class Insertion:
    """Lines to insert at the offset `at`; `inline` if other directives are on the same line of the text.

    `route` (header or share, and canary) goes into the first comment where the lines route requests.
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
        elif over and opened is not None and over["name"] == opened[0]["name"]:
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
    if begin["inline"]:  # an inline insertion also added the line end before its first comment
        first -= 2 if source[max(0, first - 2) : first] == "\r\n" else 1
    header, share, target = begin["header"] or "", int(begin["share"] or 0), begin["target"] or ""
    return OwnedBlock(max(0, first), last + 1 or len(source), begin["name"], header, share, target, start)


def _marker_refusal(text: ConfigText, at: int) -> Refused:
    reason = "a gatewayctl comment without its counterpart: lines between the two were edited by hand"
    return Refused(text.fragment.file, text.line(at), reason, hint="remove the canary's lines by hand")


def is_owned(one: Directive, blocks: Iterable[OwnedBlock]) -> bool:
    """Whether a directive is in one of the owned blocks of its text."""
    return any(block.start <= one.start < block.end for block in blocks)


def remove_owned(files: Files, names: frozenset[str]) -> Files:
    """The files without the owned blocks that have one of `names`. Raises Refused."""
    marks = [f"# {name} " for name in names]
    return tuple(_remove_from(file, names) if any(mark in file.text for mark in marks) else file for file in files)


def _remove_from(file: SourceFile, names: frozenset[str]) -> SourceFile:
    cuts = [
        in_file(file.text, text.fragment.placement, Splice(block.start, block.end))
        for text in read(file)
        for block in find_owned(text)
        if block.name in names
    ]
    return SourceFile(file.name, replace_spans(file.text, cuts))


def insert_all(files: Files, insertions: Mapping[str, Iterable[Insertion]]) -> Files:
    """The files with every insertion made, each once, between comments with the name under which it is given.

    At the same place, those of an earlier name come first.
    """
    by_file: dict[str, list[tuple[int, int, str]]] = {}
    texts = {file.name: file.text for file in files}
    for name, own in insertions.items():
        for insertion in dict.fromkeys(own):
            fragment = insertion.text.fragment
            span = in_file(texts[fragment.file], fragment.placement, insertion.splice(name))
            by_file.setdefault(fragment.file, []).append(span)
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
    at = _start_of_comments(source, line)
    if _ends_inline(source, at):
        return Insertion(one.text, at, _indent_in_block(one), lines, route, inline=True)
    return Insertion(one.text, at, indent, lines, route)


def insertion_below(one: Directive, lines: tuple[str, ...], route: str = "") -> Insertion:
    """An insertion below a directive."""
    source = one.text.fragment.text
    over = source.find("\n", one.end)
    rest = source[one.end : over if over >= 0 else len(source)].strip()
    line = source.rfind("\n", 0, one.start) + 1
    before = source[line : one.start]
    indent = _indent_in_block(one) if before.strip(" \t") else before
    if over < 0 or (rest and not rest.startswith("#")) or _begins_inline(source, over + 1):
        return Insertion(one.text, one.end, indent, lines, route, inline=True)
    return Insertion(one.text, over + 1, indent, lines, route)


def _ends_inline(source: str, at: int) -> bool:
    """Whether an inline block of another rule ends at `at`: without it, `at` would be in the middle of a line."""
    line = source[source.rfind("\n", 0, max(0, at - 1)) + 1 : at]
    over = _END.fullmatch(line.strip(" \t\n"))
    begin = over and _BEGIN.match(source, source.rfind(f"# {over['name']} begin", 0, at))
    return bool(begin and begin["inline"])


def _begins_inline(source: str, line: int) -> bool:
    """Whether the line at `line` begins an inline block of another rule, to which the line end before it belongs."""
    begin = _BEGIN.fullmatch(source[line : source.find("\n", line)].strip(" \t"))
    return bool(begin and begin["inline"])


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
