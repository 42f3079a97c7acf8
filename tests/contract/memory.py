"""The in-memory world under the contract, so that what the release machine is tried on behaves like the real thing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock

from gatewayctl.domain.errors import StaleWrite
from gatewayctl.domain.platform import Holder, Workload
from gatewayctl.ports import Journal, WorkloadReader, WorkloadWriter
from tests.contract.harness import SHOP_NAMES, Books, Platform
from tests.fakes.memory import (
    KEPT,
    TTL,
    MemoryEvidence,
    MemoryGateway,
    MemoryJournal,
    MemoryLeases,
    MemoryRouteStore,
    MemoryTurns,
    MemoryWorkloadReader,
    MemoryWorkloadWriter,
)
from tests.fakes.world import ROUTES, World


class MemoryPlatform:
    """The platform ports of a fresh world for each test."""

    names = SHOP_NAMES

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.world = World()
        self.workloads: WorkloadReader = MemoryWorkloadReader(self.world)
        self.workload_writer: WorkloadWriter = MemoryWorkloadWriter(self.world)
        self.routes = MemoryRouteStore(self.world)
        self.replicas = MemoryGateway(self.world)

    def settle(self, ready: Callable[[], bool], what: str) -> None:
        for _ in range(300):
            if ready():
                return
            self.pass_time()
        raise AssertionError(f"waited 30 s for {what}")

    def pass_time(self) -> None:
        """A moment of the world."""
        self.world.sleep(0.1)

    def a_text(self, mark: str) -> str:
        return f"{ROUTES}# {mark}: é, and no final newline"

    def take_down(self, replica: str) -> None:
        self.world.down.add(replica)

    def bring_back(self, replica: str) -> None:
        self.pass_time()  # no process starts in no time
        self.world.down.discard(replica)


@dataclass
class Manifest:
    """What a repository asks for of one Deployment; `commit` counts the commits that changed it."""

    image: str
    replicas: int
    commit: int = 1
    committed: float = -1000.0


@dataclass
class Repository:
    """A Git repository, and the controller that brings a cluster to what it asks for. Seconds."""

    world: World
    manifests: dict[str, Manifest]
    sync_delay: float = 0.5
    lock: Lock = field(default_factory=Lock)

    def is_synced(self, name: str) -> bool:
        """Whether the cluster has been asked for what the manifest says."""
        asked, manifest = self.world.deployments[name], self.manifests[name]
        return (asked.image, asked.replicas) == (manifest.image, manifest.replicas)

    def sync(self) -> None:
        """What the controller does whenever it looks."""
        for name, manifest in self.manifests.items():
            if self.world.time >= manifest.committed + self.sync_delay and not self.is_synced(name):
                asked = self.world.deployments[name]
                asked.image, asked.replicas = manifest.image, manifest.replicas
                self.world.reconcile(name)


class RepositoryWriter:
    """ports.WorkloadWriter: each change is a commit."""

    def __init__(self, repository: Repository, reader: WorkloadReader) -> None:
        self.repository, self.reader = repository, reader

    def change(self, expected: Workload, *, image: str | None = None, replicas: int | None = None) -> Workload:
        with self.repository.lock:
            manifest = self.repository.manifests[expected.name]
            if str(manifest.commit) != expected.version:
                raise StaleWrite(f"{expected.name} was changed by another commit")
            manifest.image = manifest.image if image is None else image
            manifest.replicas = manifest.replicas if replicas is None else replicas
            manifest.commit += 1
            manifest.committed = self.repository.world.time
            return self.reader.read(expected.name)


class ClusterBesideRepository:
    """ports.WorkloadReader: asked for by the repository, running in the cluster."""

    lag = 0.0
    readiness_gap = 5.0
    staleness = 0.0

    def __init__(self, repository: Repository, cluster: WorkloadReader) -> None:
        self.repository, self.cluster = repository, cluster

    def read_now(self, name: str) -> Workload:
        return self.read(name)

    def read(self, name: str) -> Workload:
        running = self.cluster.read(name)
        manifest, synced = self.repository.manifests[name], self.repository.is_synced(name)
        return replace(
            running,
            image=manifest.image,
            replicas=manifest.replicas,
            version=str(manifest.commit),
            ready=running.ready if running.image == manifest.image else 0,
            observed=synced and running.observed,
            trouble=running.trouble if synced else None,
        )

    def logs(self, name: str, lines: int = 20) -> str:
        return self.cluster.logs(name, lines)


class RepositoryPlatform(MemoryPlatform):
    """The same world where Deployments are written in a repository and read in the cluster."""

    def reset(self) -> None:
        super().reset()
        manifests = {name: Manifest(one.image, one.replicas) for name, one in self.world.deployments.items()}
        self.repository = Repository(self.world, manifests)
        self.workloads = ClusterBesideRepository(self.repository, MemoryWorkloadReader(self.world))
        self.workload_writer = RepositoryWriter(self.repository, self.workloads)

    def pass_time(self) -> None:
        super().pass_time()
        self.repository.sync()


class MemoryBooks:
    """The book ports of a fresh world."""

    kept, ttl = KEPT, TTL

    def __init__(self) -> None:
        self.world = World()
        self.journal = MemoryJournal(self.world)
        self.leases = MemoryLeases(self.world)
        self.evidence = MemoryEvidence(self.world)
        self.turns = MemoryTurns(self.world)
        self._pid = 100

    def journal_elsewhere(self) -> Journal:
        return MemoryJournal(self.world)

    def here(self, actor: str) -> Holder:
        self._pid += 1
        return Holder(actor, "host", self._pid, self.world.wall())

    def elsewhere(self, actor: str) -> Holder:
        return Holder(actor, "elsewhere.example", 4711, self.world.wall())

    def end_process(self, holder: Holder) -> None:
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
def repository_platform(_folder: Path) -> Iterator[Platform]:
    """A world in memory whose Deployments are written elsewhere than where they are read."""
    yield RepositoryPlatform()


@contextmanager
def memory_books(_folder: Path) -> Iterator[Books]:
    """Empty books in memory."""
    yield MemoryBooks()
