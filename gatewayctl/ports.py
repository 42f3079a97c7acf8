"""Every seam of the product on one page, in domain types.

A dialect says *what* to write, a route store *where*, a workload platform *how pods change*: three destinations times
N gateways cost 3 + N pieces. Each port has one contract suite, run on the in-memory fake and on every real adapter.
"""

from collections.abc import Callable
from typing import Protocol

from gatewayctl.domain.evidence import Answer
from gatewayctl.domain.platform import (
    Check,
    ConfigProof,
    Holder,
    Probe,
    Replica,
    Validation,
    VersionedFiles,
    Workload,
)
from gatewayctl.domain.release import Record, Release, Target
from gatewayctl.domain.routing import CanaryRule, Change, Files, Limits, RouteView
from gatewayctl.domain.smoke import LoadResult, LoadRun, SuiteResult, SuiteRun


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
    """The product's own opinion of configuration files, before they are published."""

    def check(self, before: Files, after: Files) -> Validation:
        """Would the product load `after`? `before` tells faults of ours from those that were there."""


class Readback(Protocol):
    """How one running gateway replica is asked what it does."""

    def rule_of(self, replica: Replica, rule: CanaryRule) -> ConfigProof:
        """How many live routes carry exactly this rule. Raises EnvironmentFailed when the replica does not answer."""

    def upstream_ready(self, replica: Replica, upstream: str) -> ConfigProof:
        """Whether the replica knows `upstream`: `routes` counts its healthy endpoints, `detail` names the trouble."""

    def in_flight(self, replica: Replica, upstream: str) -> int | None:
        """Requests to `upstream` that have not ended yet; None where the product cannot tell."""


class Activation(Protocol):
    """How one gateway replica is made to load the files it has, where its product does not look at them by itself."""

    def activate(self, replica: Replica) -> str:
        """Make it run what the store holds; what is still missing, or nothing once it does. Raises EnvironmentFailed.

        Called again until then, by whoever waits: it asks the replica once for each version, and does no harm twice.
        """

    def leftovers(self, replica: Replica) -> int | None:
        """Processes that still end requests by the files of before; None where that cannot be told."""


class Workloads(Protocol):
    """Deployments, in the few words a release needs."""

    @property
    def lag(self) -> float:
        """Seconds from a Pod's readiness until whoever sends to its Service, from whichever node, reaches it."""

    def read(self, name: str) -> Workload:
        """As it is now. Raises Missing when it does not exist, EnvironmentFailed when it cannot be read."""

    def change(self, expected: Workload, *, image: str | None = None, replicas: int | None = None) -> Workload:
        """Set image, replicas or both, if nobody wrote since `expected` was read; else raise StaleWrite.

        Always makes a new version, also when nothing differs: that fences off a writer who read earlier. The version
        returned is the one that this write made, even if somebody has written since.
        """

    def logs(self, name: str, lines: int = 20) -> str:
        """The last log lines of its newest pods."""


class RouteStore(Protocol):
    """Where the gateway's route files are kept, as text."""

    def read(self) -> VersionedFiles:
        """All files of the gateway, with the version they were read at."""

    def write(self, files: Files, expected: VersionedFiles) -> VersionedFiles:
        """Replace the files named in `files`, if nobody wrote since `expected`; else raise StaleWrite.

        Always makes a new version, as in `Workloads.change`, and returns it.
        """


class Replicas(Protocol):
    """The gateway's running processes."""

    def list(self) -> tuple[Replica, ...]:
        """All that should serve, ready or not."""


class Prober(Protocol):
    """Requests to one replica, as a client would send them."""

    def ask(self, replica: Replica, probe: Probe) -> Answer:
        """One answer; a broken connection is an Answer with status 0, not an exception."""


class Journal(Protocol):
    """One record per application: the release in progress, or the last one. Compare-and-swap on its version."""

    def load(self, app: str) -> Record | None:
        """The application's record, or None when it never had a release."""

    def save(self, app: str, release: Release, expected: int) -> Record:
        """Write `release` if the record is still at version `expected` (0: there is none); else raise StaleWrite."""

    def moved(self, app: str, version: int) -> bool:
        """Whether the record is known to be no longer at `version`; cheap, and may lag behind `load` by a moment."""

    def history(self, app: str) -> tuple[Release, ...]:
        """Ended releases, newest first, pruned to a stated number."""


class Leases(Protocol):
    """One live process at a time works on an application."""

    def acquire(self, app: str, holder: Holder) -> None:
        """Take the lease, or take it over from a holder that is provably gone or expired; else raise Busy."""

    def renew(self, app: str, holder: Holder) -> None:
        """Still here. Raises Busy when someone else took over."""

    def release(self, app: str, holder: Holder) -> None:
        """Give it back; harmless when it is not ours any more."""

    def holder(self, app: str) -> Holder | None:
        """Who holds it now."""


PlatformCheck = Callable[[Target], tuple[Check, ...]]
"""What only a platform knows of an application before a release: rights, twins that differ, files others own."""

Address = Callable[[str], str]
"""The IP address of a workload's Service, which stays for as long as that Service exists. Raises EnvironmentFailed."""

Tick = Callable[[str], None]


class Suites(Protocol):
    """Functional suites and load, run in child processes through the gateway."""

    def test(self, run: SuiteRun, tick: Tick) -> SuiteResult:
        """Run the suite; `tick` gets a progress text several times a second and may raise to stop it."""

    def load(self, run: LoadRun, tick: Tick) -> LoadResult:
        """Run the load on stable and canary side by side; `tick` as in `test`."""


class Evidence(Protocol):
    """The bundle of one release: named documents, kept whole."""

    def put(self, release: str, name: str, text: str) -> None:
        """Keep `text` as `name`, replacing what was there."""

    def get(self, release: str, name: str) -> str | None:
        """The document `name`; None when the bundle has none. Raises EnvironmentFailed when it cannot be read."""

    def names(self, release: str) -> tuple[str, ...]:
        """The names of all documents in the bundle, in alphabetical order; none for a release without a bundle."""

    def folder(self, release: str) -> str:
        """Where a person finds the bundle."""


class Clock(Protocol):
    """Time, so that waiting can be tested without waiting. Seconds."""

    def now(self) -> float:
        """Monotonic."""

    def wall(self) -> float:
        """Since the epoch."""

    def sleep(self, seconds: float) -> None:
        """Called by the one function that waits."""


class ProgressListener(Protocol):
    """Who tells a person what is going on; never part of a decision."""

    def started(self, step: str) -> None:
        """A step begins."""

    def progress(self, step: str, text: str) -> None:
        """It is still going on."""

    def ended(self, step: str, mark: str, text: str, seconds: float) -> None:
        """It ended; `mark` is ✓, ✗, ? or –."""
