"""The commands that begin a release, or act on an open one: begin, send, promote, abort.

One process at a time drives an application: it holds the lease. loop.py says how a release is driven.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gatewayctl.domain.errors import Busy, EnvironmentFailed, Superseded, UsageFault
from gatewayctl.domain.lifecycle import AbortAsked, Event, PromoteAsked, Resumed, advance
from gatewayctl.domain.release import Phase, Record, Release
from gatewayctl.orchestration.loop import ReleaseLoop
from gatewayctl.orchestration.planning import check_images
from gatewayctl.orchestration.preflight import conflict_with
from gatewayctl.waiting import Deadline, Pending, until

_TAKEOVER = 60.0  # seconds for which an abort waits for the lease of the process that drives the release


@dataclass(slots=True)
class Driver(ReleaseLoop):
    """Begins and drives releases on behalf of one process."""

    def begin(self, release: Release) -> Release:
        """Journal a new release and drive it until it ends or waits.

        Raises Busy or Conflict when the application has one, Drifted when another one ended since the draft was made.
        """
        app = release.app
        with self._release_lease_after(app):
            self.ports.leases.acquire(app, self.holder)
            old = self.ports.journal.load(app)
            if old and not old.release.ended:
                raise conflict_with(old.release)
            twins = check_images(self.ports, release)
            self.ports.leases.renew(app, self.holder)
            saved = self._write_journal(release, old.version if old else 0)
            return self._drive(saved, Resumed(), {one.name: one.version for one in twins})

    def send(self, app: str, event: Event) -> Release:
        """Give an open release an event (promote, smoke, resume) and drive it on. Raises Busy, UsageFault."""
        with self._release_lease_after(app):
            self.ports.leases.acquire(app, self.holder)
            record = self.open(app)
            advance(record.release, event)  # what cannot be granted is refused before anything is written
            return self._drive(self._take_up(record), event)

    def promote(self, app: str, event: PromoteAsked) -> Release:
        """Make the canary of a waiting release stable. Raises UsageFault when it has expired or is not tested."""
        release = self.open(app).release
        if release.phase is Phase.WAIT and self.ports.clock.wall() > release.expires:
            raise UsageFault(
                f"release {release.id} of {app} has expired: what was proven is too old to rely on",
                hint=f"gatewayctl abort {app}, then release again",
            )
        return self.send(app, event)

    def abort(self, app: str, reason: str) -> Release:
        """Abort a release, also one that another process drives: write the journal, wait for the lease, go back."""
        while True:
            record = self._insist(lambda: self.open(app), f"the journal of {app} to be read", "abort")
            moved, _ = advance(record.release, AbortAsked(reason))
            moved = moved.with_note(self._note(moved.phase, "–", f"abort: {reason}"))
            try:
                self._write_journal(moved, record.version)
                break
            except Superseded:
                continue  # the driver journaled a step in between; the abort applies to what it wrote
        with self._release_lease_after(app):
            self._take_lease(app)
            what = f"the release of {app} to be taken up"
            current = self._insist(lambda: self.ports.journal.load(app), what, "abort")
            if current is None or current.release.id != moved.id:
                raise Superseded(f"release {moved.id} of {app} ended meanwhile")
            if current.release.ended:
                return current.release
            return self._drive(self._insist(lambda: self._take_up(current), what, "abort"), Resumed())

    def open(self, app: str) -> Record:
        """The open release of an application. Raises UsageFault when there is none."""
        record = self.ports.journal.load(app)
        if record is None or record.release.ended:
            last = f"; its last one, {record.release.id}, is {record.release.outcome}" if record else ""
            raise UsageFault(f"{app} has no release in progress{last}", hint=f"gatewayctl release {app} --image IMAGE")
        return record

    @contextmanager
    def _release_lease_after(self, app: str) -> Iterator[None]:
        """Release the lease in the end, even when taking it failed half-way. If that fails, it expires by itself."""
        try:
            yield
        finally:
            try:
                self.ports.leases.release(app, self.holder)
            except EnvironmentFailed as fault:
                self.ports.listener.progress("lease", f"not given back, it runs out by itself: {fault}")

    def _take_lease(self, app: str) -> None:
        def acquire() -> bool | Pending:
            try:
                self.ports.leases.acquire(app, self.holder)
            except Busy as busy:
                return Pending(str(busy))
            return True

        listener = self.ports.listener
        until(
            acquire,
            f"the process that drives {app} to let go",
            Deadline(self.ports.clock, lambda text: listener.progress("abort", text), _TAKEOVER),
        )
