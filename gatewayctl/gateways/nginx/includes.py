"""Several files as the one configuration nginx reads: which file is included where, and what a level inherits.

nginx hands a setting down from block to block; a list (headers to set) goes down only as a whole. What stands in a
file that was not given cannot be known, and is never guessed: such a level counts as hidden.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import PurePosixPath

from gatewayctl.domain.routing import Files
from gatewayctl.gateways.nginx.tree import MAX_DEPTH, ConfigText, Directive, read

# Files that come with nginx and hold nothing that decides where or how a request is proxied.
_HARMLESS = ("*.types", "fastcgi*", "uwsgi_params", "scgi_params", "*modules*", "koi-*", "win-utf", "*ssl*", "*tls*")


@dataclass(frozen=True, slots=True)
class Inherited:
    """The directives of one name in effect at a place; `known` False: files that were not given may hold others."""

    found: tuple[Directive, ...]
    known: bool


class Config:
    """All files of one gateway."""

    def __init__(self, files: Files) -> None:
        self.texts = [text for file in files for text in read(file)]
        self._includes = [one for text in self.texts for one in text.walk() if one.name == "include" and one.args]
        self._into: dict[int, list[Directive]] = {}
        self._shows: dict[int, list[ConfigText]] = {}
        for one in self._includes:
            for text in _matching_texts(one, self.texts):
                self._into.setdefault(id(text), []).append(one)
                self._shows.setdefault(id(one), []).append(text)

    def walk(self) -> Iterator[Directive]:
        """Every directive of every file, file by file."""
        for text in self.texts:
            yield from text.walk()

    def expand(self, block: Directive) -> Iterator[tuple[Directive, Directive]]:
        """What a block holds, includes replaced by what they include; with it, what stands for it in the block."""
        for child in block.children or ():
            for one in self._expand_include(child, set()):
                yield one, child

    def _expand_include(self, one: Directive, seen: set[int]) -> Iterator[Directive]:
        """What an include stands for; files that include each other are read once."""
        shown = self._shows.get(id(one))
        if not shown:
            yield one
            return
        for text in shown:
            if id(text) not in seen:
                seen.add(id(text))
                for root in text.roots:
                    yield from self._expand_include(root, seen)

    def top_level_of(self, text: ConfigText) -> Iterator[Directive]:
        """The directives at the top of a text that no block of the files given holds."""
        for root in text.roots:
            yield from self._expand_include(root, {id(text)})

    def is_included(self, text: ConfigText) -> bool:
        """Whether a file that was given includes it."""
        return id(text) in self._into

    def parent_of(self, one: Directive) -> Directive | None:
        """The block it is in, through includes; None at the top, or where several blocks include its file."""
        for _ in range(MAX_DEPTH):
            into = self._into.get(id(one.text), [])
            if one.parent is not None or len(into) != 1:
                return one.parent
            one = into[0]
        return None

    def blocks_around(self, one: Directive) -> Iterator[Directive]:
        """The blocks around it, from the innermost."""
        block = self.parent_of(one)
        for _ in range(1000):
            if block is None:
                return
            yield block
            block = self.parent_of(block)

    def children_of(self, block: Directive) -> list[Directive]:
        """The directives of a block, includes replaced."""
        return [one for one, _ in self.expand(block)]

    def has_unknown_include(self, block: Directive) -> bool:
        """Whether a block includes a file that was not given and may hold anything."""
        return any(one.name == "include" and not _is_harmless(one) for one in self.children_of(block))

    def find_inherited(self, one: Directive, name: str) -> Inherited:
        """The directives `name` in effect beside `one`: those of the innermost level that has any."""
        top = one
        for block in self.blocks_around(one):
            found = tuple(child for child in self.children_of(block) if child.name == name)
            if found or self.has_unknown_include(block):
                return Inherited(found, not self.has_unknown_include(block))
            top = block
        found = tuple(child for child in self.top_level_of(top.text) if child.name == name and child is not one)
        return Inherited(found, bool(found) or top.name == "http")


def _matching_texts(include: Directive, texts: list[ConfigText]) -> list[ConfigText]:
    """The texts that an include's pattern means; its folder counts where a file given lies in one of that name."""
    pattern = PurePosixPath(include.values[0])
    named = [text for text in texts if text is not include.text and fnmatch(_path(text).name, pattern.name)]
    beside = [
        text for text in named if _path(text).parent.name and fnmatch(_path(text).parent.name, pattern.parent.name)
    ]
    return beside or named


def _path(text: ConfigText) -> PurePosixPath:
    return PurePosixPath(text.unit.key or text.unit.file)


def _is_harmless(include: Directive) -> bool:
    names: Iterable[str] = (PurePosixPath(value).name for value in include.values[:1])
    return any(fnmatch(name, known) for name in names for known in _HARMLESS)
