"""Every port of the product on one page, in domain types.

A dialect says *what* to write, a route store *where*, a workload writer *how Pods change*: three platforms times N
gateways cost 3 + N pieces. Each port has one contract suite, run on the in-memory fake and on every real adapter.

A port whose reads may be late says by how much: `staleness`, in seconds. The adapter keeps it, also where it is told of
changes and nothing is told. A verdict of failure, and the end of a deadline, are decided by the read beside it that is
never late.
"""

from collections.abc import Callable
from typing import Protocol

from gatewayctl.domain.evidence import Answer
from gatewayctl.domain.load_result import LoadResult
from gatewayctl.domain.platform import (
    Check,
    Holder,
    Probe,
    Replica,
    RuleProof,
    UpstreamProof,
    Validation,
    VersionedFiles,
    Workload,
)
from gatewayctl.domain.registration import Registered
from gatewayctl.domain.release import Record, Release, Target
from gatewayctl.domain.routing import CanaryRule, Change, Files, Limits, RouteView
from gatewayctl.domain.signals import Snapshot
from gatewayctl.domain.smoke import LoadRun, SuiteResult, SuiteRun
from gatewayctl.domain.trial import Suite


class Dialect(Protocol):
    """How one gateway product spells its route rules: text in, text out, nothing else touched."""

    @property
    def limits(self) -> Limits:
        """What it can do, and how its gateway is known to answer odd requests."""

    def routes(self, files: Files) -> tuple[RouteView, ...]:
        """Every route that sends to an upstream, in file order. Raises Refused."""

    def insert(self, files: Files, rule: CanaryRule) -> Change:
        """Add `rule` to every route of its service; a rule of the same owner is replaced. Raises Refused."""

    def remove(self, files: Files, app: str) -> Change:
        """Take away exactly what `insert` added for `app`; what is not there needs no change. Raises Refused."""


class Checker(Protocol):
    """The product's own check of configuration files, before they are published."""

    def check(self, before: Files, after: Files) -> Validation:
        """Whether the product would load `after`. Faults that `before` has, too, are not ours."""


class Readback(Protocol):
    """Reads what one running gateway replica does."""

    def rule_of(self, replica: Replica, rule: CanaryRule) -> RuleProof:
        """How many live routes have exactly this rule. Raises EnvironmentFailed when the replica does not answer."""

    def upstream_ready(self, replica: Replica, upstream: str) -> UpstreamProof:
        """How many healthy endpoints the replica has for `upstream`. Raises EnvironmentFailed likewise."""

    def in_flight(self, replica: Replica, upstream: str) -> int | None:
        """Requests to `upstream` that have not ended yet; None where the product cannot tell."""


class Activation(Protocol):
    """How one gateway replica is made to load its files, where the product does not watch them."""

    def activate(self, replica: Replica) -> str:
        """Make the replica run what the store holds. Returns what is still missing; empty once it runs that.

        Called again until then, so it asks the replica once for each version. Raises EnvironmentFailed.
        """

    def leftovers(self, replica: Replica) -> int | None:
        """Processes of an older configuration that still serve their last requests; None where unknown."""


class WorkloadReader(Protocol):
    """Deployments as they are: their spec, and what really runs."""

    @property
    def lag(self) -> float:
        """Seconds from a Pod's readiness until every node sends requests for its Service to it."""

    @property
    def readiness_gap(self) -> float:
        """Seconds for which a healthy Pod may be seen as not ready, because one probe took too long."""

    @property
    def staleness(self) -> float:
        """Seconds by which `read` may be late."""

    def read(self, name: str) -> Workload:
        """As it was at most `staleness` seconds ago. Raises Missing when it does not exist, EnvironmentFailed.

        Its image, replicas and version are those of the place where the writer beside this reader writes.
        """

    def read_now(self, name: str) -> Workload:
        """The same, not older than the call; a request more. Raises Missing, EnvironmentFailed."""

    def logs(self, name: str, lines: int = 20) -> str:
        """The last log lines of its newest pods."""


class WorkloadWriter(Protocol):
    """Writes image and replicas of Deployments: to the cluster itself, or to the place that it is synced from."""

    def change(self, expected: Workload, *, image: str | None = None, replicas: int | None = None) -> Workload:
        """Set image, replicas or both, if nobody wrote since `expected` was read; else raise StaleWrite.

        Always makes a new version, also when nothing differs: a process that read earlier can then no longer write. The
        version returned is the one that this write made, even if somebody has written since.
        """


class RouteStore(Protocol):
    """Where the gateway's route files are kept, as text."""

    @property
    def watch_delay(self) -> float:
        """Seconds after a write within which everything that watches the files has seen it."""

    def read(self) -> VersionedFiles:
        """All files of the gateway, with the version they were read at. Never older than its own last write."""

    def write(self, files: Files, expected: VersionedFiles) -> VersionedFiles:
        """Replace the files named in `files`, if nobody wrote since `expected`; else raise StaleWrite.

        Always makes a new version, as in `WorkloadWriter.change`, and returns it.
        """

    def announce(self) -> None:
        """Make all that watch the files look at them now, after writes. Does nothing where they look by themselves.

        What this cannot reach looks later, so it raises nothing.
        """


