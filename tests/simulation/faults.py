"""What may go wrong in one schedule: drawn from the seed, and different from seed to seed.

Each seed allows its own part of all faults, at its own rate (swarm testing, Groce et al., ISSTA 2012): a schedule in
which everything fails at once never gets far enough to meet the rare things.
"""

from dataclasses import dataclass, field
from enum import Enum, StrEnum
from random import Random


class Kind(Enum):
    """What sort of call a process makes."""

    READ = "read"
    WRITE = "write"
    LEASE = "lease"
    ASK = "ask"


class Fault(StrEnum):
    """What may befall a call of a process. The first three groups are the perturbations of Sieve (OSDI 2022)."""

    # Intermediate state: the process dies between two of its writes.
    CRASH_BEFORE = "crash before the effect"
    CRASH_AFTER = "crash after the effect"
    # Stale view: it is shown an older version.
    STALE = "stale read"
    # Missed event: it sleeps through what happens, with or without its monotonic clock going on.
    PAUSED = "paused before the effect"
    PAUSED_AFTER = "paused after the effect"
    SUSPENDED = "suspended with its clock"
    # The network.
    FAILED = "request lost"
    LOST = "answer lost"
    LATE = "answer lost, effect delayed"
    DUPLICATED = "delivered twice"
    RETRIED = "retried by the client after a lost answer"
    # People and clocks.
    INTERRUPTED = "interrupted before the effect"
    INTERRUPTED_AFTER = "interrupted after the effect"
    CLOCK_BACK = "wall clock set back"
    CLOCK_AHEAD = "wall clock set ahead"


class WorldEvent(StrEnum):
    """What may befall the world itself."""

    CANARY_DIES = "canary pod dies"
    STABLE_DIES = "stable pod dies"
    GATE_RESTARTS = "replica restarts with the files as they are"
    GATE_RESTARTS_STALE = "replica restarts with the files of a moment ago"
    GATE_FREEZES = "replica leaves with its old files and comes back"
    GATE_NEW = "new replica with the files as they are"
    GATE_NEW_STALE = "new replica with the files of a moment ago"
    GATE_GONE = "replica is gone for good"
    GATE_SLOW = "replica takes files late"


_ANYTIME = (Fault.CRASH_BEFORE, Fault.PAUSED, Fault.SUSPENDED, Fault.INTERRUPTED, Fault.FAILED)
_SLEEP = {Fault.PAUSED, Fault.SUSPENDED}  # what leases and fences are for
_CLOCKS = (Fault.CLOCK_BACK, Fault.CLOCK_AHEAD)
_DONE = (Fault.CRASH_AFTER, Fault.LOST, Fault.PAUSED_AFTER, Fault.INTERRUPTED_AFTER)
# The effect takes place, and then it happens.
AFTER = frozenset({Fault.CRASH_AFTER, Fault.INTERRUPTED_AFTER, Fault.LOST})
_LATE_OR_TWICE = (Fault.LATE, Fault.DUPLICATED, Fault.RETRIED)
MENU: dict[Kind, tuple[Fault, ...]] = {
    Kind.READ: (*_ANYTIME, *_CLOCKS, Fault.STALE, Fault.STALE),
    Kind.WRITE: (*_ANYTIME, *_DONE, *_LATE_OR_TWICE),
    Kind.LEASE: (*_ANYTIME, *_DONE),
    Kind.ASK: _ANYTIME,
}
# How often each kind of call is hit in a rough schedule: reads and probes are a hundred for each write.
_ROUGH = {Kind.READ: 0.02, Kind.WRITE: 0.12, Kind.LEASE: 0.012, Kind.ASK: 0.003}
# Calls of which one, in most seeds, is hit far more often than the others; the beginnings of their names.
_FOCUS = ("change orders-canary", "change orders ", "write routes", "journal orders", "take lease", "load journal", "")
_FOCUSED = 0.3


@dataclass(slots=True)
class FaultPlan:
    """One seed's climate. Delays in seconds; once `quiet`, nothing goes wrong any more."""

    rng: Random
    rates: dict[Kind, float] = field(default_factory=dict)
    menu: dict[Kind, tuple[Fault, ...]] = field(default_factory=dict)
    events: tuple[WorldEvent, ...] = ()
    latency: float = 0.02
    lag: float = 1.0
    ready_delay: float = 2.0
    focus: str = ""
    only_sleeps: bool = False
    quiet: bool = False

    def next_fault(self, kind: Kind, effect: str) -> Fault | None:
        """What befalls the next call; most are spared."""
        if self.quiet:
            return None
        focused = self.focus and effect.startswith(self.focus)
        if self.rng.random() >= (_FOCUSED if focused else self.rates[kind]):
            return None
        menu = self.menu[kind]
        return self.rng.choice(menu) if menu else None


def draw_plan(rng: Random) -> FaultPlan:
    """The weather of a seed."""
    only_sleeps = rng.random() < 0.3
    allowed = _SLEEP if only_sleeps else {fault for fault in Fault if rng.random() < 0.4}
    roughness = 0.0 if only_sleeps else rng.choice((0.0, 0.3, 0.6, 1.0, 1.5))
    few = rng.choice((0, 0, 1, 2, 4))
    return FaultPlan(
        rng,
        rates={kind: rate * roughness for kind, rate in _ROUGH.items()},
        menu={kind: tuple(fault for fault in menu if fault in allowed) for kind, menu in MENU.items()},
        events=tuple(rng.choice(list(WorldEvent)) for _ in range(few)),
        latency=rng.choice((0.005, 0.02, 0.1)),
        lag=rng.choice((0.2, 1.0, 3.0)),
        ready_delay=rng.choice((0.5, 2.0, 5.0)),
        focus=rng.choice(_FOCUS[:4] if only_sleeps else _FOCUS),
        only_sleeps=only_sleeps,
    )
