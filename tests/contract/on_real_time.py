"""What the worlds with real processes and real time share under the contract: how they wait, and who holds a lease."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from gatewayctl.adapters.clock import SystemClock
from gatewayctl.domain.platform import Holder
from gatewayctl.domain.routing import SourceFile
from gatewayctl.ports import Evidence, Journal, Leases, RouteStore, Turns, WorkloadReader, WorkloadWriter
from tests.contract.harness import SHOP_NAMES

SomeBooks = TypeVar("SomeBooks", bound="RealTimeBooks")


class MovingClock(SystemClock):
    """Real time, moved ahead at will."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead

    def wall(self) -> float:
        return super().wall() + self.ahead


class RealTimePlatform:
    """A running example shop. `within` is how long it may take for anything, `pause` between two looks; seconds."""

    names = SHOP_NAMES
    within: float
    pause: float
    workloads: WorkloadReader
    workload_writer: WorkloadWriter
    routes: RouteStore
    _first: tuple[SourceFile, ...]

    def reset(self) -> None:
        for name, replicas in ((self.names.busy, 1), (self.names.idle, 0)):
            found = self.workloads.read(name)
            if (found.image, found.replicas) != (self.names.image, replicas):
                self.workload_writer.change(found, image=self.names.image, replicas=replicas)
            self.settle(partial(self._is_settled, name), f"{name} as at the beginning")
        stored = self.routes.read()
        if stored.files != self._first:
            self.routes.write(self._first, stored)

    def _is_settled(self, name: str) -> bool:
        return self.workloads.read(name).settled

    def settle(self, ready: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + self.within
        while not ready():
            assert time.monotonic() < deadline, f"waited {self.within} s for {what}"
            time.sleep(self.pause)

    def a_text(self, mark: str) -> str:
        return f"{self._first[0].text}# {mark}: é, blanks \t \r\n\r\n# and no final newline"


class RealTimeBooks:
    """Holders of leases `here` are real processes, which can be ended; the clock can be moved ahead."""

    kept: int
    ttl: float
    journal: Journal
    leases: Leases
    evidence: Evidence
    turns: Turns

    def __init__(self) -> None:
        self.clock = MovingClock()
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def here(self, actor: str) -> Holder:
        process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        self._processes[process.pid] = process
        return Holder(actor, os.uname().nodename, process.pid, self.clock.wall())

    def elsewhere(self, actor: str) -> Holder:
        return Holder(actor, "elsewhere.example", 4711, self.clock.wall())

    def end_process(self, holder: Holder) -> None:
        process = self._processes.pop(holder.pid)
        process.kill()
        process.communicate()

    def pass_time(self, seconds: float) -> None:
        self.clock.ahead += seconds

    def document(self, release: str, name: str) -> str | None:
        path = Path(self.evidence.folder(release), name)
        return path.read_bytes().decode() if path.exists() else None

    def close(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.communicate()


@contextmanager
def closed_at_end(books: SomeBooks) -> Iterator[SomeBooks]:
    """The books; their processes end with the block."""
    try:
        yield books
    finally:
        books.close()
