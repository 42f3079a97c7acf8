"""Parses YAML into nodes with positions; values are not interpreted.

A scalar stays text, with its style (plain or quoted), because every gateway reads plain ones by its own rules.
"""

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from yaml.nodes import Node

from gatewayctl.domain.nesting import MAX_DEPTH, TooDeep
from gatewayctl.yamlloader import DepthLimit, check_flow_depth, has_aliases, shape

MAX_CHARS = 16 * 1024 * 1024

BOM = "\ufeff"
# Readers of YAML 1.1 end a line here, readers of YAML 1.2 do not: positions would not be certain.
_ODD_BREAK = re.compile("\r(?!\n)|[\x85\u2028\u2029]")
_TEMPLATE = re.compile(r"\{\{|\{%|<%|@[A-Za-z][\w.-]*@")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a text cannot be read. `line` counts from 1; 0 if no line is known."""

    line: int
    reason: str


class _Unresolved(DepthLimit):
    """Answers every question of the parser about a type with an empty tag."""

    def resolve(self, kind: object, value: object, implicit: object) -> str:  # noqa: ARG002 (the parser's signature)
        return ""


if TYPE_CHECKING:
    _NodeLoader: Any
elif yaml.__with_libyaml__:
    from yaml.cyaml import CParser

    class _NodeLoader(_Unresolved, CParser):
        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)

else:
    from yaml.composer import Composer
    from yaml.parser import Parser
    from yaml.reader import Reader
    from yaml.scanner import Scanner

    class _NodeLoader(_Unresolved, Reader, Scanner, Parser, Composer):
        def __init__(self, text: str) -> None:
            Reader.__init__(self, text)
            Scanner.__init__(self)
            Parser.__init__(self)
            Composer.__init__(self)


def parse(text: str) -> tuple[Node, ...] | Fault:
    """The documents of `text`, which has no byte order mark, or why it cannot be read."""
    fault = _unreadable(text)
    if fault:
        return fault
    try:
        check_flow_depth(text)
        with no_collection():
            roots = tuple(node for node in yaml.compose_all(text, Loader=_NodeLoader) if node is not None)
        fault = _find_excess(text, roots)
    except TooDeep as error:
        return Fault(0, str(error))
    except yaml.YAMLError as error:
        return _fault(text, error)
    return fault or roots


def template_mark(text: str) -> str:
    """The first mark of a template engine in `text`; empty if there is none."""
    found = _TEMPLATE.search(text)
    return found.group() if found else ""


def line_of(text: str, offset: int) -> int:
    """The line of `offset`, from 1."""
    return text.count("\n", 0, offset) + 1


def _unreadable(text: str) -> Fault | None:
    if len(text) > MAX_CHARS:
        return Fault(0, f"larger than {MAX_CHARS // 1024 // 1024} MiB of text")
    odd = _ODD_BREAK.search(text)
    if odd:
        why = f"the character U+{ord(odd.group()):04X}: YAML readers differ on whether it ends a line"
        if odd.group() == "\r":
            why = "a carriage return without a line feed: YAML ends a line there, most tools do not"
        return Fault(line_of(text, odd.start()), why)
    return None


def _find_excess(text: str, roots: tuple[Node, ...]) -> Fault | None:
    """Why aliases make a document nest without end; None if they do not. Raises TooDeep."""
    for found in map(shape, roots if has_aliases(text) else ()):
        if found.endless:
            return Fault(found.endless.start_mark.line + 1, "an alias stands inside what it names")
        if found.depth > MAX_DEPTH:
            raise TooDeep
    return None


def _fault(text: str, error: yaml.YAMLError) -> Fault:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable"
    offset = getattr(error, "position", None)
    line = mark.line + 1 if mark else line_of(text, offset) if isinstance(offset, int) else 1
    lines = text.split("\n")
    here = "\n".join(lines[max(0, line - 2) : line])
    template = template_mark(here) or template_mark(text)
    tail = f"; it looks like a template ({template})" if template else ""
    return Fault(min(line, len(lines)), f"not YAML: {problem}{tail}")


@contextmanager
def no_collection() -> Iterator[None]:
    """Switch the garbage collector off: it would walk growing trees again and again, 80% of the time of a large file.

    Afterwards the trees are moved to its oldest generation, which saves one more walk, 10% of the time.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.freeze()
            gc.unfreeze()  # puts everything into the oldest generation (Python's gc module)
            gc.enable()
