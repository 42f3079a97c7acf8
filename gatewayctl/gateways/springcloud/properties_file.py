"""Reads routes in a `.properties` file as YAML that means the same to Spring, and writes an edit back line by line.

A list in such a file has a number for each item: a rule above a route gives that route and every later one another
number. Nothing else of their lines changes, and without the rule they get their numbers back.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.nesting import MAX_DEPTH, TooDeep
from gatewayctl.domain.routing import Change, Files, SourceFile
from gatewayctl.gateways.springcloud.configmap_properties import SUFFIX, as_change_of_manifests, with_properties
from gatewayctl.gateways.springcloud.java_properties import JavaProperty, escape, lines_of, read_properties
from gatewayctl.gateways.springcloud.routes import owner
from gatewayctl.yamlloader import load

_ROUTE = re.compile(r"(spring\.cloud\.gateway\.(?:server\.webflux\.)?routes)\[(0|[1-9]\d*)\](.*)", re.DOTALL)
_NUMBERED = re.compile(r"^([ \t\f]*spring\.cloud\.gateway\.(?:server\.webflux\.)?routes\[)(\d+)(?=\])")
_STEP = re.compile(r"\[([^\]]*)(?:\]|\Z)|\.?([^.\[\]]+)")
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_MOST_STEPS = MAX_DEPTH - 2  # of one key: as YAML, a route stands in a list in a mapping
_COMMENT = re.compile(r"^[ \t\f]*[#!]")
_LINE_END = re.compile(r"(?:\r\n|\r|\n)\Z")

RouteData = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PropertiesRoute:
    """One route: its data, and the properties that set it."""

    data: RouteData
    properties: tuple[JavaProperty, ...]

    @property
    def line(self) -> int:
        """Its first line, from 0."""
        return self.properties[0].start

    @property
    def is_ours(self) -> bool:
        """Whether it is a rule of gatewayctl."""
        return bool(owner(str(self.data.get("id", ""))))


@dataclass(frozen=True, slots=True)
class _Renumbering:
    """An edit of the routes of a file.

    `numbers` are the new numbers of the routes that stay, by their old ones. `added` are new routes, each with its
    number, by the old number of the route that they go above.
    """

    numbers: dict[int, int]
    added: dict[int, list[tuple[int, RouteData]]]


@dataclass(frozen=True, slots=True)
class PropertiesFile:
    """A `.properties` file; `others` are the properties that are not of routes."""

    file: SourceFile
    prefix: str
    routes: tuple[PropertiesRoute, ...]
    others: dict[str, str]

    @property
    def yaml(self) -> SourceFile:
        """The same as YAML. Each route is in the line where it begins, so that errors name the right line.

        A route that begins in the first line is an exception: the name of the list is there, and it comes below.
        """
        lines = [""] * (self.routes[0].line - 1) if self.routes else []
        lines += [f"{json.dumps(self.prefix)}:"] if self.routes else []
        for route in self.routes:
            lines += [""] * (route.line - len(lines))
            lines.append(f"- {json.dumps(route.data)}")
        lines += [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in self.others.items()]
        return SourceFile(self.file.name, "\n".join([*lines, ""]))

    def back(self, text: str) -> SourceFile:
        """The file after an edit of its YAML, which added or removed rules of ours. Raises Refused."""
        edit = self._compare(_routes_in(text, self.prefix))
        kept = {number for number, route in enumerate(self.routes) if not route.is_ours}
        if not kept <= edit.numbers.keys() or not edit.added.keys() <= set(range(len(self.routes))):
            raise Refused(self.file.name, 0, "editing this would change more than our own rule")
        return SourceFile(self.file.name, "".join(self._edit_lines(edit)))

    def _compare(self, after: Iterable[RouteData]) -> _Renumbering:
        edit = _Renumbering({}, {})
        at = 0
        for number, data in enumerate(after):
            while self._is_removed(at, data):
                at += 1
            if at < len(self.routes) and self.routes[at].data == data:
                edit.numbers[at] = number
                at += 1
            else:
                edit.added.setdefault(at, []).append((number, data))
        return edit

    def _is_removed(self, at: int, data: RouteData) -> bool:
        """Whether there is a rule of ours at this number, and the edit has other data in its place."""
        return at < len(self.routes) and self.routes[at].is_ours and self.routes[at].data != data

    def _edit_lines(self, edit: _Renumbering) -> Iterator[str]:
        lines = lines_of(self.file.text)
        new = {self._top(at, lines): self._new_lines(at, added, lines) for at, added in edit.added.items()}
        removed = {line for at, one in enumerate(self.routes) if at not in edit.numbers for line in _lines_of(one)}
        renumbered = {one.start: number for at, number in edit.numbers.items() for one in self.routes[at].properties}
        for at, line in enumerate(lines):
            yield from new.get(at, ())
            if at in renumbered:
                yield _NUMBERED.sub(rf"\g<1>{renumbered[at]}", line)
            elif at not in removed:
                yield line

    def _top(self, at: int, lines: list[str]) -> int:
        """The first line of a route, or of the comments directly above it."""
        line = self.routes[at].line
        while line and _COMMENT.match(lines[line - 1]):
            line -= 1
        return line

    def _new_lines(self, at: int, added: Iterable[tuple[int, RouteData]], lines: list[str]) -> list[str]:
        """The lines of new routes, with the separators and line ends of the route at this number."""
        below = self.routes[at]
        end = _LINE_END.search(lines[below.line])
        separator, line_end = below.properties[0].separator, end[0] if end else "\n"
        return [
            f"{self.prefix}[{number}]{path}{separator}{escape(value)}{line_end}"
            for number, data in added
            for path, value in _flat(data)
        ]


def _lines_of(route: PropertiesRoute) -> list[int]:
    return [line for one in route.properties for line in range(one.start, one.end)]


def as_yaml(files: Files) -> Files:
    """The files and those in manifests, with YAML in place of `.properties`. Raises Refused."""
    return tuple(read_properties_file(file).yaml if _is_properties(file) else file for file in with_properties(files))


def write_back(files: Files, change: Change) -> Change:
    """An edit of `as_yaml(files)` as one of `files`. Raises Refused if it could not be undone byte for byte."""
    named = {file.name: file for file in with_properties(files)}
    stages = (tuple(_back(named[file.name], file) for file in stage) for stage in change.stages)
    changed = (tuple(file for file in stage if file != named[file.name]) for stage in stages)
    return as_change_of_manifests(
        files, Change(tuple(stage for stage in changed if stage), change.covered, change.notes)
    )


def _back(before: SourceFile, after: SourceFile) -> SourceFile:
    if not _is_properties(before):
        return after
    found = read_properties_file(before)
    made = found.back(after.text)
    again = read_properties_file(made)
    if again.back(found.yaml.text) != before or _routes_in(again.yaml.text, found.prefix) != _routes_in(
        after.text, found.prefix
    ):
        raise Refused(before.name, 0, "taking this rule away again would not give back the same bytes")
    return made


def _is_properties(file: SourceFile) -> bool:
    return file.name.endswith(SUFFIX)


@lru_cache(maxsize=8)
def read_properties_file(file: SourceFile) -> PropertiesFile:
    """A `.properties` file. Raises Refused for routes whose numbers cannot be changed with certainty."""
    lines = lines_of(file.text)
    others: dict[str, str] = {}
    routes: dict[int, list[tuple[str, JavaProperty]]] = {}
    prefixes: dict[str, JavaProperty] = {}
    for one in read_properties(lines):
        found = _ROUTE.fullmatch(one.key)
        if not found:
            others[one.key] = one.value
            continue
        if not _NUMBERED.match(lines[one.start]):
            raise _refusal(file, one, "the key of this route is written with escapes or over two lines")
        prefixes.setdefault(found[1], one)
        routes.setdefault(int(found[2]), []).append((found[3], one))
    _refuse_second_prefix(file, list(prefixes.values()))
    _refuse_gap(file, {number: paths[0][1] for number, paths in routes.items()})
    made = (PropertiesRoute(_data(file, routes[at]), tuple(one for _, one in routes[at])) for at in range(len(routes)))
    return PropertiesFile(file, next(iter(prefixes), ""), tuple(made), others)


def _refuse_second_prefix(file: SourceFile, firsts: list[JavaProperty]) -> None:
    """Raise Refused if there is more than one; `firsts` is the first property under each prefix."""
    for one in firsts[1:]:
        reason = "routes under two prefixes in one file: which of them count depends on the gateway's version"
        raise _refusal(file, one, reason)


def _refuse_gap(file: SourceFile, firsts: dict[int, JavaProperty]) -> None:
    """Raise Refused if a number is missing; `firsts` is the first property of each route."""
    for at, number in enumerate(sorted(firsts)):
        if at != number:
            reason = f"there is no route {at} before this one: Spring does not load a list with a gap"
            raise _refusal(file, firsts[number], reason)


def _refusal(file: SourceFile, one: JavaProperty, reason: str) -> Refused:
    return Refused(file.name, one.start + 1, reason)


def _data(file: SourceFile, paths: list[tuple[str, JavaProperty]]) -> RouteData:
    """The data of one route from its properties, as mappings, lists and texts. Raises Refused."""
    whole: RouteData = {}
    for path, one in paths:
        _set_value(file, whole, path, one)
    made = _as_lists(file, whole, paths[0][1])
    assert isinstance(made, dict)  # noqa: S101 (a route's own keys are names)
    return made


def _set_value(file: SourceFile, whole: RouteData, path: str, one: JavaProperty) -> None:
    """Put the value of a property at its path: `.predicates[0]`, for one. Raises Refused."""
    found = list(_STEP.finditer(path))
    if len(found) > _MOST_STEPS:
        raise _refusal(file, one, str(TooDeep()))
    steps = [_key(step[1] or step[2] or "", numbered="[" in step[0]) for step in found]
    if not steps:
        raise _refusal(file, one, f"{one.key} is no property of a route")
    place = whole
    for step in steps[:-1]:
        place = place.setdefault(step, {})
        if not isinstance(place, dict):
            raise _refusal(file, one, f"{one.key} is inside of what another line says is a text")
    if steps[-1] in place:
        raise _refusal(file, one, f"{one.key} is set twice")
    place[steps[-1]] = one.value


def _key(step: str, *, numbered: bool) -> Any:
    return int(step) if numbered and step.isdigit() else step


def _as_lists(file: SourceFile, found: Any, one: JavaProperty) -> Any:
    """Mappings whose keys are numbers as lists. Raises Refused for a list with a gap."""
    if not isinstance(found, dict):
        return found
    made = {key: _as_lists(file, value, one) for key, value in found.items()}
    numbers = [key for key in made if isinstance(key, int)]
    if not numbers:
        return made
    if sorted(numbers) != list(range(len(made))):
        raise _refusal(file, one, "a list of this route has a gap: Spring does not load that")
    return [made[number] for number in sorted(numbers)]


def _flat(found: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text in the data of a route, with its path as a property's key has it."""
    if isinstance(found, dict):
        for key, value in found.items():
            yield from _flat(value, f"{path}.{key}" if _PLAIN.fullmatch(str(key)) else f"{path}[{key}]")
    elif isinstance(found, list):
        for number, value in enumerate(found):
            yield from _flat(value, f"{path}[{number}]")
    else:
        yield path, str(found)


def _routes_in(text: str, prefix: str) -> list[dict[str, Any]]:
    """The routes in the YAML of a properties file."""
    return list((load(text) or {}).get(prefix, []))
