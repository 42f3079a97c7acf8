"""The ports of one process: the in-memory adapters behind its calls, and a report of every write to the observer."""

import math
from collections.abc import Callable
from typing import TypeVar

from gatewayctl.domain.errors import EnvironmentFailed, Transient
from gatewayctl.domain.evidence import Answer
from gatewayctl.domain.place import GatewayLocation
from gatewayctl.domain.platform import Holder, Probe, Replica, RuleProof, UpstreamProof, VersionedFiles
from gatewayctl.domain.release import Record, Release
from gatewayctl.domain.routing import CanaryRule, Files
from gatewayctl.orchestration.context import Gateway, Ports
from gatewayctl.ports import Suites
from tests.fakes.memory import (
    TTL,
    MemoryEvidence,
    MemoryJournal,
    MemoryLeases,
    MemoryRouteStore,
    MemoryTurns,
    MemoryWorkloadWriter,
)
from tests.fakes.toy import StamplessToyDialect, ToyChecker, ToyDialect, proof_of
from tests.simulation.conditions import LIST_LAG, MOVED_LAG
from tests.simulation.coverage import IN_FLIGHT, RULE, name_of
from tests.simulation.deployments import SimWorkloadReader, SimWorkloadWriter
from tests.simulation.dialect import UPSTREAMS, SplitChecker, SplitDialect
from tests.simulation.faults import Fault, Kind
from tests.simulation.listings import Gate
from tests.simulation.process import Process
from tests.simulation.signals import SimSignals
from tests.simulation.troubles import Trouble

T = TypeVar("T")
_FRESH = 3  # a renewal is sent when this part of the time to live has passed since the last one


class SimRouteStore:
    """ports.RouteStore; `written` is the version that its own last write made."""

    def __init__(self, process: Process, inner: MemoryRouteStore) -> None:
        self.process, self.inner = process, inner
        self.watch_delay = inner.watch_delay
        self.written = 0

    def read(self) -> VersionedFiles:
        found = self.process.call("read routes", self.inner.read, Kind.READ)
        return found if int(found.version) >= self.written else self.inner.read()

    def write(self, files: Files, expected: VersionedFiles) -> VersionedFiles:
        """Objects are written one after the other: a later one may be refused when the first is there."""
        if not self.process.world.has_objects or len(files) < 2:
            return self._write(files, expected)
        for file in files:
            expected = self._write((file,), expected)
        self.process.state.tally.add("objects written one after the other")
        return expected

    def announce(self) -> None:
        self.inner.announce()

    def _write(self, files: Files, expected: VersionedFiles) -> VersionedFiles:
        process, writer = self.process, self.process.writer()

        def run() -> VersionedFiles:
            before = process.world.published[-1][1]
            written = self.inner.write(files, expected)
            self.written = int(written.version)
            process.state.observer.check_route_write(writer, before, written.files)
            return written

        with process.pending_write("routes", expected.version):
            return process.call("write " + (", ".join(file.name for file in files) or "nothing"), run, Kind.WRITE)


class SimGateway:
    """ports.Replicas, ports.Prober and ports.Readback."""

    removal_delay = 5.0
    endpoint_delay = 20.0
    staleness = LIST_LAG

    def __init__(self, process: Process) -> None:
        self.process, self.world = process, process.world

    def list_now(self) -> tuple[Replica, ...]:
        return self._list(0.0)

    def list(self) -> tuple[Replica, ...]:
        late = self.world.list_lag
        return self._list(late * self.world.draws.number("replicas / how late they are listed") if late else 0.0)

    def _list(self, lag: float) -> tuple[Replica, ...]:
        def run() -> tuple[Replica, ...]:
            self.process.listed = self.world.time - lag
            return self.world.listings.at(self.process.listed)

        return self.process.call("list replicas", run, Kind.LIST)

    def ask(self, replica: Replica, probe: Probe) -> Answer:
        process = self.process
        if self.world.conditions.lasts(Trouble.HANGING) and replica.name == "gw-0":
            process.state.observer.judge.note_fault(process.app, Fault.FAILED)  # it costs time, and nothing else
            self.world.loop.wait(probe.timeout)
            process.check_alive()
            return Answer(0, {}, error=f"no answer within {probe.timeout:g} s")
        try:
            answer = process.call(f"ask {replica.name}", lambda: self.world.answer_of(replica.name, probe), Kind.ASK)
        except EnvironmentFailed as fault:
            return Answer(0, {}, error=str(fault))
        release = process.release
        if release is not None:
            process.coverage.note(replica.name, name_of(probe, release))
        return answer

    def rule_of(self, replica: Replica, rule: CanaryRule) -> RuleProof:
        if self.world.is_mute:
            return RuleProof(asked=False)

        def run(gate: Gate) -> RuleProof:
            self.process.coverage.note(gate.name, RULE)
            return proof_of(self.world.files_shown_by(gate).routes, rule, stamps=not self.world.is_stampless)

        return self._admin(f"rule of {replica.name}", replica, run)

    def upstream_ready(self, replica: Replica, upstream: str) -> UpstreamProof:
        if self.world.is_mute:
            return UpstreamProof(asked=False)

        def run(gate: Gate) -> UpstreamProof:
            known = self.world.files_run_by(gate).known
            if known is None or upstream in known:
                return UpstreamProof(asked=True, endpoints=1)
            return UpstreamProof(asked=True, endpoints=0, detail=f"{upstream} is unknown", known=False)

        return self._admin(f"upstream of {replica.name}", replica, run)

    def in_flight(self, replica: Replica, upstream: str) -> int | None:
        if self.world.is_mute or not self.world.counts_in_flight:
            return None

        def run(gate: Gate) -> int:
            self.process.coverage.note(gate.name, IN_FLIGHT)
            return self.world.in_flight(gate, upstream)

        return self._admin(f"in flight at {replica.name}", replica, run)

    def _admin(self, effect: str, replica: Replica, run: Callable[[Gate], T]) -> T:
        def asked() -> T:
            gate = self.world.gates.get(replica.name)
            if gate is None or not gate.up:
                raise Transient(f"{replica.name} does not answer")
            return run(gate)

        return self.process.call(effect, asked, Kind.ASK)


