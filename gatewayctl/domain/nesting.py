"""How deep a text may nest, by a limit of ours that holds before a parser reaches one of its own.

Parsers call themselves for every level. Some stop at a depth of their own, in their own words and at another depth with
every version; others use up Python's stack.
"""

import json
from array import array
from itertools import accumulate
from typing import Any

MAX_DEPTH = 100
"""Levels of mappings and lists inside one another; a real configuration has about twenty."""

MAX_DEPTH_OF_ANSWERS = 500
"""Levels in an application's answer, which may nest as it likes; Python's own limit is beyond that."""

_STEPS = bytes(1 if byte in b"[{" else 255 if byte in b"]}" else 0 for byte in range(256))  # 255 is -1, signed
_NO_BRACKET = bytes(byte for byte in range(256) if byte not in b"[]{}")
_NO_MARK = bytes(byte for byte in range(256) if byte not in b'[]{}"')


class TooDeep(ValueError):
    """A text nests deeper than `most` levels."""

    def __init__(self, most: int = MAX_DEPTH) -> None:
        super().__init__(f"nested deeper than {most} levels")


def parse_json(text: str | bytes, most: int = MAX_DEPTH) -> Any:
    """What a JSON text says, which nests `most` levels deep at most.

    Raises ValueError for one that is not JSON, and TooDeep, which is one.
    """
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text), "surrogatepass")  # as json.loads does
    check_json_depth(text, most)
    return json.loads(text)


def check_json_depth(text: str | bytes, most: int = MAX_DEPTH) -> None:
    """Raise TooDeep if a JSON text nests too deep, whatever else may be wrong with it; in linear time."""
    content = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if content.count(b"[") + content.count(b"{") <= most:
        return
    if b"\\" in content:
        content = content.replace(b"\\\\", b"").replace(b'\\"', b"")
    marks = content.translate(None, _NO_MARK).replace(b'""', b"")  # of two strings that meet there becomes one
    outside_strings = b"".join(marks.split(b'"')[::2])
    if max(accumulate(steps(outside_strings)), default=0) > most:
        raise TooDeep(most)


def steps(content: bytes) -> "array[int]":
    """For each bracket of `content`, 1 where it opens a level and -1 where it closes one."""
    return array("b", content.translate(_STEPS, _NO_BRACKET))
