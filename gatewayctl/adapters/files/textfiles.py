"""Replace text files in place: each whole or not at all, with its mode and owner, unless somebody wrote meanwhile."""

import contextlib
import os
import tempfile
from pathlib import Path

from gatewayctl.domain.errors import EnvironmentFailed, StaleWrite
from gatewayctl.domain.routing import Files, SourceFile


def replace(before: Files, after: Files) -> None:
    """Replace the files `before` by `after`, one by one; symbolic links are followed.

    Raises StaleWrite, before anything is written, when a file is not as it was read; EnvironmentFailed when one cannot
    be written.
    """
    for old in before:
        if Path(old.name).read_bytes() != old.text.encode():
            raise StaleWrite(f"{old.name} was changed while it was being edited; nothing was written")
    for new in after:
        try:
            _write(new)
        except OSError as fault:
            raise EnvironmentFailed(f"{new.name}: cannot be written: {fault.strerror}") from fault


def _write(file: SourceFile) -> None:
    target = Path(file.name).resolve()
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(file.text.encode())
            stream.flush()
            os.fsync(stream.fileno())
        status = target.stat()
        os.chmod(name, status.st_mode & 0o7777)  # noqa: PTH101 (beside chown, on the same name)
        with contextlib.suppress(PermissionError):  # not ours to give away: then it stays ours
            os.chown(name, status.st_uid, status.st_gid)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
