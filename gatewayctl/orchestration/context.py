"""What a step works with: ports, release, and the fence that keeps a process that was overtaken from writing."""

from collections.abc import Callable
from dataclasses import dataclass, field

from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.judge.state import JudgeState
from gatewayctl.domain.lifecycle import WAY_OUT
from gatewayctl.domain.place import GatewayLocation
from gatewayctl.domain.platform import Replica, VersionedFiles, Workload
from gatewayctl.domain.release import Release
from gatewayctl.domain.routing import Change, Files, RouteView, own_routes
from gatewayctl.gateways.product import Watches
from gatewayctl.ports import (
    Activation,
    Address,
    Checker,
    Clock,
    Dialect,
    Evidence,
    Journal,
    Leases,
    PlatformCheck,
    Prober,
    ProgressListener,
    Readback,
    Registry,
    Replicas,
    RouteStore,
    SignalSource,
    Suites,
    Turns,
    WorkloadReader,
    WorkloadWriter,
)
from gatewayctl.waiting import Backoff, Deadline, InProportion, pause, until

_TICK_EVERY = 0.1  # seconds
_KEEP_SECONDS = 30.0  # in which a document is kept: a disk that is full longer needs a person, and a release does not
FILES = "the gateway's files"  # beside Deployments, whose names have no spaces


def no_address(workload: str) -> str:
    """ports.Address where the platform does not know addresses."""
    raise EnvironmentFailed(
        f"nobody can tell the IP address of the Service {workload} here", hint="set canary_host in gatewayctl.yaml"
    )


class NoLine:
    """ports.Turns where writers cannot wait for each other: each tries at once, and again after a pause."""

    def has_line(self) -> bool:
        """Never."""
        return False

    def place(self, app: str, release: str) -> int:  # noqa: ARG002 (names of the port)
        """Always the first."""
        return 1

    def leave(self, release: str) -> None:
        """Nothing to give back."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """One gateway: its place, how its rules are spelled and stored, its replicas, how they are read back and loaded.

    `registry` is where it looks up services that register themselves; None where the configuration names none.
    """

    dialect: Dialect
    checker: Checker
    readback: Readback
    store: RouteStore
    replicas: Replicas
    prober: Prober
    activation: Activation = field(default_factory=Watches)
    registry: Registry | None = None
    place: GatewayLocation = field(kw_only=True)

    def own_routes(self, app: str) -> tuple[RouteView, ...]:
        """The routes of the gateway's files that are the canary rule of `app`, as they are now."""
        return own_routes(self.dialect.routes(self.store.read().files), app)


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything outside, as the wiring chose it; `inspections` are the platform's own preconditions.

    `signals` are the sources of what is known of both versions. `address` is asked where a product's rule
    needs an IP address.
    """

    gateway: Gateway
    workloads: WorkloadReader
    workload_writer: WorkloadWriter
    suites: Suites
    journal: Journal
    leases: Leases
    evidence: Evidence
    clock: Clock
    listener: ProgressListener
    inspections: tuple[PlatformCheck, ...] = ()
    address: Address = no_address
    turns: Turns = field(default_factory=NoLine)
    signals: tuple[SignalSource, ...] = ()


@dataclass(frozen=True, slots=True)
class Fence:
    """The check between reading an object and replacing it, so that a process that was overtaken does not write.

    A process that takes a release over writes the journal first, and then replaces every object of its step once more.
    So a version that was read *after* its journal write must not be replaced: `verify_ownership` reads the journal
    itself and raises Superseded; it is later than the read of the object, so it sees that write. A version from
    before needs no check: the other process replaces it, and our compare-and-swap on it fails from then on.
    Two kinds are from before for certain, and `known` has them by object name: what was read before our own journal
    write that began this drive (theirs comes later), and what a fenced write of ours made (it would have failed).
    For these `poll_ownership`, which may lag behind, is only there to stop early.
    """

    verify_ownership: Callable[[], None]
    poll_ownership: Callable[[], None]
    known: dict[str, str] = field(default_factory=dict)

    def check(self, name: str, version: str) -> None:
        """Return when this version of an object may be replaced. Raises Superseded, Busy."""
        if self.known.get(name) == version:
            self.poll_ownership()
        else:
            self.verify_ownership()


@dataclass(slots=True)
class Memory:
    """What one process remembers while it drives a release; a process that takes the release over does without it.

    `known` has versions of objects as in Fence. `judged` is all that the judge remembers; the journal has a short form.
    """

    known: dict[str, str] = field(default_factory=dict)
    judged: JudgeState | None = None


@dataclass(frozen=True, slots=True)
class StepContext:
    """One step of one release. `fence` is checked before every write; `tick` reports progress, and may stop a wait.

    `unkept` has the documents that could not be written, `unannounced` the versions of the route files that this step
    wrote since the gateway was told.
    """

    ports: Ports
    release: Release
    fence: Fence
    tick: Callable[[str], None]
    unkept: list[str] = field(default_factory=list)
    unannounced: list[str] = field(default_factory=list)
    memory: Memory = field(default_factory=Memory)

    def deadline(self, within: float, every: float | Backoff | InProportion = 0.1) -> Deadline:
        """Wait at most `within` seconds, with `every` seconds between two looks."""
        return Deadline(self.ports.clock, self.tick, within, every)

    def pause(self, seconds: float, detail: str) -> None:
        """Let `seconds` pass, with `detail` as progress."""
        self.tick(detail)
        pause(seconds, self.ports.clock, lambda: self.tick(detail), _TICK_EVERY)

    def replicas(self) -> tuple[Replica, ...]:
        """The gateway's replicas now."""
        return self.ports.gateway.replicas.list()

    def change(self, expected: Workload, *, image: str | None = None, replicas: int | None = None) -> Workload:
        """Change a workload after reading it, fenced: read, then fence, then swap. Raises StaleWrite, Superseded."""
        self.fence.check(expected.name, expected.version)
        changed = self.ports.workload_writer.change(expected, image=image, replicas=replicas)
        self.fence.known[expected.name] = changed.version
        return changed

    def write(self, files: Files, expected: VersionedFiles) -> VersionedFiles:
        """Write route files after reading them, fenced the same way. Raises StaleWrite, Superseded."""
        self.fence.check(FILES, expected.version)
        written = self.ports.gateway.store.write(files, expected)
        self.fence.known[FILES] = written.version
        self.unannounced.append(written.version)
        return written

    def announce(self) -> None:
        """Make the gateway look at its route files now, if they were written since it was told last."""
        if self.unannounced:
            self.ports.gateway.store.announce()
            self.unannounced.clear()

    def keep(self, name: str, text: str) -> None:
        """Put a document into the release's evidence; when that fails, it is told once in a step, and the step goes on.

        A disk that is full is waited for, once in a step, but not on the way out: there nothing comes before the way
        back.
        """
        patience = 0.0 if self.unkept or self.release.phase in WAY_OUT else _KEEP_SECONDS

        def put() -> bool:
            self.ports.evidence.put(self.release.id, name, text)
            return True

        try:
            until(put, f"{name} to be kept as evidence", self.deadline(patience, Backoff(self.release.id, 0.5, 5.0)))
        except EnvironmentFailed as fault:
            self.unkept.append(name)
            if len(self.unkept) == 1:
                self.tick(f"not kept as evidence: {name}: {fault}")

    def keep_change(self, label: str, before: Files, change: Change) -> None:
        """The files of an edit before and after it, as evidence."""
        for moment, files in (("before", before), ("after", change.apply(before))):
            for file in files:
                self.keep(f"{label}/{moment}/{file.name}", file.text)
