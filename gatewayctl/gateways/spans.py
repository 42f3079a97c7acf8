"""Edits of text by position: characters go in or out, and nothing else is touched or written anew.

A piece of a file (a literal block of a manifest) is edited as if it stood alone; its frame tells where it stands.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a unit stands in its file: every line of it at `starts`, after `indent` blanks; no starts: as a whole.

    `base` is the offset of the unit's first character, `line` the number (from 1) of its first line.
    """

    base: int = 0
    line: int = 1
    indent: int = 0
    inner: tuple[int, ...] = ()
    starts: tuple[int, ...] = ()

    def outer(self, offset: int) -> int:
        """The file's offset of the unit's `offset`."""
        if not self.starts:
            return offset + self.base
        row = bisect_right(self.inner, offset) - 1
        return self.starts[row] + self.indent + offset - self.inner[row]

    def outer_line(self, offset: int) -> int | None:
        """The file's offset of the start of the line that the unit's `offset` starts; None when it starts none."""
        row = bisect_right(self.inner, offset) - 1
        return self.starts[row] if self.starts and self.inner[row] == offset else None


@dataclass(frozen=True, slots=True)
class Splice:
    """Characters `start` to `end` of a unit become `text`; lines in it end with a line feed."""

    start: int
    end: int
    text: str = ""


def outer(text: str, frame: Frame, splice: Splice) -> tuple[int, int, str]:
    """A splice of a piece in characters of its file, whose text is `text`; line ends are those of the place."""
    new, blanks = splice.text, " " * frame.indent
    start, end = frame.outer_line(splice.start), frame.outer_line(splice.end)
    if start is not None and end is not None and (not new or new.endswith("\n")):
        new = "".join(f"{blanks if line.strip() else ''}{line}" for line in new.splitlines(keepends=True))
    else:
        start, end = frame.outer(splice.start), frame.outer(splice.end)
        new = new.replace("\n", f"\n{blanks}")
    return start, end, new.replace("\n", line_end(text, start))


def applied(text: str, pieces: Sequence[tuple[int, int, str]]) -> str:
    """`text` with every piece (start, end, new text) in place; pieces do not overlap."""
    parts, at = [], 0
    for start, end, new in sorted(pieces, key=lambda piece: piece[:2]):
        parts += [text[at:start], new]
        at = end
    return "".join([*parts, text[at:]])


_ENDS = re.compile(r"\r?\n")


def line_end(text: str, offset: int) -> str:
    """How the line before `offset` ends; where there is none, how the first line does."""
    before = text.rfind("\n", 0, offset)
    if before > 0:
        return "\r\n" if text[before - 1] == "\r" else "\n"
    first = _ENDS.search(text)
    return first.group() if first else "\n"
