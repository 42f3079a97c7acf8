"""Files that several processes read and write at the same time.

A file is replaced by a rename, so a reader needs no lock: it sees the old content or the new one, never a part. Reading
a file and writing it again takes the folder's lock; the kernel releases it when the process that holds it dies.
"""

import errno
import fcntl
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gatewayctl.domain.errors import EnvironmentFailed, Transient, UsageFault
from gatewayctl.domain.nesting import parse_json

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_LARGEST = 64 * 1024 * 1024  # bytes of a file of ours; a journal has some hundred thousand
# No space or no quota left, a limit on the size of files, a disk or a network file system in trouble, too many open
# files: all of them have been over a moment later. A missing right or a read-only disk is no such thing.
_PASSING = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN}
_PASSING |= {errno.EINTR, errno.ENOLCK, errno.ENOMEM, errno.EMFILE, errno.ENFILE}


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
        raise unwritable(folder, fault) from fault
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as fault:
            raise unwritable(folder, fault) from fault
        yield


def unwritable(path: Path, fault: OSError) -> EnvironmentFailed:
    """The error for a file that cannot be written: Transient for a full disk and the like, which may be over soon."""
    kind = Transient if fault.errno in _PASSING else EnvironmentFailed
    return kind(f"{path}: cannot be written: {fault}")


def unreadable(path: Path, fault: OSError | ValueError, hint: str = "") -> EnvironmentFailed:
    """The error for a file that cannot be read, likewise."""
    kind = Transient if isinstance(fault, OSError) and fault.errno in _PASSING else EnvironmentFailed
    return kind(f"{path}: cannot be read: {fault}", hint=hint)


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
        with suppress(OSError):
            temporary.unlink()
        raise unwritable(path, fault) from fault


def _skip_flush(_: int) -> None:
    """A rename without a flush survives the death of every process, though not a power failure."""


def _flush(handle: int) -> None:
    os.fsync(handle)


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in `path`, or None when there is no such file. Raises EnvironmentFailed."""
    try:
        content = parse_json(read_bounded_file(path))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as fault:
        raise unreadable(path, fault, hint="remove the file, or its folder") from fault
    if not isinstance(content, dict):
        raise EnvironmentFailed(f"{path}: expected an object, found {type(content).__name__}")
    return content


def read_bounded_file(path: Path) -> bytes:
    """The whole of a file of ours or of a child process. Raises OSError, and ValueError for one that is too large."""
    with path.open("rb") as stream:
        content = stream.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"larger than {_LARGEST} bytes")
    return content
