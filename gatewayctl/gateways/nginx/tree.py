"""Parses nginx configuration into directives with their positions; interprets and rewrites nothing.

Words are split as nginx does it: quotes, backslashes, `${name}`, and `#` only where a word could begin. Blocks of Lua
are skipped as a whole. Text that a template engine still has to fill in is refused: its braces are not nginx's.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import SourceFile
from gatewayctl.gateways.spans import Placement
from gatewayctl.gateways.yamltext.fragments import Fragment, blocks

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
# Most directives have plain words only: one match reads such a directive, which is several times faster.
_SIMPLE = re.compile(
    r"[ \t\r\n]*(?P<name>[A-Za-z_]+)(?P<args>(?:[ \t]+[\w./:$*@=~^+,()|-]+)*)[ \t]*(?P<mark>;|(?<!\$)\{(?![{%]))"
)
_TEMPLATE = re.compile(r"\{[{%]|<%")
_MANIFEST = re.compile(r"^apiVersion:.*$", re.MULTILINE), re.compile(r"^kind:.*$", re.MULTILINE)
# Lua's strings end where their line does. What is never closed takes all the rest, so that nothing is read twice.
_LUA = re.compile(
    r"--\[\[.*?(?:\]\]|\Z)|--[^\n]*|\[\[.*?(?:\]\]|\Z)"
    r"|\"(?:[^\"\\\n]|\\.)*(?:\"|\\?\Z|(?=\n))|'(?:[^'\\\n]|\\.)*(?:'|\\?\Z|(?=\n))|[{}]",
    re.DOTALL,
)
_BLOCK = re.compile(r"^[ \t]*(?:server|http|location|upstream)\b[^;{}\n]*+\s*+\{", re.MULTILINE)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MEANT = {'"': '"', "'": "'", "\\": "\\", "t": "\t", "r": "\r", "n": "\n"}


@dataclass(slots=True, eq=False)
class Directive:
    """One directive: `args` as written, `start` and `end` as offsets in its text.

    `opened` is the offset after the opening brace of a block, 0 without one. `children` is None where it has no block
    of directives: a simple directive, or a block of Lua.
    """

    name: str
    args: tuple[str, ...]
    text: "ConfigText"
    parent: "Directive | None"
    start: int
    end: int = 0
    opened: int = 0
    children: "list[Directive] | None" = None

    @property
    def values(self) -> tuple[str, ...]:
        """The arguments without quotes and backslashes, as nginx understands them."""
        return tuple(unquote(word) for word in self.args)

    @property
    def line(self) -> int:
        """The line in the file, counted from 1."""
        return self.text.line(self.start)

    def refusal(self, reason: str, *, hint: str = "") -> Refused:
        """An error to raise that names the file and line of this directive."""
        return Refused(self.text.fragment.file, self.line, reason, hint=hint)


@dataclass(slots=True, eq=False)
class ConfigText:
    """One parsed configuration: its directives at the top level, and the start and end offsets of its comments."""

    fragment: Fragment
    roots: list[Directive] = field(default_factory=list)
    comments: list[tuple[int, int]] = field(default_factory=list)

    def line(self, offset: int) -> int:
        """The line in the file of an offset in this text, counted from 1."""
        return self.fragment.text.count("\n", 0, offset) + self.fragment.placement.line

    def walk(self) -> Iterator[Directive]:
        """Every directive, nested ones too, in the order of the text."""
        return walk(self.roots)


def walk(directives: list[Directive]) -> Iterator[Directive]:
    """The directives and everything nested in them, in the order of the text."""
    pending = directives[::-1]
    while pending:
        one = pending.pop()
        yield one
        if one.children:
            pending += one.children[::-1]


def unquote(word: str) -> str:
    """A word without its quotes, with backslash sequences replaced by what they stand for."""
    inner = word[1:-1] if word[:1] in "\"'" and len(word) > 1 and word[-1] == word[0] else word
    return _ESCAPED.sub(lambda m: _MEANT.get(m[1], m[0]), inner) if "\\" in inner else inner


@lru_cache(maxsize=8)
def read(file: SourceFile) -> tuple[ConfigText, ...]:
    """The configuration in `file`: one text, or one for each key of its ConfigMaps that holds one. Raises Refused."""
    if file.text.startswith("\ufeff"):
        reason = "it begins with a byte order mark, which nginx takes for a directive"
        raise Refused(file.name, 1, reason, hint="save it as UTF-8 without one")
    if len(file.text) > MAX_CHARS:
        raise Refused(file.name, 0, f"larger than {MAX_CHARS // 1024 // 1024} MiB of text")
    if all(mark.search(file.text) for mark in _MANIFEST):
        fragments = blocks(file, is_config)
    else:
        fragments = (Fragment(file.name, file.text, (), Placement()),)
    return tuple(_parse(fragment) for fragment in fragments)


def is_config(value: str) -> bool:
    """Whether a ConfigMap's value looks like nginx configuration."""
    return _BLOCK.search(value) is not None


