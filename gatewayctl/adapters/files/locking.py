"""Files that several processes read and write at the same time.

A file is replaced by a rename, so a reader needs no lock: it sees the old content or the new one, never a part. Reading
a file and writing it again takes the folder's lock; the kernel releases it when the process that holds it dies.
"""

import fcntl
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gatewayctl.domain.errors import EnvironmentFailed, UsageFault

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def safe_name(name: str, what: str) -> str:
    """`name` unchanged, when it is safe as a file name: it leads to no other folder. Raises UsageFault for any other.

    `what` says in the message what the name is of.
    """
    if not _SAFE.fullmatch(name):
        raise UsageFault(
            f"{what} {name!r} cannot be a file name",
            hint="use letters, digits, dots, hyphens and underscores, and begin with a letter or a digit",
        )
    return name


@contextmanager
def hold_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of `folder` until the block ends, which should be milliseconds later. Raises EnvironmentFailed."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = (folder / ".lock").open("a")
    except OSError as fault:
        raise EnvironmentFailed(f"{folder}: cannot be written: {fault}") from fault
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def replace_text(path: Path, text: str) -> None:
    """Make `text` the whole content of `path` in one step, byte for byte. Raises EnvironmentFailed."""
    _replace(path, text.encode("utf-8", "surrogatepass"), _skip_flush)


def replace_durably(path: Path, text: str) -> None:
    """Like `replace_text`; the content is on the disk when this returns, so it also survives a power failure."""
    _replace(path, text.encode("utf-8", "surrogatepass"), _flush)


def _replace(path: Path, content: bytes, flush: Callable[[int], None]) -> None:
    temporary = path.parent / f".{path.name}.{os.getpid()}-{secrets.token_hex(3)}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with temporary.open("wb") as handle:
            handle.write(content)
            handle.flush()
            flush(handle.fileno())
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            flush(folder)
        finally:
            os.close(folder)
    except OSError as fault:
        temporary.unlink(missing_ok=True)
        raise EnvironmentFailed(f"{path}: cannot be written: {fault}") from fault


def _skip_flush(_: int) -> None:
    """A rename without a flush survives the death of every process, though not a power failure."""


def _flush(handle: int) -> None:
    os.fsync(handle)


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in `path`, or None when there is no such file. Raises EnvironmentFailed."""
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as fault:
        raise EnvironmentFailed(f"{path}: cannot be read: {fault}", hint="remove the file, or its folder") from fault
    if not isinstance(content, dict):
        raise EnvironmentFailed(f"{path}: expected an object, found {type(content).__name__}")
    return content
