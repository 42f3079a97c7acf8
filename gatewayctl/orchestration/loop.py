"""Drive one release: advance, save, perform. The journal is written before the effect it announces.

The process that does this holds the application's lease. A process that takes over (abort, resume) writes the journal
first. The process that had the release notices that before its next write, and within a second of every wait.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from gatewayctl.domain.audit import chain
from gatewayctl.domain.errors import Busy, GatewayctlError, StaleWrite, Superseded
from gatewayctl.domain.lifecycle import AbortAsked, Cause, Effect, Event, Failed, advance, event_of
from gatewayctl.domain.platform import Holder
from gatewayctl.domain.release import Note, Phase, Record, Release
from gatewayctl.orchestration.context import Fence, Ports, StepContext
from gatewayctl.orchestration.steps import PERFORMERS, Performers, perform
from gatewayctl.waiting import Deadline, until

_LOOK_EVERY = 1.0  # seconds between two looks at the journal while waiting
_UNREACHABLE = 30.0  # seconds for which the journal may be unreachable; a lease lasts longer


@dataclass(slots=True)
class ReleaseLoop:
    """Drives one release on; `holder` names the process that does: its person and machine.

    `performers` has the function for each effect. Only the simulation passes others, to show that it notices.
    """

    ports: Ports
    holder: Holder
    performers: Performers = field(default_factory=lambda: PERFORMERS)

    def _take_up(self, record: Record) -> Record:
        """Write the journal first: the process that had the release notices, however late it continues.

        The order is that of every write: `record` was read, then the lease is renewed, then compare-and-swap. So a
        process that was paused for so long that another one took over writes nothing.
        """
        self.ports.leases.renew(record.release.app, self.holder)
        return self._save(record.release.with_note(self._note(record.release.phase, "–", "taken up")), record)

    def _drive(self, saved: Record, event: Event, read_before: dict[str, str] | None = None) -> Release:
        """Advance and perform until the release ends, waits for a person, or is stuck on the way out.

        `read_before` has, by object name, versions that were read before `saved` was written; see Fence.
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
            except KeyboardInterrupt:  # at any line: the journal says what was done until then
                if interrupted:
                    raise
                interrupted = True
                saved = self._read_after_interrupt(release, saved)
                self.ports.listener.progress(saved.release.phase, "interrupted: going back (again: stop at once)")
                current, event = saved.release, AbortAsked(f"interrupted by {self.holder}")

    def _save(self, release: Release, saved: Record) -> Record:
        return saved if release == saved.release else self._write_journal(release, saved.version)

    def _write_journal(self, release: Release, version: int) -> Record:
        """Write the journal if nobody else wrote it since; a write that fails is tried again. Raises Superseded."""

        def write() -> Record:
            try:
                return self.ports.journal.save(release.app, release, version)
            except StaleWrite:
                current = self.ports.journal.load(release.app)
                if current and current.release == release:  # we wrote it: only the answer to that was lost
                    return current
                if release.ended and release in self.ports.journal.history(release.app):
                    return Record(release, version + 1)  # the same, and the next release has begun since
                raise self._superseded_fault(release, "the journal was moved on") from None

        listener, clock = self.ports.listener, self.ports.clock
        deadline = Deadline(clock, lambda text: listener.progress(release.phase, text), _UNREACHABLE, _LOOK_EVERY)
        return until(write, f"the journal of {release.app} to be written", deadline)

    def _superseded_fault(self, release: Release, reason: str) -> Superseded:
        return Superseded(
            f"release {release.id} of {release.app} was taken over: {reason}", hint=f"gatewayctl status {release.app}"
        )

    def _read_after_interrupt(self, release: Release, saved: Record) -> Record:
        """The record after an interrupt, which may have hit while `release` was being written. Raises Superseded."""
        current = self.ports.journal.load(release.app)
        if current and (current.version == saved.version or current.release == release):
            return current
        raise self._superseded_fault(release, "the journal was moved on")

    def _perform(self, saved: Record, effect: Effect, known: dict[str, str]) -> tuple[Release, Event]:
        """One effect; its note is journaled together with the event it leads to."""
        clock, listener, release = self.ports.clock, self.ports.listener, saved.release
        phase = release.phase
        listener.started(phase)
        start = clock.now()
        verify_ownership = self._verify_ownership(saved)
        poll_ownership = self._poll_ownership(saved, verify_ownership)
        try:
            judgement = perform(
                effect,
                StepContext(
                    self.ports,
                    release,
                    Fence(verify_ownership, poll_ownership, known),
                    self._make_tick(phase, poll_ownership),
                ),
                self.performers,
            )
            event, mark, text = event_of(phase, judgement), judgement.verdict.mark, judgement.text
        except (Superseded, Busy) as fault:
            raise self._superseded_fault(release, str(fault)) from fault
        except GatewayctlError as fault:
            event, mark, text = Failed(phase, Cause.ENVIRONMENT, _with_hint(fault)), "✗", str(fault)
        seconds = clock.now() - start
        listener.ended(phase, mark, text, seconds)
        return release.with_note(replace(self._note(phase, mark, text), seconds=seconds)), event

    def _verify_ownership(self, record: Record) -> Callable[[], None]:
        """A certain check that the release is still ours: it reads the journal itself."""
        app, version = record.release.app, record.version

        def verify_ownership() -> None:
            self.ports.leases.renew(app, self.holder)
            now = self.ports.journal.load(app)
            if now is None or now.version != version:
                who = now.release.notes[-1].actor if now and now.release.notes else "another process"
                raise Superseded(f"{who} moved it on")

        return verify_ownership

    def _poll_ownership(self, saved: Record, verify_ownership: Callable[[], None]) -> Callable[[], None]:
        """A cheap check that may miss a takeover for a moment; `verify_ownership` does not."""
        app = saved.release.app

        def poll_ownership() -> None:
            self.ports.leases.renew(app, self.holder)
            if self.ports.journal.has_moved(app, saved.version):
                verify_ownership()

        return poll_ownership

    def _make_tick(self, phase: Phase, poll_ownership: Callable[[], None]) -> Callable[[str], None]:
        """A tick that reports progress, and once a second checks that the release is still ours."""
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


def _with_hint(fault: GatewayctlError) -> str:
    return f"{fault} ({fault.hint})" if fault.hint else str(fault)
