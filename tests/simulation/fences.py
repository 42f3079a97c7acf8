"""Who may write: the lease, the fences between one process and the next, and writes that are still on their way.

A delayed write that could still take effect after its release ended is a fault, also when it does not arrive in time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor
from typing import TYPE_CHECKING

from gatewayctl.domain.platform import Holder
from tests.fakes.memory import TTL
from tests.fakes.world import Broken
from tests.simulation.coverage import Coverage
from tests.simulation.tally import Tally
from tests.simulation.transitions import Mover
from tests.simulation.world import SimWorld

if TYPE_CHECKING:
    from tests.simulation.process import Process

_SWEEP_GRACE = 5.0  # seconds between the look of a sweep and its write
_HEARD = 10.0  # seconds within which a process that waits hears an abort, and lets go, where that is told at once
_GRACE = 1.0  # seconds within which the process that took the lease has moved the journal


class Violation(Broken):
    """An invariant does not hold; `invariant` names it."""

    def __init__(self, invariant: str, text: str) -> None:
        super().__init__(f"{invariant}: {text}")
        self.invariant = invariant


@dataclass(frozen=True, slots=True)
class Writer:
    """Who sends a write: by which lease (its number; None without one), and when it last asked which replicas exist.

    `meant` is the release that its command is about, `read` when it last read each Deployment (seconds), `coverage`
    what it asked the gateway since its step began, `tested` when its last suite or load began and ended (seconds),
    `elsewhere` the other gateway that its configuration is about, if it is.
    """

    name: str
    app: str
    token: float | None
    listed: float
    saw_stale: bool
    mover: Mover
    meant: str
    read: Mapping[str, float]
    coverage: Coverage
    tested: tuple[float, float]
    elsewhere: str


@dataclass(frozen=True, slots=True)
class PendingWrite:
    """A write on its way, past its guard: it takes effect if that object still has that version. `token` as above."""

    app: str
    name: str
    version: str
    token: float | None


class Fences:
    """The lease of each application, and which writes were made under which grant of it."""

    def __init__(self, world: SimWorld, tally: Tally) -> None:
        self.world, self.tally = world, tally
        self.pending_writes: dict[Process, PendingWrite] = {}
        self._fences: dict[tuple[str, str], float] = {}
        self._holders: dict[tuple[str, Holder], Process] = {}
        self._drivers: dict[str, tuple[Process, float, int]] = {}
        self._aborts: dict[str, tuple[float, Process, int]] = {}
        self._let_go: dict[str, float] = {}
        self._grants = 0
        self._changes: dict[str, int] = {}

    def grants_of(self, app: str) -> int:
        """How often the lease of an application changed hands."""
        return self._changes.get(app, 0)

    def note_taken(self, process: "Process", app: str, before: Holder | None) -> None:
        """A process got the lease; nobody may take it from one that lives and is awake."""
        self._grants += 1
        process.grants[app] = float(self._grants)
        self._drivers[app] = process, self.world.time, process.fault_count
        self._changes[app] = self._changes.get(app, 0) + 1
        self._check_heard(process, app)
        former = self._holders.get((app, before)) if before else None
        awake = former is not None and not (former.dead or former.over or former.pausing)
        if former is not None and awake and self.world.time > former.paused_until + TTL:
            raise Violation("lease", f"{process.name} took the lease of {app} from {former.name}, who is alive")
        self._holders[app, process.holder] = process
        if former is not None:
            self.tally.add("takeovers")

    def note_released(self, process: "Process", app: str) -> None:
        """A process is done with an application: it neither holds it nor drives it, whatever the lease still says."""
        process.grants.pop(app, None)
        if app in self._aborts and self._aborts[app][1] is process:
            self._let_go.setdefault(app, self.world.time)
        self._holders.pop((app, process.holder), None)
        if app in self._drivers and self._drivers[app][0] is process:
            del self._drivers[app]

    def check_write(self, writer: Writer, what: str) -> None:
        """A process wrote something by its lease; never after one that had it later."""
        app, token, key = writer.app, writer.token or 0.0, (writer.app, what)
        if token < self._fences.get(key, 0.0):
            raise Violation("fencing", f"{writer.name} wrote {what} of {app} after another process took over")
        self._fences[key] = token
        self._fences[app, "journal"] = max(token, self._fences.get((app, "journal"), 0.0))

    def note_abort(self, app: str) -> None:
        """An abort moved the journal before it has the lease: the process that has it must not move it any more."""
        self._fences[app, "journal"] = floor(self._fences.get((app, "journal"), 0.0)) + 0.5
        driver = self._drivers[app][0] if app in self._drivers else None
        if driver and not (driver.dead or driver.pausing):
            self._aborts.setdefault(app, (self.world.time, driver, driver.fault_count))

    def _check_heard(self, process: "Process", app: str) -> None:
        """Raises Violation when the one that drove a release let go too late after it was aborted, without a fault."""
        since, driver, fault_count = self._aborts.pop(app, (self.world.time, process, process.fault_count))
        late = self._let_go.pop(app, self.world.time) - since - self.world.plan.moved_lag
        hindered = driver.dead or driver.fault_count > fault_count or process.faults_met or self.world.conditions.until
        if late > _HEARD and not hindered:
            raise Violation("abort", f"{driver.name} let go of {app} {late:.0f} s after it should have heard an abort")

    def check_driver(self, writer: Writer) -> None:
        """Raises Violation when a process moves the journal that another one drives, which met no fault."""
        if writer.app not in self._drivers:
            return
        driver, since, fault_count = self._drivers[writer.app]
        hindered = driver.dead or driver.over or driver.pausing or driver.fault_count > fault_count
        if driver.grants.get(writer.app) == writer.token or hindered:
            return
        if self.world.time > since + _GRACE:
            raise Violation("fencing", f"{writer.name} moved the journal of {writer.app}, which {driver.name} drives")

    def check_sweep(self, writer: Writer) -> None:
        """Raises Violation when `sweep` aborts what a process drives that lives, is awake and met no fault."""
        driver, since, fault_count = self._drivers.get(writer.app, (None, 0.0, 0))
        if driver is None or driver.dead or driver.over or driver.pausing or driver.fault_count > fault_count:
            return
        if writer.app in driver.grants and driver.name != writer.name and self.world.time > since + _SWEEP_GRACE:
            raise Violation("lease", f"{writer.name} sweeps away a release of {writer.app}, which {driver.name} drives")

    def check_pending_writes(self, writer: Writer, *names: str) -> None:
        """No other write may still take effect, however long it sleeps; an abort may, which speaks without a lease."""
        versions = {name: str(one.version) for name, one in self.world.deployments.items()}
        versions["routes"] = str(self.world.store_version)
        versions["journal"] = str(self.world.records[writer.app].version)
        for process, ticket in self.pending_writes.items():
            former = ticket.token is not None and ticket.token < (writer.token or 0.0) and not process.dead
            if former and ticket.app == writer.app and ticket.name in names and ticket.version == versions[ticket.name]:
                raise Violation("fencing", f"{process.name} may still write {ticket.name} of {writer.app}")
