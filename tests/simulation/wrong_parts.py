"""Ports and drivers that do one thing wrong; mutations use them in place of the right ones."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from gatewayctl.domain.errors import StaleWrite
from gatewayctl.domain.platform import Holder, Replica, VersionedFiles, Workload
from gatewayctl.domain.release import Record, Release
from gatewayctl.domain.routing import CanaryRule, Change, Files, RouteView, SourceFile, own_routes
from gatewayctl.orchestration.context import Fence, Ports, StepContext
from gatewayctl.orchestration.driver import Driver
from gatewayctl.ports import Dialect, Journal, Leases, Replicas, WorkloadReader
from tests.fakes.memory import TTL, MemoryJournal, MemoryLeases, MemoryRouteStore, MemoryWorkloadWriter
from tests.simulation.deployments import SimWorkloadWriter
from tests.simulation.ports import SimJournal, SimLeases, SimRouteStore
from tests.simulation.process import Process
from tests.simulation.world import APPS


@dataclass(frozen=True, slots=True)
class AlwaysReady:
    """ports.WorkloadReader that takes everything for ready."""

    inner: WorkloadReader
    image: str
    lag: float = 0.0
    readiness_gap: float = 5.0
    staleness: float = 0.0

    def read_now(self, name: str) -> Workload:
        return self.read(name)

    def read(self, name: str) -> Workload:
        return replace(self.inner.read(name), ready=1, image=self.image)


@dataclass(frozen=True, slots=True)
class FirstReplicaOnly:
    """ports.Replicas that knows one."""

    inner: Replicas
    removal_delay: float = 5.0
    endpoint_delay: float = 20.0
    staleness: float = 0.0

    def list_now(self) -> tuple[Replica, ...]:
        return self.list()

    def list(self) -> tuple[Replica, ...]:
        return self.inner.list()[:1]


@dataclass(frozen=True, slots=True)
class NoReplicas:
    """ports.Replicas that lists them, and shows none."""

    inner: Replicas
    removal_delay: float = 5.0
    endpoint_delay: float = 20.0
    staleness: float = 0.0

    def list_now(self) -> tuple[Replica, ...]:
        return self.list()

    def list(self) -> tuple[Replica, ...]:
        return self.inner.list()[:0]


class BlindRoutes(MemoryRouteStore):
    """A store of route files without compare-and-swap."""

    def write(self, files: Files, expected: VersionedFiles) -> VersionedFiles:
        return super().write(files, self.read())


class BlindDeployments(MemoryWorkloadWriter):
    """Deployments without compare-and-swap."""

    def change(self, expected: Workload, *, image: str | None = None, replicas: int | None = None) -> Workload:
        return super().change(self.reader.read(expected.name), image=image, replicas=replicas)


class BlindJournal(MemoryJournal):
    """A journal without compare-and-swap."""

    def save(self, app: str, release: Release, expected: int) -> Record:
        current = self.load(app)
        return super().save(app, release, current.version if current else 0)


@dataclass(slots=True)
class DelayedJournal:
    """ports.Journal that keeps each record for itself until the next one comes."""

    inner: Journal
    kept: tuple[str, Release, int] | None = None
    staleness: float = 0.0

    def load(self, app: str) -> Record | None:
        record = self.inner.load(app)
        if self.kept and record and record.version == self.kept[2]:
            return Record(self.kept[1], self.kept[2] + 1)
        return record

    def save(self, app: str, release: Release, expected: int) -> Record:
        if expected == 0 or release.ended:
            self._write()
            return self.inner.save(app, release, expected)
        self._write()
        self.kept = (app, release, expected)
        return Record(release, expected + 1)

    def has_moved(self, app: str, version: int) -> bool:
        return self.inner.has_moved(app, version - 1 if self.kept else version)

    def _write(self) -> None:
        if self.kept:
            kept, self.kept = self.kept, None
            self.inner.save(*kept)


@dataclass(frozen=True, slots=True)
class NeverRenewed:
    """ports.Leases that are taken once and never again."""

    inner: Leases
    safe_time: float = TTL

    def acquire(self, app: str, holder: Holder) -> None:
        self.inner.acquire(app, holder)

    def renew(self, app: str, holder: Holder) -> None: ...

    def release(self, app: str, holder: Holder) -> None:
        self.inner.release(app, holder)

    def holder(self, app: str) -> Holder | None:
        return self.inner.holder(app)


class GrabbedLeases(MemoryLeases):
    """Leases that are taken from whoever has them."""

    def _take(self, app: str, holder: Holder) -> None:
        self.world.holders.pop(app, None)
        super()._take(app, holder)


@dataclass(frozen=True, slots=True)
class WorseDialect:
    """ports.Dialect with one of its edits spoilt."""

    inner: Dialect
    spoil: Callable[[Files, Change], Change] = lambda _, change: change
    removing: tuple[str, ...] = ()
    leaving_upstreams: bool = False

    @property
    def limits(self) -> object:
        return self.inner.limits

    def routes(self, files: Files) -> tuple[RouteView, ...]:
        return self.inner.routes(files)

    def insert(self, files: Files, rule: CanaryRule) -> Change:
        return self.spoil(files, self.inner.insert(files, rule))

    def remove(self, files: Files, app: str) -> Change:
        change = self.inner.remove(files, app)
        if self.leaving_upstreams:
            has_rule = bool(own_routes(self.inner.routes(files), app))
            change = Change(change.stages[:1] if has_rule else (), change.covered)
        for other in self.removing:
            after = self.inner.remove(change.apply(files), other).apply(change.apply(files))
            changed = tuple(new for new, old in zip(after, files, strict=True) if new != old)
            change = Change((changed,) if changed else ())
        return change


def _reverse(_files: Files, change: Change) -> Change:
    return Change(tuple(reversed(change.stages)), change.covered)


def _drop_header(_files: Files, change: Change) -> Change:
    """A line for everybody before each line for the marked."""

    def spoilt(file: SourceFile) -> SourceFile:
        lines = []
        for line in file.text.splitlines(keepends=True):
            if "-canary\n" in line and " name=" in line and " -> " in line:
                lines.append(f"{line.split()[0]} -> {line.rpartition(' -> ')[2]}")
            lines.append(line)
        return SourceFile(file.name, "".join(lines))

    return Change(tuple(tuple(spoilt(file) for file in state) for state in change.stages), change.covered)


def with_routes_first(ports: Ports, _process: Process) -> Ports:
    """Routes, then the upstreams that they name."""
    return _with_dialect(ports, WorseDialect(ports.gateway.dialect, _reverse))


def without_header(ports: Ports, _process: Process) -> Ports:
    """A rule for everybody."""
    return _with_dialect(ports, WorseDialect(ports.gateway.dialect, _drop_header))


def with_wide_removal(ports: Ports, _process: Process) -> Ports:
    """A removal takes the rules of all applications, not only its own."""
    return _with_dialect(ports, WorseDialect(ports.gateway.dialect, removing=APPS))


def _with_dialect(ports: Ports, dialect: Dialect) -> Ports:
    return replace(ports, gateway=replace(ports.gateway, dialect=dialect))


def with_blind_routes(ports: Ports, process: Process) -> Ports:
    """No compare-and-swap on route files."""
    store = SimRouteStore(process, BlindRoutes(process.world))
    return replace(ports, gateway=replace(ports.gateway, store=store))


def with_blind_deployments(ports: Ports, process: Process) -> Ports:
    """No compare-and-swap on Deployments."""
    return replace(ports, workload_writer=SimWorkloadWriter(process, BlindDeployments(process.world)))


def with_blind_journal(ports: Ports, process: Process) -> Ports:
    """No compare-and-swap on the journal."""
    return replace(ports, journal=SimJournal(process, BlindJournal(process.world)))


def with_delayed_journal(ports: Ports, _process: Process) -> Ports:
    """The journal comes after the effect."""
    return replace(ports, journal=DelayedJournal(ports.journal))


def without_renewal(ports: Ports, _process: Process) -> Ports:
    """The lease runs out while one works."""
    return replace(ports, leases=NeverRenewed(ports.leases))


def with_grabbed_leases(ports: Ports, process: Process) -> Ports:
    """A lease is taken from whoever has it."""
    return replace(ports, leases=SimLeases(process, GrabbedLeases(process.world)))


class UnverifiedWrites(Driver):
    """Writes without asking whether the release is still its own."""

    def _step(self, release: Release, fence: Fence, watch: Callable[[], None]) -> StepContext:
        return Driver._step(self, release, replace(fence, verify_ownership=lambda: None), watch)


class SilentTakeover(Driver):
    """Takes over without writing the journal."""

    def _take_up(self, record: Record) -> Record:
        return record


class LeaselessAbort(Driver):
    """Aborts without taking the lease."""

    def _take_lease(self, app: str) -> None: ...


class ConflictOnLostAnswer(Driver):
    """Takes every lost answer for a write by another process."""

    def _write_journal(
        self, release: Release, version: int, before_retry: Callable[[str], None] = lambda _app: None
    ) -> Record:
        try:
            return self.ports.journal.save(release.app, release, version)
        except StaleWrite as fault:
            raise self._superseded_fault(release, str(fault)) from fault
