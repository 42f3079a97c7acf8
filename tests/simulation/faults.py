"""What may go wrong in one schedule: drawn from the seed, and different from seed to seed.

Each seed allows its own part of all faults, at its own rate (swarm testing, Groce et al., ISSTA 2012): a schedule in
which everything fails at once never gets far enough to meet the rare things.
"""

from dataclasses import dataclass, field
from enum import Enum, StrEnum

from gatewayctl.domain.release import Phase
from tests.simulation.draws import Draws, Odds
from tests.simulation.troubles import Strict, Trouble, draw_strictness, draw_troubles


class Kind(Enum):
    """What sort of call a process makes."""

    READ = "read"
    WRITE = "write"
    LEASE = "lease"
    ASK = "ask"
    LIST = "list"


class Fault(StrEnum):
    """What may go wrong with a call of a process. The first three groups are the perturbations of Sieve (OSDI 2022)."""

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
    """What may happen to Pods and gateway replicas."""

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
# What costs time and nothing else, as long as it does not last.
PASSING_FAULTS = frozenset({Fault.FAILED, Fault.LOST, Fault.LATE, Fault.DUPLICATED, Fault.RETRIED})
# What may last longer than a deadline, or show what is no longer true.
LASTING_FAULTS = frozenset({Fault.PAUSED, Fault.PAUSED_AFTER, Fault.SUSPENDED, Fault.STALE})
_LATE_OR_TWICE = (Fault.LATE, Fault.DUPLICATED, Fault.RETRIED)
MENU: dict[Kind, tuple[Fault, ...]] = {
    Kind.READ: (*_ANYTIME, *_CLOCKS, Fault.STALE, Fault.STALE),
    Kind.WRITE: (*_ANYTIME, *_DONE, *_LATE_OR_TWICE),
    Kind.LEASE: (*_ANYTIME, *_DONE),
    Kind.ASK: _ANYTIME,
    Kind.LIST: _ANYTIME,
}
# How often each kind of call is hit in a rough schedule: reads and probes are a hundred for each write.
_ROUGH = {Kind.READ: 0.02, Kind.WRITE: 0.12, Kind.LEASE: 0.012, Kind.ASK: 0.003, Kind.LIST: 0.003}
# Calls of which one, in most seeds, is hit far more often than the others; the beginnings of their names.
_FOCUS = (
    "change orders-canary",
    "change orders ",
    "write routes",
    "journal orders",
    "take lease",
    "load journal",
    "look at the journal",
    "",
)
_FOCUSED = 0.3
NO_FAULT: Odds[Fault] = Odds(0.0, (), ())
# Phases in which a driving process dies in some seeds. Few releases come to some of them, or make few calls there.
OF_SHARES = (Phase.SHIFT, Phase.SHARE, Phase.OBSERVE, Phase.PAUSED, Phase.CARRY, Phase.RETURN)
_DEATHS = (
    *Phase,
    *(Phase.RESTORE, Phase.PAUSED) * 8,
    *(Phase.LOAD, Phase.WAIT, Phase.CONFIRM, Phase.CARRY, Phase.DONE) * 2,
)


@dataclass(slots=True)
class FaultPlan:
    """Which faults a seed allows, and how often. Delays in seconds; once `quiet`, there are no faults any more."""

    rates: dict[Kind, float]
    menu: dict[Kind, tuple[Fault, ...]]
    events: tuple[WorldEvent, ...] = ()
    latency: float = 0.02
    lag: float = 1.0
    ready_delay: float = 2.0
    focus: str = ""
    only_sleeps: bool = False
    troubles: frozenset[Trouble] = frozenset()
    strict: frozenset[Strict] = frozenset()
    moved_lag: float = 0.0
    dies_in: Phase | None = None
    quiet: bool = False
    _odds: dict[Kind, Odds[Fault]] = field(init=False)
    _focused: dict[Kind, Odds[Fault]] = field(init=False)

    def __post_init__(self) -> None:
        self._odds = {kind: Odds(self.rates[kind], self.menu[kind], MENU[kind]) for kind in Kind}
        self._focused = {kind: Odds(_FOCUSED, self.menu[kind], MENU[kind]) for kind in Kind}

    def odds_of(self, kind: Kind, effect: str) -> Odds[Fault]:
        """How likely a call is to meet a fault, and which."""
        if self.quiet:
            return NO_FAULT
        return self._focused[kind] if self.focus and effect.startswith(self.focus) else self._odds[kind]

    def is_time_to_die(self, phase: Phase) -> bool:
        """Whether the process that drives a release in this phase dies now: one does, in the phase that was drawn."""
        if self.quiet or phase is not self.dies_in:
            return False
        self.dies_in = None
        return True


def draw_plan(draws: Draws) -> FaultPlan:
    """The faults that a seed allows."""
    troubles = draw_troubles(draws)
    only_sleeps = draws.chance("faults / only sleeps", 0.3)
    allowed = _SLEEP if only_sleeps else {fault for fault in Fault if draws.chance(f"faults / {fault}", 0.4)}
    roughness = 0.0 if only_sleeps else draws.choice("faults / roughness", (0.0, 0.3, 0.6, 1.0, 1.5))
    dies = draws.chance("faults / a driver dies", 0.25)
    return FaultPlan(
        rates={kind: rate * roughness for kind, rate in _ROUGH.items()},
        menu={kind: tuple(fault for fault in menu if fault in allowed) for kind, menu in MENU.items()},
        events=tuple(
            draws.choice(f"event {number} / what", list(WorldEvent))
            for number in range(draws.choice("faults / events", (0, 0, 1, 2, 4)))
        ),
        latency=draws.choice("faults / latency", (0.005, 0.02, 0.1)),
        lag=draws.choice("gateway / lag", (0.2, 1.0, 3.0)),
        ready_delay=draws.choice("pods / ready delay", (0.5, 2.0, 5.0)),
        focus=draws.choice("faults / focus", _FOCUS[:4] if only_sleeps else _FOCUS),
        only_sleeps=only_sleeps,
        troubles=troubles,
        moved_lag=draws.seconds("journal / moved is late", (1.0, 5.0)) if Trouble.LATE_NEWS in troubles else 0.0,
        strict=draw_strictness(draws),
        dies_in=draws.choice("faults / a driver dies in", _DEATHS) if dies else None,
    )
