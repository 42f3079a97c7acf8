"""Reads our own YAML files strictly, and reports all faults together, each with file and line.

These are gatewayctl.yaml and the sandbox's world file. The files of gateways are read elsewhere, by other rules.
"""

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from gatewayctl.domain.errors import UsageFault

_LARGEST = 1_000_000  # bytes; such a file is small, and anybody may have written it


class FileFault(UsageFault):
    """A file that cannot be used; one line per fault, each `file:line: path: reason`."""


class FileMissing(FileFault):
    """There is no such file."""


@dataclass(frozen=True, slots=True)
class YamlFile:
    """The content of one file: its data, and its YAML nodes, which know their lines."""

    path: Path
    data: dict[str, Any]
    root: yaml.Node

    def at(self, where: Sequence[Any], reason: str) -> str:
        """The text of a fault. `where` are keys and list positions; the line is that of the deepest one that exists."""
        dotted = ".".join(map(str, where)) or "file"
        return f"{self.path}:{_find_line(self.root, where)}: {dotted}: {reason}"

    def faults(self, fault: ValidationError) -> list[str]:
        """The faults that pydantic found, in our words, in the order of their lines."""
        found = []
        for error in fault.errors(include_url=False):
            where = [part for part in error["loc"] if part != "[key]"]
            found.append((_find_line(self.root, where), self.at(where, _to_reason(error))))
        return [text for _, text in sorted(found)]


def read_bounded(path: Path, largest: int = _LARGEST) -> str:
    """The exact text of a file, with its line ends and byte order mark. Raises FileFault, FileMissing."""
    try:
        with path.open("rb") as stream:
            content = stream.read(largest + 1)  # a device has no size that could be checked first
    except FileNotFoundError as fault:
        raise FileMissing(f"{path}: there is no such file") from fault
    except OSError as fault:
        raise FileFault(f"{path}: cannot be read: {fault.strerror}") from fault
    if len(content) > largest:
        raise FileFault(f"{path}: larger than {largest} bytes")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as fault:
        line = content.count(b"\n", 0, fault.start) + 1
        raise FileFault(f"{path}:{line}: not UTF-8 text", hint=f"save it as UTF-8: {path}") from fault


def read_yaml(path: Path, expected: str) -> YamlFile:
    """The content of a file with one mapping, no key twice; `expected` names its keys in faults. Raises FileFault."""
    return parse_yaml(read_bounded(path), path, expected)


def parse_yaml(text: str, path: Path, expected: str) -> YamlFile:
    """As `read_yaml`, for a text that was read already; `path` is shown in faults. Raises FileFault."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except RecursionError as fault:
        raise FileFault(f"{path}: not readable as YAML: nested too deep") from fault
    except (yaml.YAMLError, ValueError) as fault:
        mark = getattr(fault, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else f"{path}"
        reason = str(getattr(fault, "problem", None) or fault).splitlines()[0]
        raise FileFault(f"{place}: not readable as YAML: {reason}") from fault
    if not isinstance(data, dict) or root is None:
        raise FileFault(f"{path}:1: expected a mapping with {expected}")
    if twice := _find_duplicate_keys(root, set()):
        raise FileFault("\n".join(f"{path}:{line}: {reason}" for line, reason in sorted(twice)))
    return YamlFile(path, data, root)


def _to_reason(error: Any) -> str:
    match error["type"]:
        case "extra_forbidden":
            return "unknown key"
        case "missing":
            return "is missing"
        case "value_error":  # raised by a validator of ours; pydantic's own message has a prefix
            message = str(error["ctx"]["error"])
        case _:
            message = str(error["msg"])
    return message if isinstance(error["input"], dict) else f"{message}, found {_shorten(error['input'])!r}"


def _shorten(value: object) -> str:
    """The start of a value as text. A list is shortened first: with aliases its text could fill the memory."""
    return (reprlib.repr(value) if isinstance(value, list) else str(value))[:60]


def _find_duplicate_keys(node: yaml.Node, visited: set[int]) -> list[tuple[int, str]]:
    """Line and reason of each key that is given twice, which YAML allows. `visited`: ids of nodes searched already."""
    found: list[tuple[int, str]] = []
    if id(node) in visited:
        return found
    visited.add(id(node))
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                found.append((line, f"{key.value}: given twice, first in line {seen[key.value]}"))
            seen.setdefault(str(key.value), line)
            found += _find_duplicate_keys(value, visited)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            found += _find_duplicate_keys(value, visited)
    return found


def _find_line(root: yaml.Node, where: Sequence[Any]) -> int:
    """The line, from 1, of the deepest part of `where` that exists."""
    node, line = root, 1
    for part in where:
        if isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if pair is None:
                return line
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            return line
    return line
