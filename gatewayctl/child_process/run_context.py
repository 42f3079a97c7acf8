"""How the child process talks with its parent: it reads its run context from a file, and writes JSON lines to another.

Everything in this package runs inside the user's pytest or locust process, so it imports only the domain.
"""

import contextlib
import json
import os
from pathlib import Path

from gatewayctl.domain.smoke import RUN_CONTEXT_VARIABLE, RunContext


def read_run_context() -> RunContext | None:
    """The run context of this process; None when gatewayctl did not start it."""
    path = os.environ.get(RUN_CONTEXT_VARIABLE)
    return RunContext.from_json(Path(path).read_text()) if path else None


class EventFile:
    """Appends JSON objects to a file, one a line.

    One write per line, so that the lines of several processes (pytest-xdist, forked children) never mix.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._open()

    def write(self, **event: object) -> None:
        """Append one object. A line that cannot be written (a full disk) is missing, but fails no test."""
        line = json.dumps(event).encode() + b"\n"
        with contextlib.suppress(OSError):
            if not self._is_open():
                self._open()
            os.write(self._file, line)

    def _open(self) -> None:
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        status = os.fstat(self._file)
        self._identity = status.st_dev, status.st_ino

    def _is_open(self) -> bool:
        """False when the process closed the file among others; its number may be that of another file now."""
        try:
            status = os.fstat(self._file)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self._identity