class SimJournal:
    """ports.Journal."""

    def __init__(self, process: Process, inner: MemoryJournal) -> None:
        self.process, self.inner, self.staleness = process, inner, MOVED_LAG

    def load(self, app: str) -> Record | None:
        record = self.process.call(f"load journal of {app}", lambda: self.inner.load(app), Kind.READ)
        if record is not None and not record.release.ended and not self.process.meant:
            self.process.meant = record.release.id
        return record

    def save(self, app: str, release: Release, expected: int) -> Record:
        process, writer = self.process, self.process.writer()

        def run() -> Record:
            before = process.world.records.get(app)
            record = self.inner.save(app, release, expected)
            process.world.conditions.note_move(app, record.version)
            process.world.dirty = True
            process.state.observer.check_journal_write(writer, before, record)
            process.completed |= release.ended
            return record

        effect = f"journal {app} {release.id} {release.phase} {release.outcome}"
        with process.pending_write("journal", str(expected)):
            return process.call(effect, run, Kind.WRITE)

    def has_moved(self, app: str, version: int) -> bool:
        def run() -> bool:
            return self.inner.load(app) is None or self.process.world.conditions.known_move(app) > version

        return self.process.call(f"look at the journal of {app}", run, Kind.READ)

    def history(self, app: str) -> tuple[Release, ...]:
        return self.inner.history(app)


class SimLeases:
    """ports.Leases, which send no renewal while the last one is recent.

    Each time that the lease changes hands, the new holder gets a higher number.
    """

    def __init__(self, process: Process, inner: MemoryLeases) -> None:
        self.process, self.inner = process, inner
        self.safe_time = TTL - TTL / _FRESH
        self._renewed: dict[str, float] = {}

    def acquire(self, app: str, holder: Holder) -> None:
        self._take(f"take lease of {app}", app, holder, self.inner.acquire)

    def renew(self, app: str, holder: Holder) -> None:
        if not 0 <= self.process.wall() - self._renewed.get(app, -math.inf) < TTL / _FRESH:
            self._take(f"renew lease of {app}", app, holder, self.inner.renew)

    def _take(self, effect: str, app: str, holder: Holder, take: Callable[[str, Holder], None]) -> None:
        def run() -> None:
            before = self.process.world.holders.get(app)
            take(app, holder)
            if before != holder or app not in self.process.grants:
                self.process.state.observer.fences.note_taken(self.process, app, before)

        sent = self.process.wall()
        self.process.call(effect, run, Kind.LEASE)
        self._renewed[app] = sent

    def release(self, app: str, holder: Holder) -> None:
        self._renewed.pop(app, None)
        try:
            self.process.call(f"give back lease of {app}", lambda: self.inner.release(app, holder), Kind.LEASE)
        finally:  # it means to hold it no longer, also when that could not be said
            self.process.state.observer.fences.note_released(self.process, app)

    def holder(self, app: str) -> Holder | None:
        return self.process.call(f"look at lease of {app}", lambda: self.inner.holder(app), Kind.READ)


class SimTurns:
    """ports.Turns: one line of all releases, kept where the gateway's files are."""

    def __init__(self, process: Process) -> None:
        self.process, self.inner = process, MemoryTurns(process.world)

    def has_line(self) -> bool:
        return self.inner.has_line()

    def place(self, app: str, release: str) -> int:
        place = self.process.call("stand in line", lambda: self.inner.place(app, release), Kind.LIST)
        self.process.state.tally.add("stood in line" if place == 1 else "waited in line")
        return place

    def leave(self, release: str) -> None:
        self.process.call("leave the line", lambda: self.inner.leave(release), Kind.LIST)


class SimEvidence(MemoryEvidence):
    """ports.Evidence on a disk that may be full."""

    def __init__(self, process: Process) -> None:
        super().__init__(process.world)
        self.process, self.conditions = process, process.world.conditions

    def put(self, release: str, name: str, text: str) -> None:
        try:
            self.conditions.check_disk(name)
        except EnvironmentFailed:
            self.process.state.observer.judge.note_fault(self.process.app, Fault.FAILED)
            raise
        super().put(release, name, text)


class SilentListener:
    """ports.ProgressListener that ignores everything."""

    def started(self, step: str) -> None: ...

    def progress(self, step: str, text: str) -> None: ...

    def ended(self, step: str, mark: str, text: str, seconds: float) -> None: ...


def ports_of(process: Process, suites: Suites) -> Ports:
    """Every port of a process."""
    world, gateway = process.world, SimGateway(process)
    split = any(file.name == UPSTREAMS for file in world.published[0][1])
    toy = StamplessToyDialect() if world.is_stampless else ToyDialect()
    dialect, checker = (SplitDialect(), SplitChecker()) if split else (toy, ToyChecker())
    store = SimRouteStore(process, MemoryRouteStore(world))
    return Ports(
        Gateway(dialect, checker, gateway, store, gateway, gateway, place=GatewayLocation("toy", process.elsewhere)),
        SimWorkloadReader(process),
        SimWorkloadWriter(process, MemoryWorkloadWriter(world)),
        suites,
        SimJournal(process, MemoryJournal(world)),
        SimLeases(process, MemoryLeases(world)),
        SimEvidence(process),
        process,
        SilentListener(),
        turns=SimTurns(process),
        signals=(SimSignals(process),),
    )
