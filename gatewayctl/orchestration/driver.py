"""The commands that begin a release, or act on an open one: begin, send, abort.

One process at a time drives an application: it holds the lease. loop.py says how a release is driven.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from gatewayctl.domain.apps import AppSpec
from gatewayctl.domain.errors import Busy, EnvironmentFailed, Superseded
from gatewayctl.domain.lifecycle import AbortAsked, Event, PauseAsked, Resumed, SkipAsked, advance, at_time
from gatewayctl.domain.release import Phase, Record, Release
from gatewayctl.orchestration.context import FILES
from gatewayctl.orchestration.loop import ReleaseLoop
from gatewayctl.orchestration.open_release import check_place, find_ended, find_open
from gatewayctl.orchestration.planning import check_images, check_unused
from gatewayctl.orchestration.preflight import conflict_with
from gatewayctl.waiting import Deadline, Pending, until

_TAKEOVER = 60.0  # seconds for which an abort waits for the lease of the process that drives the release


@dataclass(slots=True)
class Driver(ReleaseLoop):
    """Begins and drives releases on behalf of one process.

    `apps` are the applications as the configuration has them: only to say what is live where no release is open.
    """

    apps: Mapping[str, AppSpec] = field(default_factory=dict)

    def begin(self, release: Release) -> Release:
        """Journal a new release and drive it until it ends or waits. Its time to live starts now.

        Raises Busy or Conflict when the application has one or the release is for another gateway, Drifted when another
        one ended since the draft was made, or when this one was begun before.
        """
        app = release.app
        check_place(self.ports, release, self.apps.get(app))
        with self._release_lease_after(app):
            self.ports.leases.acquire(app, self.holder)
            old = self.ports.journal.load(app)
            if old and not old.release.ended:
                raise conflict_with(old.release)
            if old:
                check_unused(self.ports, release)
            known = {one.name: one.version for one in check_images(self.ports, release)}
            known[FILES] = self.ports.gateway.store.read().version
            self.ports.leases.renew(app, self.holder)
            saved = self._write_journal(self._starting_here_and_now(release), old.version if old else 0)
            return self._drive(saved, Resumed(), known)

    def send(self, app: str, event: Event, release_id: str = "") -> Release:
        """Give an open release an event (promote, smoke, resume) and drive it on: `release_id`, or the one open now.

        Raises Busy, Conflict, UsageFault for what the release cannot grant (it is not tested, or has expired);
        Superseded when that release is no longer the open one.
        """
        meant = self.open(app, release_id).release.id
        with self._release_lease_after(app):
            self.ports.leases.acquire(app, self.holder)
            record = self.open(app, meant)
            # What cannot be granted is refused before anything is written; the time is looked at again after the write.
            advance(record.release, at_time(event, self.ports.clock.wall()))
            return self._drive(self._take_up(record), event)

    def abort(self, app: str, reason: str, release_id: str = "") -> Release:
        """Abort a release, also one that another process drives: write the journal, wait for the lease, go back.

        Raises Superseded when that release is no longer the open one, and did not end aborted.
        """
        moved = self._write_asked(app, AbortAsked(reason), f"abort: {reason}", release_id)
        with self._release_lease_after(app):
            self._take_lease(app)
            what = f"the release of {app} to be taken up"
            current = self._insist(lambda: self.ports.journal.load(app), what, "abort")
            if current is None or current.release.id != moved.id:
                return self._find_aborted(moved)
            if current.release.ended:
                return current.release
            return self._drive(self._insist(lambda: self._take_up(current), what, "abort"), Resumed())

    def steer(self, app: str, event: PauseAsked | SkipAsked, release_id: str = "") -> Release:
        """Pause a ramp, or skip its step, also while another process drives the release: that process goes on.

        Where nobody drives it, this process does. Raises UsageFault where the release is in no step of a ramp.
        """
        what = "pause" if isinstance(event, PauseAsked) else "skip"
        moved = self._write_asked(app, event, f"{what}: asked by {self.holder}", release_id)
        if moved.phase is Phase.PAUSED:
            return moved
        with self._release_lease_after(app):
            try:
                self.ports.leases.acquire(app, self.holder)
            except Busy as busy:
                self.ports.listener.progress(what, f"it goes on in another process: {busy}")
                return moved
            return self._drive(self._take_up(self.open(app, moved.id)), Resumed())

    def open(self, app: str, release_id: str = "") -> Record:
        """The open release of an application, as `find_open` says. Raises Conflict as `check_place` says."""
        spec = self.apps.get(app)
        record = find_open(self.ports, app, release_id, spec)
        check_place(self.ports, record.release, spec)
        return record

    def _write_asked(self, app: str, event: AbortAsked | PauseAsked | SkipAsked, note: str, release_id: str) -> Release:
        """Journal what somebody asked of one release, whatever its driver journals meanwhile."""
        step = note.partition(":")[0]
        while True:
            record = self._insist(partial(self.open, app, release_id), f"the journal of {app} to be read", step)
            release_id = record.release.id
            moved, _ = advance(record.release, at_time(event, self.ports.clock.wall()))
            moved = moved.with_note(self._note(moved.phase, "–", note))
            try:
                return self._write_journal(moved, record.version).release
            except Superseded:
                continue  # the driver journaled a step in between; what was asked applies to what it wrote

    def _find_aborted(self, release: Release) -> Release:
        """The release as another process ended it after our abort was journaled. Raises Superseded."""
        ended = find_ended(self.ports, release.app, release.id)
        if ended is None:
            raise Superseded(f"release {release.id} of {release.app} ended meanwhile")
        return ended

    def _starting_here_and_now(self, release: Release) -> Release:
        """A plan may be hours old, and one of an earlier version has no place."""
        now, place = self.ports.clock.wall(), self.ports.gateway.place
        return replace(release, created=now, expires=now + release.trial.time_to_live, place=place)

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
        """Wait for the one who has the lease; whoever takes it over meanwhile gets as much time.

        Raises DeadlineExceeded, and Transient when nobody can tell who has it.
        """
        listener, seen = self.ports.listener, ""

        def acquire() -> bool | Pending:
            """False when somebody else has it now than at the last look."""
            nonlocal seen
            try:
                self.ports.leases.acquire(app, self.holder)
            except Busy as busy:
                before, seen = seen, str(busy)
                return Pending(seen) if before in ("", seen) else False
            return True

        what = f"the process that drives {app} to let go"
        deadline = Deadline(self.ports.clock, lambda text: listener.progress("abort", text), _TAKEOVER)
        while not until(acquire, what, deadline):
            listener.progress("abort", seen)
