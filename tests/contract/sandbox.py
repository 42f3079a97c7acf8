"""The sandbox under the contract: real processes for the platform, real files for the books."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gatewayctl.adapters.clock import SystemClock
from gatewayctl.adapters.files.evidence import FileEvidence
from gatewayctl.adapters.files.journal import FileJournal
from gatewayctl.adapters.files.leases import FileLeases
from gatewayctl.adapters.files.turns import FileTurns
from gatewayctl.adapters.sandbox.cluster import Life, up
from gatewayctl.adapters.sandbox.replicas import SandboxReplicas
from gatewayctl.adapters.sandbox.routes import SandboxRouteStore
from gatewayctl.adapters.sandbox.workloads import SandboxWorkloads
from gatewayctl.ports import Journal
from tests.adapters.sandbox.rehearsal import Rehearsal
from tests.contract.harness import Books, Platform
from tests.contract.on_real_time import RealTimeBooks, RealTimePlatform, closed_at_end

WORLD = Path(__file__).parents[2] / "gateway-config" / "sandbox.yaml"


class SandboxPlatform(RealTimePlatform):
    """ports of a sandbox that runs the example shop."""

    within, pause = 15.0, 0.02

    def __init__(self, root: Path) -> None:
        self.workloads = self.workload_writer = SandboxWorkloads(root)
        self.routes = SandboxRouteStore(root)
        self.replicas = SandboxReplicas(root)
        self._rehearsal = Rehearsal(root)
        self._first = self.routes.read().files

    def take_down(self, replica: str) -> None:
        self._rehearsal.hold(replica)

    def bring_back(self, replica: str) -> None:
        self._rehearsal.let_go(replica)


class SandboxBooks(RealTimeBooks):
    """ports of the files of a sandbox, which need no process."""

    kept, ttl = 5, 60.0

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root
        self.journal = FileJournal(root, keep=self.kept)
        self.leases = FileLeases(root, self.clock, ttl=self.ttl)
        self.evidence = FileEvidence(root)
        self.turns = FileTurns(root, self.clock)

    def journal_elsewhere(self) -> Journal:
        return FileJournal(self._root, keep=self.kept)


@contextmanager
def sandbox_platform(folder: Path) -> Iterator[Platform]:
    """A sandbox for a whole session."""
    root = folder / "sandbox"
    with up(root, WORLD, life=Life.OWNED, clock=SystemClock()):
        yield SandboxPlatform(root)


@contextmanager
def sandbox_books(folder: Path) -> Iterator[Books]:
    """Empty books."""
    with closed_at_end(SandboxBooks(folder)) as books:
        yield books
