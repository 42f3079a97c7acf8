"""Edits of text by position: characters are inserted or removed, and nothing else is touched.

A fragment of a file (a literal block in a manifest) is edited as a text of its own. Its placement says which offset of
the file each of its characters has.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

Span = tuple[int, int, str]
"""Characters `start` to `end` of a file, and the text that replaces them."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a fragment is in its file.

    `base` is the offset of its first character in the file, `line` the number of its first line, from 1. A fragment
    that the file indents has two offsets for each of its lines: `inner` in the fragment, and `starts` in the file,
    where the line begins with `indent` blanks that are not part of the fragment. Without `starts` it stands in the
    file as it is.
    """

    base: int = 0
    line: int = 1
    indent: int = 0
    inner: tuple[int, ...] = ()
    starts: tuple[int, ...] = ()

    def offset(self, inner: int) -> int:
        """The offset in the file of the character at `inner` in the fragment."""
        if not self.starts:
            return inner + self.base
        row = bisect_right(self.inner, inner) - 1
        return self.starts[row] + self.indent + inner - self.inner[row]

    def line_start(self, inner: int) -> int | None:
        """The offset in the file of the line that begins at `inner` in the fragment; None where no line begins."""
        row = bisect_right(self.inner, inner) - 1
        return self.starts[row] if self.starts and self.inner[row] == inner else None


@dataclass(frozen=True, slots=True)
class Splice:
    """Characters `start` to `end` of a fragment become `text`, in which every line ends with a line feed."""

    start: int
    end: int
    text: str = ""


def in_file(text: str, placement: Placement, splice: Splice) -> Span:
    """The same splice in offsets of the file `text`, with the indentation and the line ends of that place."""
    new, blanks = splice.text, " " * placement.indent
    start, end = placement.line_start(splice.start), placement.line_start(splice.end)
    if start is not None and end is not None and (not new or new.endswith("\n")):
        new = "".join(f"{blanks if line.strip() else ''}{line}" for line in new.splitlines(keepends=True))
    else:
        start, end = placement.offset(splice.start), placement.offset(splice.end)
        new = new.replace("\n", f"\n{blanks}")
    return start, end, new.replace("\n", line_end(text, start))


def replace_spans(text: str, spans: Sequence[Span]) -> str:
    """`text` with every span replaced; spans do not overlap."""
    parts, at = [], 0
    for start, end, new in sorted(spans, key=lambda span: span[:2]):
        parts += [text[at:start], new]
        at = end
    return "".join([*parts, text[at:]])


_ENDS = re.compile(r"\r?\n")


def line_end(text: str, offset: int) -> str:
    """How the line before `offset` ends; for the first line, how that one ends; a line feed if there is no line end."""
    before = text.rfind("\n", 0, offset)
    if before > 0:
        return "\r\n" if text[before - 1] == "\r" else "\n"
    first = _ENDS.search(text)
    return first.group() if first else "\n"