def _parse(fragment: Fragment) -> ConfigText:
    parser = _Parser(fragment)
    parser.parse()
    return parser.text


class _Parser:
    """Turns words into directives; `_block` is the block that is open, None at the top level."""

    def __init__(self, fragment: Fragment) -> None:
        self.text = ConfigText(fragment)
        self._source = fragment.text
        self._words: list[str] = []  # of the directive that has begun
        self._start = self._at = self._depth = 0
        self._after_quote = False
        self._block: Directive | None = None
        self._siblings = self.text.roots

    def parse(self) -> None:
        """Parse the whole text into `self.text`. Raises Refused."""
        source = self._source
        while self._at < len(source):
            if not self._read_simple():
                self._read_token()
        if self._words:
            raise self._missing_semicolon()
        if self._block is not None:
            raise self._refusal(self._block.start, f"the braces of `{self._block.name}` are not closed")

    def _read_simple(self) -> bool:
        """Read a directive of plain words at once, up to its `;` or `{`, where one begins here."""
        if self._words or self._after_quote:
            return False
        match = _SIMPLE.match(self._source, self._at)
        if match is None:
            return False
        self._start, self._at = match.start("name"), match.end()
        self._words = [match["name"], *match["args"].split()]
        self._read_mark(match["mark"], match.end() - 1)
        return True

    def _read_token(self) -> None:
        token = _TOKEN.match(self._source, self._at)
        if not token:
            raise self._refusal(self._at, "a quotation mark without its end")
        self._at = token.end()
        match token.lastgroup:
            case "word" | "quoted":
                self._read_word(token.group(), token.start(), quoted=token.lastgroup == "quoted")
            case "mark":
                self._read_mark(token.group(), token.start())
            case "comment":
                self.text.comments.append(token.span())
                self._after_quote = False
            case _:  # blanks
                self._after_quote = False

    def _read_word(self, word: str, start: int, *, quoted: bool) -> None:
        if self._after_quote and not word.startswith(")"):
            raise self._refusal(start, f"unexpected {word[:20]!r} right after a quotation mark")
        if not self._words:
            self._start = start
        self._after_quote = quoted
        self._words.append(word)
        template = _TEMPLATE.match(word)
        if template:
            raise self._template_refusal(start, template.group())

    def _read_mark(self, mark: str, at: int) -> None:
        self._after_quote = False
        if mark == ";":
            directive = self._add_directive(at)
            directive.end = at + 1
        elif mark == "{":
            self._open_block(at)
        else:
            self._close_block(at)

    def _open_block(self, at: int) -> None:
        template = _TEMPLATE.match(self._source, at)
        if template:
            raise self._template_refusal(at, template.group())
        directive = self._add_directive(at)
        directive.opened = at + 1
        if directive.name.endswith("_by_lua_block"):
            directive.end = self._at = self._lua_end(at)
            return
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._refusal(at, f"nested deeper than {MAX_DEPTH} levels")
        directive.children = []
        self._block, self._siblings = directive, directive.children

    def _close_block(self, at: int) -> None:
        if self._words:
            raise self._missing_semicolon()
        if self._block is None:
            raise self._refusal(at, "unexpected `}`")
        self._block.end = at + 1
        self._block, self._depth = self._block.parent, self._depth - 1
        self._siblings = self.text.roots if self._block is None else self._block.children or []

    def _add_directive(self, at: int) -> Directive:
        """The directive of the words read so far; `at` is the offset of the mark that ends them."""
        if not self._words:
            raise self._refusal(at, f"unexpected `{self._source[at]}`")
        name, *args = self._words
        directive = Directive(unquote(name), tuple(args), self.text, self._block, self._start)
        self._siblings.append(directive)
        self._words = []
        return directive

    def _lua_end(self, at: int) -> int:
        """The offset after the brace that closes the Lua block opened at `at`."""
        depth = 0
        for token in _LUA.finditer(self._source, at):
            depth += {"{": 1, "}": -1}.get(token.group(), 0)
            if not depth:
                return token.end()
        raise self._refusal(at, "a block of Lua without its end")

    def _missing_semicolon(self) -> Refused:
        word = self._words[0]
        if word.startswith("${"):
            return self._template_refusal(self._start, word)
        return self._refusal(self._start, f"`{word}` is not ended by `;`")

    def _template_refusal(self, at: int, mark: str) -> Refused:
        return self._refusal(at, f"a template ({mark}) has to fill this in: edit the rendered file")

    def _refusal(self, at: int, reason: str) -> Refused:
        return Refused(self.text.fragment.file, self.text.line(at), reason)
