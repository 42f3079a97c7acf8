"""Reads and writes lines of a `.properties` file by the rules of java.util.Properties.load."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_END = re.compile(r"(?:\r\n|\r|\n)\Z")
_CONTINUED = re.compile(r"(?<!\\)(?:\\\\)*\\\Z")
_IGNORED = re.compile(r"[ \t\f]*(?:[#!].*)?", re.DOTALL)
_PAIR = re.compile(
    r"[ \t\f]*(?P<key>(?:\\.|[^\\=: \t\f])*)(?P<separator>[ \t\f]*(?:[=:][ \t\f]*)?)(?P<value>.*)", re.DOTALL
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_LETTERS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


@dataclass(frozen=True, slots=True)
class JavaProperty:
    """One property without its escapes. It takes the lines from `start` to before `end`, from 0."""

    start: int
    end: int
    key: str
    separator: str
    value: str


def lines_of(text: str) -> list[str]:
    """The lines of a text with their ends."""
    return _LINE.findall(text)


def read_properties(lines: list[str]) -> Iterator[JavaProperty]:
    """Every property in order, without comments and blank lines."""
    at = 0
    while at < len(lines):
        start = at
        whole = _END.sub("", lines[at])
        at += 1
        if _IGNORED.fullmatch(whole):
            continue
        while _CONTINUED.search(whole):
            more = _END.sub("", lines[at]) if at < len(lines) else ""
            whole = whole[:-1] + more.lstrip(" \t\f")
            at += 1
        found = _PAIR.fullmatch(whole)
        if found:
            yield JavaProperty(
                start, min(at, len(lines)), _plain(found["key"]), found["separator"], _plain(found["value"])
            )


def escape(value: str) -> str:
    """A value with escapes. Characters that are not ASCII become numbers, because the file's encoding is not known."""
    written = value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    written = "".join(letter if letter.isascii() else _numbers(letter) for letter in written)
    return f"\\{written}" if written[:1] in {" ", "\f"} else written


def _numbers(letter: str) -> str:
    fragments = letter.encode("utf-16-be")
    return "".join(f"\\u{fragments[at]:02x}{fragments[at + 1]:02x}" for at in range(0, len(fragments), 2))


def _plain(text: str) -> str:
    made = _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else _LETTERS.get(found[2], found[2]), text)
    return made.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
