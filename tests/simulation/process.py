"""One process on one machine: each call happens at a time of its own, and the seed decides which fault it meets.

Between two calls a process can neither see nor change anything, so a pause, a death or another process fits in exactly
before each call; "after the effect" is for calls whose answer never comes home.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from greenlet import greenlet

from gatewayctl.domain.errors import ExitCode, GatewayctlError, Transient
from gatewayctl.domain.platform import Holder
from gatewayctl.domain.release import Release
from tests.fakes.world import Killed
from tests.simulation.coverage import Coverage
from tests.simulation.faults import AFTER, NO_FAULT, Fault, Kind
from tests.simulation.fences import PendingWrite, Violation, Writer
from tests.simulation.state import ScheduleState
from tests.simulation.transitions import Mover
from tests.simulation.troubles import Trouble

T = TypeVar("T")
_PAUSES = (0.5, 5.0, 90.0, 90.0, 400.0)  # seconds; a lease lives 60
_NAP = 0.5


class Process:
    """Makes calls, one after the other. `spared` ones meet no fault: outsiders, and the last commands of a schedule."""

    def __init__(self, state: ScheduleState, name: str, *, spared: bool = False) -> None:
        number = sum(one.base_name == name for one in state.processes) + 1
        state.processes.append(self)
        self.state, self.base_name, self.spared = state, name, spared
        self.name = name if number == 1 else f"{name} ({number})"  # its draws are named after it
        self.draws = state.draws
        self._sleep_stream = f"{self.name} / sleep"
        self.world = state.world
        self.pid = len(state.processes)
        self.holder = Holder(self.name, "somewhere", self.pid, self.world.wall())
        self.dead = False
        self.pausing = False
        self.paused_until = -1000.0
        self.skew = 0.0
        self.lost_time = 0.0
        self.listed = -1000.0
        self.tested = (-1000.0, -1000.0)
        self.faults_met: set[Fault] = set()
        self.fault_count = 0
        self.grants: dict[str, float] = {}
        self.greenlet: greenlet | None = None
        self.app = ""
        self.apps_used: set[str] = set()
        self.begun = self.over = self.completed = False
        self.code: ExitCode | None = None
        self.ended: Release | None = None
        self.command = self.meant = self.elsewhere = ""
        self.read: dict[str, float] = {}
        self.coverage = Coverage()

    # -- ports.Clock ----------------------------------------------------------------------------------------------

    def now(self) -> float:
        """Monotonic; it stands still while the machine sleeps."""
        return self.world.time - self.lost_time

    def wall(self) -> float:
        """This machine's idea of the date."""
        return self.world.wall() + self.skew

    def sleep(self, seconds: float) -> None:
        """At least so long; a machine may be busy."""
        self.world.loop.wait(seconds * (1.0 + 4.0 * self.draws.number(self._sleep_stream) ** 2))
        self.check_alive()

    def seconds(self, purpose: str, most: float) -> float:
        """How long a person or a controller takes before what comes next, drawn from the seed."""
        return self.draws.seconds(f"{self.name} / {purpose}", (most,))

    @property
    def release(self) -> Release | None:
        """The open release of the application that it works on."""
        record = self.world.records.get(self.app)
        return record.release if record and not record.release.ended else None

    # -- calls ----------------------------------------------------------------------------------------------------

    def check_alive(self) -> None:
        """Raises Killed when this process is dead."""
        if self.dead:
            raise Killed(self.name)

    def call(self, effect: str, run: Callable[[], T], kind: Kind) -> T:
        """Make one call after its latency, or meet a fault."""
        plan = self.world.plan
        self.check_alive()
        odds = NO_FAULT if self.spared else plan.odds_of(kind, effect)
        latency, fault = self.draws.call(f"{self.name} / {effect}", odds)
        self.world.loop.wait(plan.latency * latency)
        self.check_alive()
        if fault is None and plan.dies_in is not None:
            fault = self._planned_death()
        if not self.spared and plan.troubles:
            self._check_api(kind, effect)
        if fault is None:
            answer = self.do(effect, run)
        else:
            self.faults_met.add(fault)
            self.fault_count += 1
            self.state.tally.add(f"fault: {fault}")
            self.state.observer.judge.note_fault(self.app, fault)
            self.trace(effect, f"! {fault}")
            answer = self._apply_fault(fault, effect, run)
        if kind is Kind.READ and fault is not Fault.STALE:
            self._remember(effect, answer)
        return answer

    def _check_api(self, kind: Kind, effect: str) -> None:
        try:
            self.world.conditions.check_api(kind, effect)
        except GatewayctlError:
            self.state.observer.judge.note_fault(self.app, Fault.FAILED)
            self.state.tally.add("requests refused while the API is away")
            self.trace(effect, f"! {Trouble.OUTAGE}")
            raise

    def _planned_death(self) -> Fault | None:
        plan = self.world.plan
        if self.spared or self.app not in self.grants:
            return None
        record = self.world.records.get(self.app)
        return Fault.CRASH_BEFORE if record and plan.is_time_to_die(record.release.phase) else None

    def do(self, effect: str, run: Callable[[], T]) -> T:
        """The call itself, looked at by the observer."""
        try:
            answer = run()
        except GatewayctlError as refused:
            self.trace(effect, f"→ {type(refused).__name__}")
            raise
        except Violation as found:
            self.trace(effect, "")
            raise self.state.stop(found) from found
        self.trace(effect, "")
        if self.world.dirty:
            self.state.look()
        return answer

    def writer(self) -> Writer:
        """What the observer needs to know of the sender of a write, as of now: the write may arrive much later."""
        met = self.faults_met
        mover = Mover(self.command, Fault.INTERRUPTED in met or Fault.INTERRUPTED_AFTER in met, bool(met), self.wall())
        token, saw_stale = self.grants.get(self.app), Fault.STALE in met
        known = self.listed, saw_stale, mover, self.meant, self.read, self.coverage, self.tested, self.elsewhere
        return Writer(self.name, self.app, token, *known)

    @contextmanager
    def pending_write(self, name: str, version: str) -> Iterator[None]:
        """While a write that replaces this version of an object is on its way."""
        pending_writes = self.state.observer.fences.pending_writes
        pending_writes[self] = PendingWrite(self.app, name, version, self.grants.get(self.app))
        try:
            yield
        finally:
            del pending_writes[self]

    def trace(self, effect: str, what: str) -> None:
        """One line of the trace."""
        tally = self.state.tally
        tally.step_count += 1
        if tally.steps is not None:
            tally.step(self.world.time, self.name, effect, what)

    def die(self) -> Killed:
        """Mark it as dead; the seed decides whether others can be sure of that."""
        self.dead = True
        if self.draws.chance(f"{self.name} / others know that it died", 0.5):
            self.world.dead.add(self.pid)
        self.state.tally.add("crashes")
        record = self.world.records.get(self.app)
        self.state.tally.add(f"died in {record.release.phase if record else 'the beginning'}")
        return Killed(self.name)

    def _apply_fault(self, fault: Fault, effect: str, run: Callable[[], T]) -> T:
        if fault in AFTER:
            self.do(effect, run)
        match fault:
            case Fault.CRASH_BEFORE | Fault.CRASH_AFTER:
                raise self.die()
            case Fault.INTERRUPTED | Fault.INTERRUPTED_AFTER:
                raise KeyboardInterrupt
            case Fault.FAILED | Fault.LOST:
                raise Transient(f"{effect}: connection reset")
            case Fault.LATE:
                self._deliver_later(effect, run)
                raise Transient(f"{effect}: no answer in time")
            case Fault.DUPLICATED:
                answer = self.do(effect, run)
                self._deliver_later(effect, run)
                return answer
            case Fault.RETRIED:
                self.do(effect, run)
                return self.do(effect, run)
            case Fault.STALE:
                return self._read_stale(effect, run)
            case _:
                return self._shift_time(fault, effect, run)

    def _shift_time(self, fault: Fault, effect: str, run: Callable[[], T]) -> T:
        if fault is Fault.CLOCK_BACK:
            self.skew -= 300.0
        elif fault is Fault.CLOCK_AHEAD:
            self.skew += 300.0
        elif fault is Fault.PAUSED_AFTER:
            answer = self.do(effect, run)
            self._pause(effect)
            return answer
        else:
            slept = self._pause(effect)
            if fault is Fault.SUSPENDED:
                self.lost_time += slept
        return self.do(effect, run)

    def _pause(self, effect: str) -> float:
        """Sleep for a drawn time, or until another process has just taken over: waking up is most dangerous then.

        Returns the seconds that passed.
        """
        draws, loop, stream = self.draws, self.world.loop, f"{self.name} / {effect}"
        start = self.world.time
        end = start + draws.choice(f"{stream} / pause", _PAUSES) * (0.5 + draws.number(f"{stream} / pause varies"))
        wary = draws.chance(f"{stream} / wakes up after a takeover", 0.5)
        followed = self.state.observer.fences.grants_of(self.app)
        self.pausing = True
        while self.world.time < end:
            loop.wait(min(_NAP, end - self.world.time) if wary else end - self.world.time)
            if wary and self.state.observer.fences.grants_of(self.app) != followed:
                loop.wait(draws.seconds(f"{stream} / after the takeover", (0.0, 0.5, 2.0, 8.0)))
                break
        self.pausing, self.paused_until = False, self.world.time
        if self.state.observer.fences.grants_of(self.app) != followed:
            self.state.tally.add(f"woke up when another one had taken over: {effect.split(' ')[0]}")
        self.check_alive()
        return self.world.time - start

    def _deliver_later(self, effect: str, run: Callable[[], T]) -> None:
        """Let the same request take effect later; nobody gets the answer."""

        def deliver() -> None:
            try:
                self.do(f"{effect} (late)", run)
                self.state.tally.add("late writes that took effect")
            except GatewayctlError:
                self.state.tally.add("late writes refused")

        delay = self.draws.seconds(f"{self.name} / {effect} / delivered later", (0.1, 2.0, 10.0, 60.0))
        self.world.loop.after(delay, deliver)

    def _read_stale(self, effect: str, run: Callable[[], T]) -> T:
        older = self.state.seen.get(effect)
        if not older:
            return self.do(effect, run)
        place = self.draws.number(f"{self.name} / {effect} / which older answer")
        return older[int(place * len(older))]  # type: ignore[return-value]

    def _remember(self, effect: str, answer: object) -> None:
        seen = self.state.seen.get(effect)
        if seen is None:
            seen = self.state.seen[effect] = deque(maxlen=4)
        if not seen or (seen[-1] is not answer and seen[-1] != answer):
            seen.append(answer)
