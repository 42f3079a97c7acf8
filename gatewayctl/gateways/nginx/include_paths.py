"""Which of the files given an `include` means: by its path, as nginx does, and only else by its name.

nginx reads a relative path from the folder of its main file. The files given often stand elsewhere than in the gateway:
in a checkout, or as keys of a ConfigMap without any folder. So their folders are compared from the right, and a file
whose folder says nothing is taken by its name where its content can be loaded.
"""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from gatewayctl.gateways.nginx.levels import fits, level_of
from gatewayctl.gateways.nginx.tree import ConfigText, Directive

# Where the packages of nginx and its relatives keep the main file: an absolute path below is like a relative one.
_HOMES = (
    "/etc/nginx",
    "/usr/local/etc/nginx",
    "/usr/local/nginx/conf",
    "/usr/local/openresty/nginx/conf",
    "/opt/bitnami/nginx/conf",
)
_GLOB = frozenset("*?[")

Matches = dict[int, list[ConfigText]]
"""The texts that each include means, by the id of the include, in the order of the files."""


def match_includes(includes: Sequence[Directive], texts: Sequence[ConfigText]) -> Matches:
    """The texts that each include means. An include of which no file was given is not in the result."""
    main = next((text for text in texts if level_of(text.roots) == "main"), None)
    found: Matches = {}
    for include in includes:
        named = [text for text in texts if text is not include.text and _has_name(include, text)]
        exact = [text for text in named if _is_exact(include, text, (main or include.text))]
        by_folder = exact or [text for text in named if _has_folder(include, text)]
        if by_folder:
            found[id(include)] = by_folder
    placed = {id(text) for group in found.values() for text in group}
    for text in texts:
        if id(text) not in placed:
            free = [one for one in includes if id(one) not in found or _is_by_name(found[id(one)], placed)]
            for include in _by_name(free, text):
                found.setdefault(id(include), []).append(text)
    return found


def _is_by_name(group: Iterable[ConfigText], placed: set[int]) -> bool:
    """Whether the texts of an include were found by their names only."""
    return all(id(text) not in placed for text in group)


def _by_name(includes: Sequence[Directive], text: ConfigText) -> list[Directive]:
    """The includes that mean a text by its name. Patterns that stand in different blocks say nothing."""
    named = [one for one in includes if one.text is not text and _has_name(one, text) and fits(one, text.roots)]
    whole = [one for one in named if not _GLOB & set(_pattern(one).name)]
    if whole:
        return whole
    places = {(id(one.text), id(one.parent)) for one in named}
    return named[:1] if len(places) == 1 else []


def _pattern(include: Directive) -> PurePosixPath:
    return PurePosixPath(include.values[0])


def _path(text: ConfigText) -> PurePosixPath:
    return PurePosixPath(text.fragment.key or text.fragment.file)


def _has_name(include: Directive, text: ConfigText) -> bool:
    return fnmatchcase(_path(text).name, _pattern(include).name)


def _is_exact(include: Directive, text: ConfigText, main: ConfigText) -> bool:
    """Whether a text is where nginx looks, seen from the main file."""
    pattern, path = _pattern(include), _path(text)
    if pattern.is_absolute() and _alike(pattern, path):
        return True
    home = next((home for home in _HOMES if pattern.is_relative_to(home)), None)
    relative = pattern.relative_to(home) if home else pattern
    return not relative.is_absolute() and _alike(_path(main).parent / relative, path)


def _alike(pattern: PurePosixPath, path: PurePosixPath) -> bool:
    """Whether a path fits a pattern, part by part."""
    return len(pattern.parts) == len(path.parts) and all(
        fnmatchcase(part, wanted) for part, wanted in zip(path.parts, pattern.parts, strict=True)
    )


def _has_folder(include: Directive, text: ConfigText) -> bool:
    """Whether the folder of a text has the name that an include names."""
    folder, wanted = _path(text).parent.name, _pattern(include).parent.name
    return bool(folder and wanted) and fnmatchcase(folder, wanted)
