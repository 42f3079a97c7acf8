"""Drive a release: load, advance, save, perform. The journal is written before the effect it announces.

One process at a time drives an application (lease). Whoever takes over (abort, resume) moves the journal on, and the
process that had it finds out before its next write and at every tick of every wait.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from gatewayctl.domain.audit import chain
from gatewayctl.domain.errors import Busy, EnvironmentFailed, GatewayctlError, StaleWrite, Superseded, UsageFault
from gatewayctl.domain.lifecycle import AbortAsked, Cause, Effect, Event, Failed, Passed, PromoteAsked, Resumed, advance
from gatewayctl.domain.platform import Holder
from gatewayctl.domain.release import Note, Phase, Record, Release
from gatewayctl.domain.verdicts import Judgement, Verdict
from gatewayctl.orchestration.context import Fence, Ports, StepContext
from gatewayctl.orchestration.planning import check_images
from gatewayctl.orchestration.preflight import unfinished_fault
from gatewayctl.orchestration.steps import perform
from gatewayctl.waiting import Deadline, Pending, until

_LOOK_EVERY = 1.0  # seconds between two looks at the journal while waiting
_UNREACHABLE = 30.0  # seconds for which the journal may be out of reach; a lease lives longer
_TAKEOVER = 60.0  # seconds an abort waits for the process it takes the release from


@dataclass(slots=True)
class Driver:
    """The hands of one process on releases. `holder` says who and where we are."""

    ports: Ports
    holder: Holder

    def begin(self, release: Release) -> Release:
        """Journal a new release and drive it until it ends or waits.

        Raises Busy or Conflict when the application has one, Drifted when one went by since the draft was made.
        """
        app = release.app
        with self._giving_back(app):
            self.ports.leases.acquire(app, self.holder)
            old = self.ports.journal.load(app)
            if old and not old.release.ended:
                raise unfinished_fault(old.release)
            twins = check_images(self.ports, release)
            self.ports.leases.renew(app, self.holder)
            saved = self._written(release, old.version if old else 0)
            return self._drive(saved, Resumed(), {one.name: one.version for one in twins})

    def send(self, app: str, event: Event) -> Release:
        """Give an open release an event (promote, smoke, resume) and drive it on. Raises Busy, UsageFault."""
        with self._giving_back(app):
            self.ports.leases.acquire(app, self.holder)
            record = self.open(app)
            advance(record.release, event)  # what cannot be granted is refused before anything is written
            return self._drive(self._taken_up(record), event)

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
        """Turn a release back, whoever drives it: the journal first, then wait for the lease, then the way out."""
        while True:
            record = self.open(app)
            moved, _ = advance(record.release, AbortAsked(reason))
            moved = moved.with_note(self._note(moved.phase, "–", f"abort: {reason}"))
            try:
                self._written(moved, record.version)
                break
            except Superseded:
                continue  # the driver journaled a step in between; the abort applies to what it wrote
        with self._giving_back(app):
            self._take_lease(app)
            current = self.ports.journal.load(app)
            if current is None or current.release.id != moved.id:
                raise Superseded(f"release {moved.id} of {app} ended meanwhile")
            return current.release if current.release.ended else self._drive(self._taken_up(current), Resumed())

    def open(self, app: str) -> Record:
        """The open release of an application. Raises UsageFault when there is none."""
        record = self.ports.journal.load(app)
        if record is None or record.release.ended:
            last = f"; its last one, {record.release.id}, is {record.release.outcome}" if record else ""
            raise UsageFault(f"{app} has no release in progress{last}", hint=f"gatewayctl release {app} --image IMAGE")
        return record

    @contextmanager
    def _giving_back(self, app: str) -> Iterator[None]:
        """Leave no lease behind, not even one whose taking failed half-way. One that cannot be given back runs out."""
        try:
            yield
        finally:
            try:
                self.ports.leases.release(app, self.holder)
            except EnvironmentFailed as fault:
                self.ports.listener.progress("lease", f"not given back, it runs out by itself: {fault}")

    def _taken_up(self, record: Record) -> Record:
        """The journal moves first: whoever had the release finds out, however late it wakes up.

        The order is that of every write: `record` was read, then the lease is asked for, then compare-and-swap. Who
        was paused so long that another one followed moves nothing.
        """
        self.ports.leases.renew(record.release.app, self.holder)
        return self._save(record.release.with_note(self._note(record.release.phase, "–", "taken up")), record)

    def _take_lease(self, app: str) -> None:
        def taken() -> bool | Pending:
            try:
                self.ports.leases.acquire(app, self.holder)
            except Busy as busy:
                return Pending(str(busy))
            return True

        listener = self.ports.listener
        until(
            taken,
            f"the process that drives {app} to let go",
            Deadline(self.ports.clock, lambda text: listener.progress("abort", text), _TAKEOVER),
        )

    def _drive(self, saved: Record, event: Event, read_before: dict[str, str] | None = None) -> Release:
        """Advance and perform until the release ends, waits for someone, or is stuck on the way out.

        `read_before` has versions of objects that were read before `saved` was written; see Fence.
        """
        current, release, interrupted = saved.release, saved.release, False
        known = dict(read_before or {})
        while True:
            try:
                release, effects = advance(current, event)
                saved = self._save(release, saved)
                if not effects:
                    self.ports.evidence.put(release.id, "audit.jsonl", chain(release))
                    return release
                current, event = self._perform(saved, effects[0], known)
            except KeyboardInterrupt:  # wherever it hits: what the journal says is what happened
                if interrupted:
                    raise
                interrupted = True
                saved = self._after_all(release, saved)
                self.ports.listener.progress(saved.release.phase, "interrupted: going back (again: stop at once)")
                current, event = saved.release, AbortAsked(f"interrupted by {self.holder}")

    def _save(self, release: Release, saved: Record) -> Record:
        return saved if release == saved.release else self._written(release, saved.version)

    def _written(self, release: Release, version: int) -> Record:
        """Write the journal if it is as we left it; what fails for a moment is tried again. Raises Superseded."""

        def written() -> Record:
            try:
                return self.ports.journal.save(release.app, release, version)
            except StaleWrite:
                current = self.ports.journal.load(release.app)
                if current and current.release == release:  # it was us: the answer got lost, and a client tried again
                    return current
                if release.ended and release in self.ports.journal.history(release.app):
                    return Record(release, version + 1)  # the same, and somebody has begun the next one since
                raise self._superseded(release, "the journal was moved on") from None

        listener, clock = self.ports.listener, self.ports.clock
        deadline = Deadline(clock, lambda text: listener.progress(release.phase, text), _UNREACHABLE, _LOOK_EVERY)
        return until(written, f"the journal of {release.app} to be written", deadline)

    def _superseded(self, release: Release, why: str) -> Superseded:
        return Superseded(
            f"release {release.id} of {release.app} was taken over: {why}", hint=f"gatewayctl status {release.app}"
        )

    def _after_all(self, release: Release, saved: Record) -> Record:
        """The record after an interrupt, which may have hit while `release` was being written. Raises Superseded."""
        current = self.ports.journal.load(release.app)
        if current and (current.version == saved.version or current.release == release):
            return current
        raise self._superseded(release, "the journal was moved on")

    def _perform(self, saved: Record, effect: Effect, known: dict[str, str]) -> tuple[Release, Event]:
        """One effect; its note is journaled together with the event it leads to."""
        clock, listener, release = self.ports.clock, self.ports.listener, saved.release
        phase = release.phase
        listener.started(phase)
        start = clock.now()
        verify_ownership = self._verify_ownership(saved)
        poll_ownership = self._poll_ownership(saved, verify_ownership)
        try:
            found = perform(
                effect,
                StepContext(
                    self.ports,
                    release,
                    Fence(verify_ownership, poll_ownership, known),
                    self._ticking(phase, poll_ownership),
                ),
            )
            event, mark, text = _judged(phase, found)
        except (Superseded, Busy) as fault:
            raise self._superseded(release, str(fault)) from fault
        except GatewayctlError as fault:
            event, mark, text = Failed(phase, Cause.ENVIRONMENT, _with_hint(fault)), "✗", str(fault)
        seconds = clock.now() - start
        listener.ended(phase, mark, text, seconds)
        return release.with_note(replace(self._note(phase, mark, text), seconds=seconds)), event

    def _verify_ownership(self, record: Record) -> Callable[[], None]:
        app, version = record.release.app, record.version

        def verify_ownership() -> None:
            self.ports.leases.renew(app, self.holder)
            now = self.ports.journal.load(app)
            if now is None or now.version != version:
                who = now.release.notes[-1].actor if now and now.release.notes else "another process"
                raise Superseded(f"{who} moved it on")

        return verify_ownership

    def _poll_ownership(self, saved: Record, verify_ownership: Callable[[], None]) -> Callable[[], None]:
        """Notice soon when somebody else moved the release on; only a guard knows for certain."""
        app = saved.release.app

        def poll_ownership() -> None:
            self.ports.leases.renew(app, self.holder)
            if self.ports.journal.moved(app, saved.version):
                verify_ownership()

        return poll_ownership

    def _ticking(self, phase: Phase, poll_ownership: Callable[[], None]) -> Callable[[str], None]:
        """Narrate, with a glance every second."""
        clock = self.ports.clock
        looked = clock.now()

        def tick(text: str) -> None:
            nonlocal looked
            self.ports.listener.progress(phase, text)
            if clock.now() - looked >= _LOOK_EVERY:
                poll_ownership()
                looked = clock.now()

        return tick

    def _note(self, phase: Phase, mark: str, text: str) -> Note:
        return Note(phase, mark, text, self.ports.clock.wall(), 0.0, str(self.holder))


def _judged(phase: Phase, found: Judgement) -> tuple[Event, str, str]:
    if found.verdict is Verdict.PASS:
        return Passed(phase), "✓", found.text
    mark = "✗" if found.verdict is Verdict.FAIL else "?"
    return Failed(phase, Cause.CANARY, found.text), mark, found.text


def _with_hint(fault: GatewayctlError) -> str:
    return f"{fault} ({fault.hint})" if fault.hint else str(fault)
