"""The files of one gateway as one configuration: which file is included where, and what a block inherits.

nginx passes a setting on from each block to the blocks in it; a list (of headers to set) is inherited only as a whole.
What an included file that was not given holds is unknown, and is never guessed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import PurePosixPath

from gatewayctl.domain.routing import Files
from gatewayctl.gateways.nginx.include_paths import match_includes
from gatewayctl.gateways.nginx.tree import MAX_DEPTH, ConfigText, Directive, read

_MAX_LEVELS = 1000  # files that include each other must not make a search for the outermost block endless
# Files that come with nginx and hold nothing that decides where or how a request is proxied.
_HARMLESS = ("*.types", "fastcgi*", "uwsgi_params", "scgi_params", "*modules*", "koi-*", "win-utf", "*ssl*", "*tls*")


@dataclass(frozen=True, slots=True)
class Inherited:
    """The directives of one name in effect at a place; `known` is False if a file not given may hold others."""

    found: tuple[Directive, ...]
    known: bool


class Config:
    """The parsed files of one gateway. Raises Refused for a file that cannot be parsed."""

    def __init__(self, files: Files) -> None:
        self.texts = [text for file in files for text in read(file)]
        self._includes_of: dict[int, list[Directive]] = {}  # by the id of the text that they include
        includes = [one for one in self.walk() if one.name == "include" and one.args]
        self._texts_of = match_includes(includes, self.texts)
        for include in includes:
            for text in self._texts_of.get(id(include), ()):
                self._includes_of.setdefault(id(text), []).append(include)

    def walk(self) -> Iterator[Directive]:
        """Every directive of every file, file by file."""
        for text in self.texts:
            yield from text.walk()

    def expand(self, block: Directive) -> Iterator[tuple[Directive, Directive]]:
        """The directives of a block, includes expanded, each with the directive of the block's own text it comes from.

        The two differ for what an include brings in: the second one is then the include.
        """
        for child in block.children or ():
            for one in self._expand_include(child, set()):
                yield one, child

    def _expand_include(self, one: Directive, seen: set[int]) -> Iterator[Directive]:
        """The directives that an include brings in; files that include each other are expanded once."""
        included = self._texts_of.get(id(one))
        if not included:
            yield one
            return
        for text in included:
            if id(text) not in seen:
                seen.add(id(text))
                for root in text.roots:
                    yield from self._expand_include(root, seen)

    def top_level_of(self, text: ConfigText) -> Iterator[Directive]:
        """The directives outside any block of `text`, includes expanded."""
        for root in text.roots:
            yield from self._expand_include(root, {id(text)})

    def is_included(self, text: ConfigText) -> bool:
        """Whether one of the files given includes it."""
        return id(text) in self._includes_of

    def parent_of(self, one: Directive) -> Directive | None:
        """The block around a directive, through includes; None at the top, or if several includes name its file."""
        for _ in range(MAX_DEPTH):
            includes = self._includes_of.get(id(one.text), [])
            if one.parent is not None or len(includes) != 1:
                return one.parent
            one = includes[0]
        return None

    def blocks_around(self, one: Directive) -> Iterator[Directive]:
        """The blocks around a directive, the innermost first."""
        block = self.parent_of(one)
        for _ in range(_MAX_LEVELS):
            if block is None:
                return
            yield block
            block = self.parent_of(block)

    def children_of(self, block: Directive) -> list[Directive]:
        """The directives of a block, includes expanded."""
        return [one for one, _ in self.expand(block)]

    def has_unknown_include(self, block: Directive) -> bool:
        """Whether a block includes a file that was not given and may hold anything."""
        return any(True for _ in self.unknown_includes(block))

    def unknown_includes(self, block: Directive) -> Iterator[Directive]:
        """The includes in a block of which no file was given, and which may hold anything."""
        return (one for one in self.children_of(block) if one.name == "include" and not _is_harmless(one))

    def knows_http_of(self, one: Directive) -> bool:
        """Whether the files show the whole http level around a directive."""
        return any(block.name == "http" and not self.has_unknown_include(block) for block in self.blocks_around(one))

    def misses_files_of_http(self, one: Directive) -> bool:
        """Whether the files show the http level around a directive, and an include there of a file not given."""
        return any(block.name == "http" and self.has_unknown_include(block) for block in self.blocks_around(one))

    def find_inherited(self, one: Directive, name: str) -> Inherited:
        """The directives called `name` in effect beside `one`: those of the innermost block that has any."""
        top = one
        for block in self.blocks_around(one):
            found = tuple(child for child in self.children_of(block) if child.name == name)
            if found or self.has_unknown_include(block):
                return Inherited(found, not self.has_unknown_include(block))
            top = block
        found = tuple(child for child in self.top_level_of(top.text) if child.name == name and child is not one)
        return Inherited(found, bool(found) or top.name == "http")


def _is_harmless(include: Directive) -> bool:
    path = PurePosixPath("".join(include.values[:1]))
    return "modules" in path.parent.name or any(fnmatch(path.name, pattern) for pattern in _HARMLESS)
