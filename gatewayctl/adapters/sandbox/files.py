"""Files that several processes share: whole or not at all, one writer at a time.

The command line and the supervisor have nothing in common but a folder. A reader needs no lock, because a file is
replaced by rename; a compare-and-swap takes the folder's lock, which the kernel gives back when its holder dies.
"""

import fcntl
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gatewayctl.domain.errors import EnvironmentFailed, UsageFault
from gatewayctl.domain.nesting import parse_json

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_LARGEST = 64 * 1024 * 1024  # bytes of a file of ours; a journal has some hundred thousand


def safe_name(name: str, what: str) -> str:
    """`name`, when it can be a file's name and nothing else. Raises UsageFault."""
    if not _SAFE.fullmatch(name):
        raise UsageFault(
            f"{what} {name!r} cannot be a file name",
            hint="use letters, digits, dots, hyphens and underscores, and begin with a letter or a digit",
        )
    return name


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Alone in `folder` among those who lock it; held for milliseconds. Raises EnvironmentFailed."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = (folder / ".lock").open("a")
    except OSError as fault:
        raise EnvironmentFailed(f"{folder}: cannot be written: {fault}") from fault
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def replace_text(path: Path, text: str) -> None:
    """Make `text` the whole content of `path`, byte for byte, in one step. Raises EnvironmentFailed."""
    _replace(path, text.encode("utf-8", "surrogatepass"), _keep)


def replace_durably(path: Path, text: str) -> None:
    """Like `replace_text`, and it is on the disk when this returns."""
    _replace(path, text.encode("utf-8", "surrogatepass"), _flush)


def _replace(path: Path, content: bytes, settle: Callable[[int], None]) -> None:
    passing = path.parent / f".{path.name}.{os.getpid()}-{secrets.token_hex(3)}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with passing.open("wb") as handle:
            handle.write(content)
            handle.flush()
            settle(handle.fileno())
        passing.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            settle(folder)
        finally:
            os.close(folder)
    except OSError as fault:
        passing.unlink(missing_ok=True)
        raise EnvironmentFailed(f"{path}: cannot be written: {fault}") from fault


def _keep(_: int) -> None:
    """Rename alone survives the death of every process, which is all that status needs."""


def _flush(handle: int) -> None:
    os.fsync(handle)


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in `path`, or None when there is no such file. Raises EnvironmentFailed."""
    try:
        found = parse_json(content_of(path))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as fault:
        raise EnvironmentFailed(f"{path}: cannot be read: {fault}", hint="remove the file, or its folder") from fault
    if not isinstance(found, dict):
        raise EnvironmentFailed(f"{path}: expected an object, found {type(found).__name__}")
    return found


def content_of(path: Path) -> bytes:
    """The whole of a file of ours. Raises OSError, and ValueError for one that is larger than it can be."""
    with path.open("rb") as stream:
        content = stream.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"larger than {_LARGEST} bytes")
    return content
