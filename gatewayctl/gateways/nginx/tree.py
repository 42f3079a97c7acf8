"""nginx configuration as directives that know their place; nothing is interpreted, nothing is written anew.

The words are those of nginx's own reader: quotes, backslashes, `${name}`, `#` only where a word could begin. Blocks of
Lua are skipped as a whole. What a template engine still has to fill in is refused, because braces mean nothing there.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import SourceFile
from gatewayctl.gateways.spans import Placement
from gatewayctl.gateways.yamltext.fragments import Unit, blocks

MAX_CHARS = 16 * 1024 * 1024
MAX_DEPTH = 100

_TOKEN = re.compile(
    r"[ \t\r\n]+"
    r"|(?P<comment>#[^\n]*)"
    r"|(?P<mark>[;{}])"
    r"|(?P<quoted>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')"
    r"|(?P<word>(?:\\.|\$\{?|[^ \t\r\n;{}#\"'\\$])(?:\\.|\$\{?|[^ \t\r\n;{\\$])*)",
    re.DOTALL,
)
# Most directives are of plain words, and are read at once.
_SIMPLE = re.compile(
    r"[ \t\r\n]*(?P<name>[A-Za-z_]+)(?P<args>(?:[ \t]+[\w./:$*@=~^+,()|-]+)*)[ \t]*(?P<mark>;|(?<!\$)\{(?![{%]))"
)
_TEMPLATE = re.compile(r"\{[{%]|<%")
_MANIFEST = re.compile(r"^apiVersion:.*$", re.MULTILINE), re.compile(r"^kind:.*$", re.MULTILINE)
_LUA = re.compile(r"--\[\[.*?\]\]|--[^\n]*|\[\[.*?\]\]|\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[{}]", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MEANT = {'"': '"', "'": "'", "\\": "\\", "t": "\t", "r": "\r", "n": "\n"}


@dataclass(slots=True, eq=False)
class Directive:
    """One directive: `args` as written, `start` to `end` in its text; a block has `children` between its braces."""

    name: str
    args: tuple[str, ...]
    text: "Text"
    parent: "Directive | None"
    start: int
    end: int = 0
    opened: int = 0
    children: "list[Directive] | None" = None

    @property
    def values(self) -> tuple[str, ...]:
        """The arguments as nginx understands them."""
        return tuple(unquoted(word) for word in self.args)

    @property
    def line(self) -> int:
        """Its line in the file, from 1."""
        return self.text.line(self.start)

    def refused(self, reason: str, *, hint: str = "") -> Refused:
        """A refusal that names its place."""
        return Refused(self.text.unit.file, self.line, reason, hint=hint)


@dataclass(slots=True, eq=False)
class Text:
    """One text for nginx: its directives, and where its comments stand."""

    unit: Unit
    roots: list[Directive] = field(default_factory=list)
    comments: list[tuple[int, int]] = field(default_factory=list)

    def line(self, offset: int) -> int:
        """The file's line of `offset`, from 1."""
        return self.unit.text.count("\n", 0, offset) + self.unit.placement.line

    def every(self) -> Iterator[Directive]:
        """Every directive, in order."""
        return walk(self.roots)


def walk(found: list[Directive]) -> Iterator[Directive]:
    """`found` and everything inside, in order."""
    pending = found[::-1]
    while pending:
        one = pending.pop()
        yield one
        if one.children:
            pending += one.children[::-1]


def unquoted(word: str) -> str:
    """What a word means once quotes and backslashes have done their work."""
    inner = word[1:-1] if word[:1] in "\"'" and len(word) > 1 and word[-1] == word[0] else word
    return _ESCAPED.sub(lambda m: _MEANT.get(m[1], m[0]), inner) if "\\" in inner else inner


@lru_cache(maxsize=8)
def read(file: SourceFile) -> tuple[Text, ...]:
    """`file` as one text, or as the texts in its ConfigMaps. Raises Refused."""
    if file.text.startswith("\ufeff"):
        reason = "it begins with a byte order mark, which nginx takes for a directive"
        raise Refused(file.name, 1, reason, hint="save it as UTF-8 without one")
    if len(file.text) > MAX_CHARS:
        raise Refused(file.name, 0, f"larger than {MAX_CHARS // 1024 // 1024} MiB of text")
    if all(mark.search(file.text) for mark in _MANIFEST):
        units = blocks(file, is_config)
    else:
        units = (Unit(file.name, file.text, (), Placement()),)
    return tuple(_parsed(unit) for unit in units)


