"""Routes in a `.properties` file: read as the YAML that means the same to Spring, and written back line by line.

A list has no place between two of its items there: a rule above a route gives that route and every later one another
number. Nothing else of their lines changes, and taking the rule away gives the numbers back.
"""

import json
import re
from collections.abc import Iterator
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
_STEP = re.compile(r"\[([^\]]*)\]|\.?([^.\[\]]+)")
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_MOST_STEPS = MAX_DEPTH - 2  # of one key: as YAML, a route stands in a list in a mapping
_COMMENT = re.compile(r"^[ \t\f]*[#!]")


@dataclass(frozen=True, slots=True)
class PropertiesRoute:
    """One route: what it says, and the lines of the file that say so."""

    data: dict[str, Any]
    entries: tuple[JavaProperty, ...]

    @property
    def line(self) -> int:
        """Its first line, from 0."""
        return self.entries[0].start

    @property
    def is_ours(self) -> bool:
        """Whether it is a rule of gatewayctl."""
        return bool(owner(str(self.data.get("id", ""))))


@dataclass(frozen=True, slots=True)
class PropertiesFile:
    """A `.properties` file; `others` are the properties that are no routes."""

    file: SourceFile
    prefix: str
    rows: tuple[PropertiesRoute, ...]
    others: dict[str, str]

    @property
    def yaml(self) -> SourceFile:
        """The same as YAML, each route in the line where it begins, so that whatever names a line is right.

        Only a route that begins in the very first line has to leave that to the name of the list.
        """
        lines = [""] * (self.rows[0].line - 1) if self.rows else []
        lines += [f"{json.dumps(self.prefix)}:"] if self.rows else []
        for row in self.rows:
            lines += [""] * (row.line - len(lines))
            lines.append(f"- {json.dumps(row.data)}")
        lines += [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in self.others.items()]
        return SourceFile(self.file.name, "\n".join([*lines, ""]))

    def back(self, text: str) -> SourceFile:
        """The file after an edit of its YAML, which put rules of ours in or took them away. Raises Refused."""
        numbers: dict[int, int] = {}
        added: dict[int, list[tuple[int, dict[str, Any]]]] = {}
        at = 0
        for number, item in enumerate(_routes_in(text, self.prefix)):
            while at < len(self.rows) and self.rows[at].is_ours and self.rows[at].data != item:
                at += 1  # taken away
            if at < len(self.rows) and self.rows[at].data == item:
                numbers[at] = number
                at += 1
            else:
                added.setdefault(at, []).append((number, item))
        kept = {number for number, row in enumerate(self.rows) if not row.is_ours}
        if not kept <= numbers.keys() or not added.keys() <= set(range(len(self.rows))):
            raise Refused(self.file.name, 0, "editing this would change more than our own rule")
        return SourceFile(self.file.name, "".join(self._lines(numbers, added)))

    def _lines(self, numbers: dict[int, int], added: dict[int, list[tuple[int, dict[str, Any]]]]) -> Iterator[str]:
        lines = lines_of(self.file.text)
        here: dict[int, list[str]] = {}
        for at, items in added.items():
            row = self.rows[at]
            place = row.line
            while place and _COMMENT.match(lines[place - 1]):
                place -= 1
            end = re.search(r"(?:\r\n|\r|\n)?\Z", lines[row.line])
            style = (row.entries[0].separator, (end[0] if end else "") or "\n")
            here[place] = [line for number, item in items for line in self._new_lines(number, item, style)]
        gone = {
            line
            for at, row in enumerate(self.rows)
            if at not in numbers
            for entry in row.entries
            for line in range(entry.start, entry.end)
        }
        renumbered = {entry.start: new for at, new in numbers.items() for entry in self.rows[at].entries}
        for at, line in enumerate(lines):
            yield from here.get(at, ())
            if at in renumbered:
                yield _NUMBERED.sub(rf"\g<1>{renumbered[at]}", line)
            elif at not in gone:
                yield line

    def _new_lines(self, number: int, item: dict[str, Any], style: tuple[str, str]) -> Iterator[str]:
        separator, end = style
        for path, value in _flat(item):
            key = f"{self.prefix}[{number}]{path}"
            yield f"{key}{separator}{escape(value)}{end}"


