"""What was observed at which time, and which faults follow from it.

Two objects cannot be read at the same instant. An observation of one that is a fault only together with a state of the
other is kept as a suspicion until the other was observed before and after it. It is a fault if both agree.
"""

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Invariant(StrEnum):
    """What is watched: DESIGN.md's invariants, as far as they can be seen from outside."""

    UNMARKED = "I1: unmarked requests are answered by stable"
    ANSWERED = "no request fails"
    ROUTED = "I2: once a release says routed, marked requests reach the canary on every replica"
    READY = "I3: no rule points at a canary without ready endpoints"
    BYTES = "I4, I7: nothing but our own named lines is ever changed"
    STABLE = "I9: stable is changed by promote alone, and only its image"
    JOURNAL = "I5: the journal only goes on"


@dataclass(frozen=True, slots=True)
class Observation:
    """Something looked at between two moments (monotonic seconds)."""

    value: Any
    begun: float
    ended: float


class Timeline:
    """The observations of one object, in the order of time."""

    def __init__(self) -> None:
        self._seen: list[Observation] = []
        self._lock = threading.Lock()

    def put(self, value: Any, begun: float, ended: float) -> None:
        with self._lock:
            self._seen.append(Observation(value, begun, ended))

    def before(self, moment: float) -> Observation | None:
        """The last one that was over by then."""
        with self._lock:
            place = bisect_right(self._seen, moment, key=lambda one: one.ended)
            return self._seen[place - 1] if place else None

    def after(self, moment: float) -> Observation | None:
        """The first one that began later; None when there is none yet."""
        with self._lock:
            place = bisect_left(self._seen, moment, key=lambda one: one.begun)
            return self._seen[place] if place < len(self._seen) else None

    @property
    def last(self) -> Any:
        with self._lock:
            return self._seen[-1].value if self._seen else None


@dataclass(frozen=True, slots=True)
class Suspicion:
    """`what` was seen between two moments: a fault if `guilty` holds of `line` before and after."""

    invariant: Invariant
    what: str
    begun: float
    ended: float
    line: Timeline
    guilty: Callable[[Any], bool]

    @property
    def verdict(self) -> bool | None:
        """Whether it is a fault; None while that cannot be told."""
        before, after = self.line.before(self.begun), self.line.after(self.ended)
        if before is None or not self.guilty(before.value):
            return False
        return None if after is None else self.guilty(after.value)


@dataclass
class FaultLog:
    """All faults and suspicions, from several threads."""

    faults: list[tuple[Invariant, str]] = field(default_factory=list)
    open: list[Suspicion] = field(default_factory=list)
    judged: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add_fault(self, invariant: Invariant, what: str) -> None:
        with self._lock:
            if (invariant, what) not in self.faults:
                self.faults.append((invariant, what))

    def add_suspicion(self, suspicion: Suspicion) -> None:
        with self._lock:
            self.open.append(suspicion)

    def judge(self) -> None:
        """Decide what can be decided by now."""
        with self._lock:
            pending, self.open = self.open, []
        for one in pending:
            verdict = one.verdict
            if verdict is None:
                self.add_suspicion(one)
                continue
            self.judged += 1
            if verdict:
                self.add_fault(one.invariant, one.what)
