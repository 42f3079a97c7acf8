"""Read a world file: every fault with its file and line, all together; or one frozen world."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from gatewayctl.adapters.sandbox.world import World
from gatewayctl.domain.errors import UsageFault

_LARGEST = 1_000_000  # bytes; a world is small, and the file may come from anywhere
_LARGEST_TEXT = 20_000_000  # bytes of one route file; the store reads it whole


class WorldFault(UsageFault):
    """A world file that cannot be used; one line per fault, each with file and line."""

    hint = "gateway-config/sandbox.yaml is a complete example"


def read_world(path: Path) -> World:
    """The world of one file, with its folder filled in. Raises WorldFault."""
    text = read_bounded(path, _LARGEST)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as fault:
        mark = getattr(fault, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else f"{path}"
        raise WorldFault(f"{place}: not readable as YAML: {getattr(fault, 'problem', None) or fault}") from fault
    if not isinstance(data, dict):
        raise WorldFault(f"{path}:1: expected a mapping with version, gateway, images and workloads")
    faults = _given_twice(root)
    try:
        world = World.model_validate({**data, "folder": str(path.resolve().parent)})
    except ValidationError as fault:
        faults += _faults(fault, root)
        raise WorldFault(_together(path, faults)) from fault
    faults += _missing_files(world, root)
    if "folder" in data:
        faults.append((_line(root, ("folder",)), "folder: unknown key"))
    if faults:
        raise WorldFault(_together(path, faults))
    return world


def read_bounded(path: Path, largest: int = _LARGEST_TEXT) -> str:
    """The exact text of a file, with every line end and byte order mark as it is. Raises WorldFault."""
    try:
        if not path.is_file():
            raise WorldFault(f"{path}: there is no such file")
        if path.stat().st_size > largest:
            raise WorldFault(f"{path}: larger than {largest} bytes")
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise WorldFault(f"{path}: cannot be read: {fault}") from fault


Faults = list[tuple[int, str]]


def _together(path: Path, faults: Faults) -> str:
    return "\n".join(f"{path}:{line}: {text}" for line, text in sorted(faults))


def _missing_files(world: World, root: yaml.Node | None) -> Faults:
    gateway = world.gateway
    named: list[tuple[tuple[str, ...], str]] = [(("gateway", "bootstrap"), gateway.bootstrap)]
    named += [(("gateway", "files", key), name) for key, name in gateway.files.items()]
    return [
        (_line(root, where), f"{'.'.join(where)}: there is no file {world.path(name)}")
        for where, name in named
        if not world.path(name).is_file()
    ]


def _given_twice(node: yaml.Node | None) -> Faults:
    """A key given twice: YAML lets the last one win in silence, we do not."""
    found: Faults = []
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                found.append((line, f"{key.value}: given twice, first in line {seen[key.value]}"))
            seen.setdefault(str(key.value), line)
            found += _given_twice(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            found += _given_twice(value)
    return found


def _faults(fault: ValidationError, root: yaml.Node | None) -> Faults:
    found: Faults = []
    for error in fault.errors(include_url=False, include_context=False):
        where = tuple(part for part in error["loc"] if part != "[key]")
        message = error["msg"].removeprefix("Value error, ")
        if error["type"] == "extra_forbidden":
            message = "unknown key"
        elif error["type"] == "missing":
            message = "is missing"
        elif not isinstance(error["input"], dict):
            message += f", found {str(error['input'])[:60]!r}"
        found.append((_line(root, where), f"{'.'.join(map(str, where)) or 'file'}: {message}"))
    return found


def _line(root: yaml.Node | None, where: tuple[Any, ...]) -> int:
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