def is_config(value: str) -> bool:
    """Whether a ConfigMap's value is a text for nginx."""
    return re.search(r"^\s*(server|http|location|upstream)\b[^;{}]*\{", value, re.MULTILINE) is not None


def _parsed(unit: Unit) -> Text:
    reader = _Reader(unit)
    reader.run()
    return reader.text


class _Reader:
    """Words to directives, with the block that is open."""

    def __init__(self, unit: Unit) -> None:
        self.text = Text(unit)
        self._source = unit.text
        self._words: list[str] = []
        self._start = self._at = self._depth = 0
        self._glued = False
        self._open: Directive | None = None
        self._children = self.text.roots

    def run(self) -> None:
        """Read it to its end. Raises Refused."""
        source, match, simple = self._source, _TOKEN.match, _SIMPLE.match
        while self._at < len(source):
            whole = None if self._words or self._glued else simple(source, self._at)
            if whole:
                self._start, self._at = whole.start("name"), whole.end()
                self._words = [whole["name"], *whole["args"].split()]
                self._mark(whole["mark"], whole.end() - 1)
                continue
            found = match(source, self._at)
            if not found:
                raise self._fault(self._at, "a quotation mark without its end")
            kind = found.lastgroup
            if kind in {"word", "quoted"}:
                self._word(found.group(), found.start(), quoted=kind == "quoted")
            elif kind == "comment":
                self.text.comments.append(found.span())
                self._glued = False
            elif kind is None:
                self._glued = False
            self._at = found.end()
            if kind == "mark":
                self._mark(found.group(), found.start())
        if self._words:
            raise self._unended()
        if self._open is not None:
            raise self._fault(self._open.start, f"the braces of `{self._open.name}` are not closed")

    def _word(self, word: str, start: int, *, quoted: bool) -> None:
        if self._glued and not word.startswith(")"):
            raise self._fault(start, f"unexpected {word[:20]!r} right after a quotation mark")
        if not self._words:
            self._start = start
        self._glued = quoted
        self._words.append(word)
        template = _TEMPLATE.match(word)
        if template:
            raise self._fault(start, f"a template ({template.group()}) has to fill this in: edit the rendered file")

    def _mark(self, mark: str, at: int) -> None:
        self._glued = False
        if mark == ";":
            directive = self._directive(at)
            directive.end = at + 1
        elif mark == "{":
            self._opened(at)
        else:
            if self._words:
                raise self._unended()
            if self._open is None:
                raise self._fault(at, "unexpected `}`")
            self._open.end = at + 1
            self._open, self._depth = self._open.parent, self._depth - 1
            self._children = self.text.roots if self._open is None else self._open.children or []

    def _opened(self, at: int) -> None:
        template = _TEMPLATE.match(self._source, at)
        if template:
            raise self._fault(at, f"a template ({template.group()}) has to fill this in: edit the rendered file")
        directive = self._directive(at)
        directive.opened = at + 1
        if directive.name.endswith("_by_lua_block"):
            directive.end = self._at = self._lua_end(at)
            return
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._fault(at, f"nested deeper than {MAX_DEPTH} levels")
        directive.children = []
        self._open, self._children = directive, directive.children

    def _directive(self, at: int) -> Directive:
        if not self._words:
            raise self._fault(at, f"unexpected `{self._source[at]}`")
        name, *args = self._words
        directive = Directive(unquoted(name), tuple(args), self.text, self._open, self._start)
        self._children.append(directive)
        self._words = []
        return directive

    def _lua_end(self, at: int) -> int:
        depth = 0
        for found in _LUA.finditer(self._source, at):
            depth += {"{": 1, "}": -1}.get(found.group(), 0)
            if not depth:
                return found.end()
        raise self._fault(at, "a block of Lua without its end")

    def _unended(self) -> Refused:
        word = self._words[0]
        if word.startswith("${"):
            return self._fault(self._start, f"a template ({word}) has to fill this in: edit the rendered file")
        return self._fault(self._start, f"`{word}` is not ended by `;`")

    def _fault(self, at: int, reason: str) -> Refused:
        return Refused(self.text.unit.file, self.text.line(at), reason)
