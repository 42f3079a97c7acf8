"""The in-memory world under the contract, so that what the release machine is tried on behaves like the real thing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gatewayctl.domain.platform import Holder
from tests.contract.harness import Books, Names, Platform
from tests.fakes.world import (
    KEPT,
    ROUTES,
    TTL,
    MemoryEvidence,
    MemoryGateway,
    MemoryJournal,
    MemoryLeases,
    MemoryRouteStore,
    MemoryWorkloads,
    World,
)


class MemoryPlatform:
    """The platform ports of a fresh world for each test."""

    names = Names(
        busy="orders",
        idle="orders-canary",
        image="shop/orders:1.0",
        next_image="shop/orders:1.1",
        crashing="shop/orders:1.1-crash",
        unready="shop/orders:1.1-unready",
        unknown="shop/orders:0.0",
    )

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.world = World()
        self.workloads = MemoryWorkloads(self.world)
        self.routes = MemoryRouteStore(self.world)
        self.replicas = MemoryGateway(self.world)

    def settle(self, ready: Callable[[], bool], what: str) -> None:
        for _ in range(300):
            if ready():
                return
            self.world.sleep(0.1)
        raise AssertionError(f"waited 30 s for {what}")

    def a_text(self, mark: str) -> str:
        return f"{ROUTES}# {mark}: é, and no final newline"

    def take_down(self, replica: str) -> None:
        self.world.down.add(replica)

    def bring_back(self, replica: str) -> None:
        self.world.down.discard(replica)


class MemoryBooks:
    """The book ports of a fresh world."""

    kept, ttl = KEPT, TTL

    def __init__(self) -> None:
        self.world = World()
        self.journal = MemoryJournal(self.world)
        self.leases = MemoryLeases(self.world)
        self.evidence = MemoryEvidence(self.world)
        self._pid = 100

    def here(self, actor: str) -> Holder:
        self._pid += 1
        return Holder(actor, "host", self._pid, self.world.wall())

    def elsewhere(self, actor: str) -> Holder:
        return Holder(actor, "elsewhere.example", 4711, self.world.wall())

    def gone(self, holder: Holder) -> None:
        self.world.dead.add(holder.pid)

    def pass_time(self, seconds: float) -> None:
        self.world.time += seconds

    def document(self, release: str, name: str) -> str | None:
        return self.world.documents.get((release, name))


@contextmanager
def memory_platform(_folder: Path) -> Iterator[Platform]:
    """A world in memory."""
    yield MemoryPlatform()


@contextmanager
def memory_books(_folder: Path) -> Iterator[Books]:
    """Empty books in memory."""
    yield MemoryBooks()
