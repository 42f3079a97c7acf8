"""Drivers and journals that decide wrongly; mutations use them in place of the right ones."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from gatewayctl.domain.apps import AppSpec
from gatewayctl.domain.leftovers import Leftover
from gatewayctl.domain.lifecycle import AbortAsked, Event, PromoteAsked, Resumed, advance
from gatewayctl.domain.platform import Holder
from gatewayctl.domain.release import Mode, Outcome, Phase, Record, Release
from gatewayctl.orchestration import sweep
from gatewayctl.orchestration.context import Fence, Ports, StepContext
from gatewayctl.orchestration.driver import Driver
from gatewayctl.orchestration.open_release import find_open
from gatewayctl.ports import Journal, Leases
from tests.simulation.process import Process
from tests.simulation.wrong_parts import NeverRenewed


class GlancingGuard(Driver):
    """Asks the watch instead of the journal before it writes."""

    def _step(self, release: Release, fence: Fence, watch: Callable[[], None]) -> StepContext:
        return Driver._step(self, release, replace(fence, verify_ownership=fence.poll_ownership), watch)


class DeafDriver(Driver):
    """Does not look at its journal while a step waits."""

    def _step(self, release: Release, fence: Fence, watch: Callable[[], None]) -> StepContext:
        return Driver._step(self, release, fence, lambda: self.ports.leases.renew(release.app, self.holder))


class AnyGateway(Driver):
    """Acts on a release whatever gateway its own configuration is about."""

    def open(self, app: str, release_id: str = "") -> Record:
        return find_open(self.ports, app, release_id)


class PromotesExpired(Driver):
    """Promotes what was proven at any time: it takes the beginning of the release for now."""

    def send(self, app: str, event: Event, release_id: str = "") -> Release:
        if isinstance(event, PromoteAsked):
            event = replace(event, now=self.open(app, release_id).release.created)
        return Driver.send(self, app, event, release_id)


class PromotesOnResume(Driver):
    """Takes whoever resumes a waiting release for the one who decides."""

    def send(self, app: str, event: Event, release_id: str = "") -> Release:
        waits = self.open(app, release_id).release.phase is Phase.WAIT
        asked = PromoteAsked(untested=True) if waits and event == Resumed() else event
        return Driver.send(self, app, asked, release_id)


class AbortsWhatItSweeps(Driver):
    """Sweeps with an abort, which does not ask who drives the release."""

    def send(self, app: str, event: Event, release_id: str = "") -> Release:
        if isinstance(event, AbortAsked):
            return self.abort(app, event.reason, release_id)
        return Driver.send(self, app, event, release_id)


class ReplacesOpenRelease(Driver):
    """Begins a release over whatever is there."""

    def begin(self, release: Release) -> Release:
        with self._release_lease_after(release.app):
            self.ports.leases.acquire(release.app, self.holder)
            old = self.ports.journal.load(release.app)
            return self._drive(self._write_journal(release, old.version if old else 0), Resumed())


class AbortsInWords(Driver):
    """Journals an abort, and leaves the work to others."""

    def abort(self, app: str, reason: str, release_id: str = "") -> Release:
        record = self.open(app, release_id)
        moved, _ = advance(record.release, AbortAsked(reason))
        return self._write_journal(moved, record.version).release


@dataclass(slots=True)
class EarlyLeases:
    """ports.Leases that are given back as soon as a release is on its way out, and not taken again."""

    inner: Leases
    journal: Journal
    given_back: bool = False
    safe_time: float = 60.0

    def acquire(self, app: str, holder: Holder) -> None:
        self.inner.acquire(app, holder)

    def renew(self, app: str, holder: Holder) -> None:
        record = self.journal.load(app)
        if record and record.release.phase is Phase.UNROUTE and not self.given_back:
            self.given_back = True
            self.inner.release(app, holder)
        if not self.given_back:
            self.inner.renew(app, holder)

    def release(self, app: str, holder: Holder) -> None:
        self.inner.release(app, holder)

    def holder(self, app: str) -> Holder | None:
        return self.inner.holder(app)


def with_lease_given_back_early(ports: Ports, _process: Process) -> Ports:
    """The way out is made without the lease."""
    return replace(ports, leases=EarlyLeases(ports.leases, ports.journal))


@dataclass(slots=True)
class RewritingJournal:
    """ports.Journal that writes something else than it is given; `change` has the record before it, too."""

    inner: Journal
    change: Callable[[Release, Release], Release]
    staleness: float = 0.0

    def load(self, app: str) -> Record | None:
        return self.inner.load(app)

    def save(self, app: str, release: Release, expected: int) -> Record:
        old = self.inner.load(app) if expected else None
        wanted = self.change(old.release, release) if old and old.release.id == release.id else release
        return self.inner.save(app, wanted, expected)

    def has_moved(self, app: str, version: int) -> bool:
        return self.inner.has_moved(app, version)

    def history(self, app: str) -> tuple[Release, ...]:
        return self.inner.history(app)


def rewriting(change: Callable[[Release, Release], Release]) -> Callable[[Ports, Process], Ports]:
    """The journal of a process that writes something else."""
    return lambda ports, _: replace(ports, journal=RewritingJournal(ports.journal, change))


def without_restore(_old: Release, new: Release) -> Release:
    """The way out begins with the rule, whatever stable runs."""
    return new.at(Phase.UNROUTE) if new.phase is Phase.RESTORE else new


def without_wait(_old: Release, new: Release) -> Release:
    """A release that waits for a person does not."""
    return new.at(Phase.CONFIRM) if new.phase is Phase.WAIT and new.mode is Mode.MANUAL else new


def without_confirm(_old: Release, new: Release) -> Release:
    """Straight on to the promotion."""
    return new.at(Phase.PROMOTE) if new.phase is Phase.CONFIRM else new


def without_notes(_old: Release, new: Release) -> Release:
    """Only the last note is kept."""
    return replace(new, notes=new.notes[-1:])


def renewed_expiry(_old: Release, new: Release) -> Release:
    """Whoever works on a release gives it more time."""
    return replace(new, expires=new.expires + 60.0) if new.phase is Phase.WAIT else new


def new_image_is_old(_old: Release, new: Release) -> Release:
    """Once it is promoted, the image before is forgotten."""
    return replace(new, before=new.image) if new.phase is Phase.PROMOTE else new


def aborted_is_rejected(old: Release, new: Release) -> Release:
    """An abort blames the canary."""
    aborted = new.outcome is Outcome.ABORTED is not old.outcome
    return replace(new, outcome=Outcome.REJECTED) if aborted else new


@dataclass(frozen=True, slots=True)
class FreeLeases(NeverRenewed):
    """ports.Leases that nobody ever seems to hold."""

    def renew(self, app: str, holder: Holder) -> None:
        self.inner.renew(app, holder)

    def holder(self, app: str) -> Holder | None:
        return None


def look_past_holder(ports: Ports, app: AppSpec) -> Leftover | None:
    """What is left, whoever works on it."""
    return sweep.look(replace(ports, leases=FreeLeases(ports.leases)), app)
