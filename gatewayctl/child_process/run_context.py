"""How the child process talks with its parent: it reads its run context from a file, and writes JSON lines to another.

Everything in this package runs inside the user's pytest or locust process, so it imports only the domain.
"""

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

    One write per line, so that the lines of several processes (pytest-xdist) never mix.
    """

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def write(self, **event: object) -> None:
        """Append one object."""
        os.write(self._file, json.dumps(event).encode() + b"\n")
