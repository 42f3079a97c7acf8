"""Our own YAML files, read strictly: every fault with its file and line, all together.

Used by gatewayctl.yaml and by the sandbox's world file. What gateways' teams wrote is read elsewhere, by other rules.
"""

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.nesting import TooDeep
from gatewayctl.yamlloader import compose, load

_LARGEST = 1_000_000  # bytes; such a file is small, and it may come from anywhere


class FileFault(UsageFault):
    """A file that cannot be used; one line per fault, each `file:line: path: reason`."""


@dataclass(frozen=True, slots=True)
class YamlFile:
    """One file, read: its data, and where each part of it stands."""

    path: Path
    data: dict[str, Any]
    root: yaml.Node

    def at(self, where: Sequence[Any], reason: str) -> str:
        """A fault at the deepest part of `where` that exists; `where` names keys and list positions."""
        dotted = ".".join(map(str, where)) or "file"
        return f"{self.path}:{_line(self.root, where)}: {dotted}: {reason}"

    def faults(self, fault: ValidationError) -> list[str]:
        """What pydantic found, in our words, in the order of lines."""
        found = []
        for error in fault.errors(include_url=False, include_context=False):
            where = [part for part in error["loc"] if part != "[key]"]
            found.append((_line(self.root, where), self.at(where, _reason(error))))
        return [text for _, text in sorted(found)]


def read_bounded(path: Path, largest: int = _LARGEST) -> str:
    """The exact text of a file, every line end and byte order mark as it is. Raises FileFault."""
    try:
        with path.open("rb") as stream:
            content = stream.read(largest + 1)  # a device has no size to ask for beforehand
    except FileNotFoundError as fault:
        raise FileFault(f"{path}: there is no such file") from fault
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
    """A file that holds one mapping, no key twice; `expected` names its keys. Raises FileFault."""
    return parse_yaml(read_bounded(path), path, expected)


def parse_yaml(text: str, path: Path, expected: str) -> YamlFile:
    """The same for text that was read elsewhere; `path` says where, for the faults. Raises FileFault."""
    try:
        root, data = compose(text), load(text)
    except (TooDeep, RecursionError) as fault:  # merge keys of an alias that contains itself are followed in Python
        raise FileFault(f"{path}: not readable as YAML: nested too deep") from fault
    except (yaml.YAMLError, ValueError) as fault:
        mark = getattr(fault, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else f"{path}"
        reason = str(getattr(fault, "problem", None) or fault).splitlines()[0]
        raise FileFault(f"{place}: not readable as YAML: {reason}") from fault
    if not isinstance(data, dict) or root is None:
        raise FileFault(f"{path}:1: expected a mapping with {expected}")
    if twice := _given_twice(root, set()):
        raise FileFault("\n".join(f"{path}:{line}: {reason}" for line, reason in sorted(twice)))
    return YamlFile(path, data, root)


def _reason(error: Any) -> str:
    match error["type"]:
        case "extra_forbidden":
            return "unknown key"
        case "missing":
            return "is missing"
    message = str(error["msg"]).removeprefix("Value error, ")
    return message if isinstance(error["input"], dict) else f"{message}, found {_shown(error['input'])!r}"


def _shown(value: object) -> str:
    """A value, shortened; aliases can make a small file into a list that no memory holds as text."""
    return (reprlib.repr(value) if isinstance(value, list) else str(value))[:60]


def _given_twice(node: yaml.Node, visited: set[int]) -> list[tuple[int, str]]:
    """A key given twice: YAML lets the last one win in silence, we do not. What an alias repeats is looked at once."""
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
            found += _given_twice(value, visited)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            found += _given_twice(value, visited)
    return found


def _line(root: yaml.Node, where: Sequence[Any]) -> int:
    """The line of the deepest part of `where` that exists, from 1."""
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