def as_yaml(files: Files) -> Files:
    """The files, and those in manifests: what is `.properties` as YAML. Raises Refused."""
    return tuple(read_properties_file(file).yaml if _is_properties(file) else file for file in with_properties(files))


def write_back(files: Files, change: Change) -> Change:
    """An edit of `as_yaml(files)` as one of `files`. Raises Refused when it could not be taken back exactly."""
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
    """A `.properties` file, read. Raises Refused for routes whose numbers cannot be changed with certainty."""
    lines = lines_of(file.text)
    others: dict[str, str] = {}
    rows: dict[int, list[tuple[str, JavaProperty]]] = {}
    prefixes: dict[str, JavaProperty] = {}
    for entry in read_properties(lines):
        found = _ROUTE.fullmatch(entry.key)
        if not found:
            others[entry.key] = entry.value
            continue
        if not _NUMBERED.match(lines[entry.start]):
            raise Refused(file.name, entry.start + 1, "the key of this route is written with escapes or over two lines")
        prefixes.setdefault(found[1], entry)
        rows.setdefault(int(found[2]), []).append((found[3], entry))
    if len(prefixes) > 1:
        entry = list(prefixes.values())[1]
        reason = "routes under two prefixes in one file: which of them count depends on the gateway's version"
        raise Refused(file.name, entry.start + 1, reason)
    for at, number in enumerate(sorted(rows)):
        if at != number:
            reason = f"there is no route {at} before this one: Spring does not load a list with a gap"
            raise Refused(file.name, rows[number][0][1].start + 1, reason)
    made = (PropertiesRoute(_data(file, rows[at]), tuple(entry for _, entry in rows[at])) for at in range(len(rows)))
    return PropertiesFile(file, next(iter(prefixes), ""), tuple(made), others)


def _data(file: SourceFile, said: list[tuple[str, JavaProperty]]) -> dict[str, Any]:
    """What the lines of one route say, as mappings, lists and texts. Raises Refused."""
    whole: dict[str, Any] = {}
    for path, entry in said:
        steps = [inside or name for inside, name in _STEP.findall(path)]
        if len(steps) > _MOST_STEPS:
            raise Refused(file.name, entry.start + 1, str(TooDeep()))
        marks = ["[" in found.group() for found in _STEP.finditer(path)]
        place = whole
        for step, numbered in zip(steps[:-1], marks[:-1], strict=True):
            place = place.setdefault(_key(step, numbered=numbered), {})
            if not isinstance(place, dict):
                raise Refused(file.name, entry.start + 1, f"{entry.key} is inside of what another line says is a text")
        last = _key(steps[-1], numbered=marks[-1]) if steps else ""
        if not steps or last in place:
            reason = f"{entry.key} is set twice" if steps else f"{entry.key} is no property of a route"
            raise Refused(file.name, entry.start + 1, reason)
        place[last] = entry.value
    made = _as_lists(file, whole, said[0][1])
    assert isinstance(made, dict)  # noqa: S101 (a route's own keys are names)
    return made


def _key(step: str, *, numbered: bool) -> Any:
    return int(step) if numbered and step.isdigit() else step


def _as_lists(file: SourceFile, found: Any, entry: JavaProperty) -> Any:
    """Mappings by number as the lists they are."""
    if not isinstance(found, dict):
        return found
    made = {key: _as_lists(file, value, entry) for key, value in found.items()}
    numbers = [key for key in made if isinstance(key, int)]
    if not numbers:
        return made
    if sorted(numbers) != list(range(len(made))):
        raise Refused(file.name, entry.start + 1, "a list of this route has a gap: Spring does not load that")
    return [made[number] for number in sorted(numbers)]


def _flat(found: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(found, dict):
        for key, value in found.items():
            yield from _flat(value, f"{path}.{key}" if _PLAIN.fullmatch(str(key)) else f"{path}[{key}]")
    elif isinstance(found, list):
        for number, value in enumerate(found):
            yield from _flat(value, f"{path}[{number}]")
    else:
        yield path, str(found)


def _routes_in(text: str, prefix: str) -> list[dict[str, Any]]:
    """The routes of a sheet's YAML; all texts in it are quoted."""
    return list((load(text) or {}).get(prefix, []))
