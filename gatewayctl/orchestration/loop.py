"""Drive one release: advance, save, perform. The journal is written before the effect it announces.

The process that does this holds the application's lease. A process that takes over (abort, resume) writes the journal
first. The process that had the release notices that before its next write, and within a second of every wait. A step
that fails because something is away for the moment is repeated: see outage.py.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from gatewayctl.domain.audit import chain
from gatewayctl.domain.errors import (
    Busy,
    Conflict,
    EnvironmentFailed,
    GatewayctlError,
    StaleWrite,
    Superseded,
    Transient,
)
from gatewayctl.domain.judgement import Judgement, Verdict
from gatewayctl.domain.lifecycle import (
    WAY_OUT,
    AbortAsked,
    Cause,
    Effect,
    Event,
    Failed,
    Passed,
    PromoteAsked,
    Resumed,
    advance,
    at_time,
    event_of,
    was_steered,
)
from gatewayctl.domain.platform import Holder
from gatewayctl.domain.release import Note, Phase, Record, Release
from gatewayctl.orchestration.context import Fence, Ports, StepContext
from gatewayctl.orchestration.outage import WAY_OUT_SECONDS, Outage, patience_of, retry_pauses
from gatewayctl.orchestration.ownership import Ownership, WatchedProber
from gatewayctl.orchestration.steps import PERFORMERS, Performers, perform
from gatewayctl.orchestration.workloads import hold_stable
from gatewayctl.waiting import Deadline, until

T = TypeVar("T")


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
                event = self._with_stable_image(event, saved)
                release, effects = advance(current, at_time(event, self.ports.clock.wall()))
                saved = self._save(release, saved)
                if not effects:
                    self._keep_audit(release)
                    return release
                current, event = self._perform(saved, effects[0], known)
            except Superseded as fault:
                saved = self._adopt(saved, fault)
                if saved.release.phase is Phase.PAUSED:
                    return saved.release
                current, event = saved.release, Resumed()
            except KeyboardInterrupt:  # at any line: the journal says what was done until then
                if interrupted:
                    raise
                interrupted = True
                saved = self._read_after_interrupt(release, saved)
                current, event = saved.release, AbortAsked(f"interrupted by {self.holder}")

    def _with_stable_image(self, event: Event, saved: Record) -> Event:
        """The event with the image of stable, where a promotion is taken up. Raises Superseded.

        Stable is written once more before the release goes back to *confirm*: the process that had it may sleep right
        before its own write, which would otherwise land in any later phase. A release that has expired is restored,
        which writes stable, too.
        """
        release = saved.release
        if not isinstance(event, PromoteAsked | Resumed) or release.phase is not Phase.PROMOTE:
            return event
        if release.has_expired(self.ports.clock.wall()):
            return event
        context = self._step_of(saved, {})
        try:
            image = self._insist(lambda: hold_stable(context), f"{release.target.stable} to be read", release.phase)
        except (Superseded, Busy) as fault:
            raise self._superseded_fault(release, str(fault)) from fault
        return replace(event, stable_image=image)

    def _adopt(self, saved: Record, fault: Superseded) -> Record:
        """The release as somebody paused or skipped a step of its ramp, while this process still holds its lease.

        They only write the journal: this process goes on from there. Raises Superseded for all else.
        """
        release = saved.release
        what = f"the journal of {release.app} to be read"
        current = self._insist(lambda: self.ports.journal.load(release.app), what, release.phase)
        if current is None or current.release.id != release.id:
            raise fault
        if current.release.outcome is not release.outcome:  # who reads this must not take it for a mere resume
            raise self._superseded_fault(release, f"it was {current.release.outcome}: {current.release.reason}")
        if not was_steered(release, current.release):
            raise fault
        try:
            self.ports.leases.renew(release.app, self.holder)
        except Busy as busy:
            raise self._superseded_fault(release, str(busy)) from busy
        return current

    def _save(self, release: Release, saved: Record) -> Record:
        return saved if release == saved.release else self._write_journal(release, saved.version, self._renew_lease)

    def _renew_lease(self, app: str) -> None:
        self.ports.leases.renew(app, self.holder)

    def _write_journal(
        self, release: Release, version: int, before_retry: Callable[[str], None] = lambda _app: None
    ) -> Record:
        """Write the journal if nobody else wrote it since; a write that fails is tried again. Raises Superseded.

        Also on the way in this goes on for as long as on the way out: without its journal a release can go nowhere.
        """
        tried = False

        def write() -> Record:
            nonlocal tried
            try:
                if tried:
                    before_retry(release.app)
                tried = True
                return self.ports.journal.save(release.app, release, version)
            except Busy as fault:
                raise self._superseded_fault(release, str(fault)) from fault
            except StaleWrite:
                return self._find_written(release, version)

        return self._insist(write, f"the journal of {release.app} to be written", release.phase)

    def _find_written(self, release: Release, version: int) -> Record:
        """The record of a write of ours whose answer was lost. Raises Superseded when somebody else wrote."""
        current = self.ports.journal.load(release.app)
        if current and current.release == release:
            return current
        if release.ended and release in self.ports.journal.history(release.app):
            return Record(release, version + 1)  # the same, and the next release has begun since
        raise self._superseded_fault(release, "another process has written its journal")

    def _insist(self, act: Callable[[], T], what: str, step: str) -> T:
        """The result of `act`, tried again while it raises Transient. Raises Transient after an hour of that.

        `step` is the one whose progress it is.
        """
        listener, clock = self.ports.listener, self.ports.clock
        start = clock.now()

        def tell(text: str) -> None:
            listener.progress(step, f"waiting for {clock.now() - start:.0f} s, trying again: {text}")

        return until(act, what, Deadline(clock, tell, WAY_OUT_SECONDS, retry_pauses(f"{self.holder} {what}")))

    def _keep_audit(self, release: Release) -> None:
        """The last document of the evidence; what it says is in the journal, too, so that it may be missing."""
        try:
            self.ports.evidence.put(release.id, "audit.jsonl", chain(release))
        except EnvironmentFailed as fault:
            self.ports.listener.progress(release.phase, f"not kept as evidence: audit.jsonl: {fault}")

    def _superseded_fault(self, release: Release, reason: str) -> Superseded:
        return Superseded(
            f"release {release.id} of {release.app} was taken over: {reason}", hint=f"gatewayctl status {release.app}"
        )

    def _read_after_interrupt(self, release: Release, saved: Record) -> Record:
        """The record after an interrupt, which may have hit while `release` was being written. Raises Superseded."""
        what = f"the journal of {release.app} to be read"
        current = self._insist(lambda: self.ports.journal.load(release.app), what, release.phase)
        if current and (current.version == saved.version or current.release == release):
            return current
        raise self._superseded_fault(release, "another process has written its journal")

    def _perform(self, saved: Record, effect: Effect, known: dict[str, str]) -> tuple[Release, Event]:
        """One effect; its note is journaled together with the event it leads to."""
        clock, listener, release = self.ports.clock, self.ports.listener, saved.release
        phase = release.phase
        listener.started(phase)
        start = clock.now()
        try:
            judgement = self._repeat(saved, effect, known)
            event, mark, text = event_of(phase, judgement), judgement.verdict.mark, judgement.text
        except (Superseded, Busy) as fault:
            raise self._superseded_fault(release, str(fault)) from fault
        except GatewayctlError as fault:
            cause = Cause.CONFLICT if isinstance(fault, Conflict) else Cause.ENVIRONMENT
            event, mark, text = Failed(phase, cause, _with_hint(fault)), "✗", str(fault)
        seconds = clock.now() - start
        if phase is Phase.OBSERVE:  # it may go on for hours, and through several processes
            seconds = max(seconds, clock.wall() - release.step_began)
        if isinstance(event, Passed) and event.more:
            listener.progress(phase, text)
            return release, event
        listener.ended(phase, mark, text, seconds)
        return release.with_note(replace(self._note(phase, mark, text), seconds=seconds)), event

    def _repeat(self, saved: Record, effect: Effect, known: dict[str, str]) -> Judgement:
        """Do one effect, again and again while what it needs is away for a moment; see outage.py."""
        clock, listener, release = self.ports.clock, self.ports.listener, saved.release
        verify = Ownership(self.ports, self.holder, saved).verify

        def tell(text: str) -> None:
            listener.progress(release.phase, text)

        outage = Outage(clock, tell, release.id, patience_of(release.phase))
        while True:
            try:
                return self._perform_once(saved, effect, known)
            except Transient as fault:
                outage.wait(fault, verify)
                self._check_time(release, fault)

    def _perform_once(self, saved: Record, effect: Effect, known: dict[str, str]) -> Judgement:
        """Do one effect once. On the way out what others change is Transient: the step reads it when it is repeated.

        A person could do no more than that either, and until one comes the canary would go on.
        """
        is_out = saved.release.phase in WAY_OUT
        try:
            judgement = perform(effect, self._step_of(saved, known), self.performers)
        except (Superseded, Busy):
            raise
        except Conflict as fault:
            if is_out:
                raise Transient(str(fault), hint=fault.hint) from fault
            raise
        if is_out and judgement.verdict is Verdict.CONFLICT:
            raise Transient(judgement.text)
        return judgement

    def _check_time(self, release: Release, fault: Transient) -> None:
        """Raises EnvironmentFailed on the way in of a release that has expired: what it would prove comes too late."""
        if release.phase not in WAY_OUT and release.has_expired(self.ports.clock.wall()):
            raise EnvironmentFailed(f"the release has expired while it waited: {fault}", hint=fault.hint) from fault

    def _step_of(self, saved: Record, known: dict[str, str]) -> StepContext:
        ownership = Ownership(self.ports, self.holder, saved)
        fence = Fence(ownership.verify, ownership.poll, known)
        return self._step(saved.release, fence, ownership.make_watch())

    def _step(self, release: Release, fence: Fence, watch: Callable[[], None]) -> StepContext:
        """What one step works with: all that can take long calls `watch`."""

        def tick(text: str) -> None:
            self.ports.listener.progress(release.phase, text)
            watch()

        gateway = self.ports.gateway
        watched = replace(gateway, prober=WatchedProber(gateway.prober, watch))
        return StepContext(replace(self.ports, gateway=watched), release, fence, tick)

    def _note(self, phase: Phase, mark: str, text: str) -> Note:
        return Note(phase, mark, text, self.ports.clock.wall(), 0.0, str(self.holder))


def _with_hint(fault: GatewayctlError) -> str:
    return f"{fault} ({fault.hint})" if fault.hint else str(fault)
