"""The line of releases that want to write one gateway's files, as a file beside the journal.

A ticket of a process that has ended is passed over at once: the kernel tells who runs.
"""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gatewayctl.adapters.files.locking import hold_lock, read_json, replace_text
from gatewayctl.adapters.files.processes import is_alive, read_start_time
from gatewayctl.domain.turns import Line, Ticket
from gatewayctl.ports import Clock


class FileTurns:
    """Implements ports.Turns with `root/turns/line.json`; every process on this machine reads the same clock."""

    def __init__(self, root: Path, clock: Clock) -> None:
        self._folder, self._clock = root / "turns", clock
        self._process = (os.getpid(), read_start_time(os.getpid()))

    def has_line(self) -> bool:
        """Whether somebody is in line. Raises EnvironmentFailed."""
        return bool(self._read()[0].tickets)

    def place(self, app: str, release: str) -> int:
        """The place of `release`, which joins at the end. Raises EnvironmentFailed."""
        with hold_lock(self._folder):
            line, processes = self._read()
            line = line.stand(app, release, self._clock.wall())
            self._write(line, {**processes, release: self._process})
        return line.place(release)

    def leave(self, release: str) -> None:
        """Take `release` out of the line. Raises EnvironmentFailed."""
        with hold_lock(self._folder):
            line, processes = self._read()
            self._write(line.leave(release), processes)

    @property
    def _path(self) -> Path:
        return self._folder / "line.json"

    def _read(self) -> tuple[Line, dict[str, tuple[int, str]]]:
        """The tickets of those that live, and the process of each (pid and start time). A broken file is no line."""
        found: dict[str, Any] = read_json(self._path) or {}
        try:
            rows = [(Ticket(**row["ticket"]), (int(row["pid"]), str(row["started"]))) for row in found["line"]]
        except (KeyError, TypeError, ValueError):
            rows = []
        processes = {ticket.release: process for ticket, process in rows}
        line = Line(tuple(ticket for ticket, _ in rows))
        return line.alive(self._clock.wall(), lambda release: not is_alive(*processes[release])), processes

    def _write(self, line: Line, processes: dict[str, tuple[int, str]]) -> None:
        rows = [
            {"ticket": asdict(one), "pid": processes[one.release][0], "started": processes[one.release][1]}
            for one in line.tickets
        ]
        replace_text(self._path, json.dumps({"line": rows}) + "\n")