class Replicas(Protocol):
    """The gateway's running processes."""

    @property
    def removal_delay(self) -> float:
        """Seconds within which a replica that has ended is no longer listed."""

    @property
    def endpoint_delay(self) -> float:
        """Seconds within which a replica that runs a rule knows where to send its requests."""

    @property
    def staleness(self) -> float:
        """Seconds by which `list` may be late."""

    def list(self) -> tuple[Replica, ...]:
        """All that should serve, ready or not, as they were at most `staleness` seconds ago."""

    def list_now(self) -> tuple[Replica, ...]:
        """The same, not older than the call; a request more."""


class Prober(Protocol):
    """Requests to one replica, as a client would send them."""

    def ask(self, replica: Replica, probe: Probe) -> Answer:
        """One answer; a broken connection is an Answer with status 0, not an exception."""


class Journal(Protocol):
    """One record per application: the release in progress, or the last one. Compare-and-swap on its version."""

    @property
    def staleness(self) -> float:
        """Seconds by which `has_moved` may be late."""

    def load(self, app: str) -> Record | None:
        """The application's record, or None when it never had a release."""

    def save(self, app: str, release: Release, expected: int) -> Record:
        """Write `release` if the record is still at version `expected` (0: there is none); else raise StaleWrite."""

    def has_moved(self, app: str, version: int) -> bool:
        """Whether the record is known to be at another version; cheap, and at most `staleness` seconds late."""

    def history(self, app: str) -> tuple[Release, ...]:
        """Ended releases, newest first, pruned to a stated number."""


class Leases(Protocol):
    """One live process at a time works on an application. Raises Busy only after another holder was read."""

    @property
    def safe_time(self) -> float:
        """Seconds after a successful `renew` for which nobody else can take the lease."""

    def acquire(self, app: str, holder: Holder) -> None:
        """Take the lease, also from a holder whose process has ended or whose lease has expired; else raise Busy."""

    def renew(self, app: str, holder: Holder) -> None:
        """Extend the lease. Raises Busy when someone else has it, Transient when that cannot be found out now."""

    def release(self, app: str, holder: Holder) -> None:
        """Give the lease back; does nothing when it is not ours any more."""

    def holder(self, app: str) -> Holder | None:
        """Who holds it now."""


class Turns(Protocol):
    """The order in which releases write the files of one gateway. Only order: the compare-and-swap protects the files.

    A release that gives no sign of life for some seconds is passed over, and so is one that does not use its turn.
    """

    def has_line(self) -> bool:
        """Whether others are known to wait; cheap, and may be late by one write. Raises EnvironmentFailed."""

    def place(self, app: str, release: str) -> int:
        """The place of `release` in line, from 1 for whose turn it is; it joins at the end, and gives a sign of life.

        Meant to be asked several times a second. Raises EnvironmentFailed.
        """

    def leave(self, release: str) -> None:
        """Give its place back; does nothing when it has none. Raises EnvironmentFailed."""


PlatformCheck = Callable[[Target], tuple[Check, ...]]
"""Preconditions that only a platform can check: rights, differences of the two Deployments, owners of files."""

Address = Callable[[str], str]
"""The IP address of a workload's Service, which stays for as long as that Service exists. Raises EnvironmentFailed."""

Registry = Callable[[str], Registered]
"""What the registry that a gateway looks services up in has under a name. Raises EnvironmentFailed, UsageFault."""

Tick = Callable[[str], None]


class Suites(Protocol):
    """Functional suites and load, run in child processes through the gateway."""

    def check(self, app: str, suite: Suite) -> str:
        """What will run the suite of an application. Raises UsageFault when it cannot be run."""

    def test(self, run: SuiteRun, tick: Tick) -> SuiteResult:
        """Run the suite; `tick` gets a progress text several times a second and may raise to stop it."""

    def load(self, run: LoadRun, tick: Tick) -> LoadResult:
        """Run the load on stable and canary side by side; `tick` as in `test`."""


class SignalSource(Protocol):
    """What is known of both versions of an application under real traffic, from one source."""

    @property
    def name(self) -> str:
        """What people call it, such as `gateway` or `prometheus`."""

    @property
    def every(self) -> float:
        """Seconds between two reads that can differ: its scrape interval, or how often it may be asked."""

    def read(self, release: Release) -> Snapshot:
        """All counters and gauges now. What could not be read is among its faults; raises UsageFault only."""


class Evidence(Protocol):
    """The documents that are kept of one release, by name."""

    def put(self, release: str, name: str, text: str) -> None:
        """Keep `text` as `name`; replaces an older one."""

    def get(self, release: str, name: str) -> str | None:
        """The document `name`; None when the bundle has none. Raises EnvironmentFailed when it cannot be read."""

    def names(self, release: str) -> tuple[str, ...]:
        """The names of all documents in the bundle, in alphabetical order; none for a release without a bundle."""

    def folder(self, release: str) -> str:
        """The folder in which a person finds the documents."""


class Clock(Protocol):
    """Time, so that waiting can be tested without waiting. Seconds."""

    def now(self) -> float:
        """Monotonic."""

    def wall(self) -> float:
        """Since the epoch."""

    def sleep(self, seconds: float) -> None:
        """Return after so many seconds. Only `waiting` calls it."""


class ProgressListener(Protocol):
    """Shows a person the progress of a release; never part of a decision."""

    def started(self, step: str) -> None:
        """A step begins."""

    def progress(self, step: str, text: str) -> None:
        """It is still going on."""

    def ended(self, step: str, mark: str, text: str, seconds: float) -> None:
        """It ended; `mark` is ✓, ✗, ? or –."""
