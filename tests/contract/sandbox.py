"""The sandbox under the contract: real processes for the platform, real files for the books."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from gatewayctl.adapters.clock import SystemClock
from gatewayctl.adapters.files.evidence import FileEvidence
from gatewayctl.adapters.files.journal import FileJournal
from gatewayctl.adapters.files.leases import FileLeases
from gatewayctl.adapters.sandbox.cluster import Life, up
from gatewayctl.adapters.sandbox.replicas import Rehearsal, SandboxReplicas
from gatewayctl.adapters.sandbox.routes import SandboxRouteStore
from gatewayctl.adapters.sandbox.workloads import SandboxWorkloads
from gatewayctl.domain.platform import Holder
from tests.contract.harness import Books, Names, Platform

WORLD = Path(__file__).parents[2] / "gateway-config" / "sandbox.yaml"


class SandboxPlatform:
    """ports of a sandbox that runs the example shop."""

    names = Names(
        busy="orders",
        idle="orders-canary",
        image="shop/orders:1.0",
        next_image="shop/orders:1.1",
        crashing="shop/orders:1.1-crash",
        unready="shop/orders:1.1-unready",
        unknown="shop/orders:0.0",
    )

    def __init__(self, root: Path) -> None:
        self.workloads = self.workload_writer = SandboxWorkloads(root)
        self.routes = SandboxRouteStore(root)
        self.replicas = SandboxReplicas(root)
        self._rehearsal = Rehearsal(root)
        self._first = self.routes.read().files

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
        deadline = time.monotonic() + 15
        while not ready():
            assert time.monotonic() < deadline, f"waited 15 s for {what}"
            time.sleep(0.02)

    def a_text(self, mark: str) -> str:
        return f"{self._first[0].text}# {mark}: é, blanks \t \r\n\r\n# and no final newline"

    def take_down(self, replica: str) -> None:
        self._rehearsal.hold(replica)

    def bring_back(self, replica: str) -> None:
        self._rehearsal.let_go(replica)


class MovingClock(SystemClock):
    """Real time, moved ahead at will."""

    ahead = 0.0

    def wall(self) -> float:
        return super().wall() + self.ahead


class SandboxBooks:
    """ports of the files of a sandbox, which need no process."""

    kept, ttl = 5, 60.0

    def __init__(self, root: Path) -> None:
        self._clock = MovingClock()
        self.journal = FileJournal(root, keep=self.kept)
        self.leases = FileLeases(root, self._clock, ttl=self.ttl)
        self.evidence = FileEvidence(root)
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def here(self, actor: str) -> Holder:
        process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        self._processes[process.pid] = process
        return Holder(actor, os.uname().nodename, process.pid, self._clock.wall())

    def elsewhere(self, actor: str) -> Holder:
        return Holder(actor, "elsewhere.example", 4711, self._clock.wall())

    def end_process(self, holder: Holder) -> None:
        process = self._processes.pop(holder.pid)
        process.kill()
        process.communicate()

    def pass_time(self, seconds: float) -> None:
        self._clock.ahead += seconds

    def document(self, release: str, name: str) -> str | None:
        path = Path(self.evidence.folder(release), name)
        return path.read_bytes().decode() if path.exists() else None

    def close(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.communicate()


@contextmanager
def sandbox_platform(folder: Path) -> Iterator[Platform]:
    """A sandbox for a whole session."""
    root = folder / "sandbox"
    with up(root, WORLD, life=Life.OWNED, clock=SystemClock()):
        yield SandboxPlatform(root)


@contextmanager
def sandbox_books(folder: Path) -> Iterator[Books]:
    """Empty books."""
    books = SandboxBooks(folder)
    try:
        yield books
    finally:
        books.close()
