"""All that the judge remembers between two looks: plain figures, kept in the journal, so that a resume goes on."""

from dataclasses import dataclass, field, replace

from gatewayctl.domain.judge.evidence import Evidence
from gatewayctl.domain.judge.figures import Reading
from gatewayctl.domain.judge.kernel import Look
from gatewayctl.domain.judge.tally import Edges, Mark, Tally


@dataclass(frozen=True, slots=True)
class Track:
    """The evidence of one signal in both directions, and what it was counted from.

    `worse` says that the canary is beyond the fail line, over the whole release. `within` says that it is within the
    accept line, in this step; traffic has two, one for each side of its share, and needs both. `seen` counts requests
    and bad ones as the fail line does. `at` is the line itself: stable's edge in seconds, the share asked for (0..1),
    or nothing.
    """

    signal: str
    worse: tuple[Evidence, ...]
    within: tuple[Evidence, ...]
    seen: Look = field(default_factory=Look)
    at: float = 0.0

    def short(self) -> "Track":
        """The same with few digits."""
        return replace(
            self, worse=tuple(one.short() for one in self.worse), within=tuple(one.short() for one in self.within)
        )


@dataclass(frozen=True, slots=True)
class Peer:
    """One process of stable, played against the others as if it were the canary; known `since` that time, seconds."""

    process: str
    since: float
    tracks: tuple[Track, ...]


@dataclass(frozen=True, slots=True)
class JudgeState:
    """What was seen so far. Times are those of the snapshots, in seconds; None: not yet.

    `began` is the first good snapshot, `step_began` the first one of this step, `at` the last one, `counted_at` the
    last one with counters. `cold_until` is when the canary's latency begins to count. `last` are the counters at
    `counted_at`, `waiting_*` what was counted since both versions had requests. `stable` and `canary` are decayed,
    `step_*` are of this step. `block` began at `block_began`.
    `held` is for how long each rule of `fail`, then of `watch`, has held; None where it does not hold.

    `failed` is the sentence with which the canary failed; once said it stays. `disagrees` is the same of a stable
    process that differs from the others. `missing` counts looks of which nothing is known, `fault` says why the last.
    """

    tracks: tuple[Track, ...] = ()
    edges: Edges = ()
    began: float | None = None
    step_began: float | None = None
    at: float | None = None
    counted_at: float | None = None
    cold_until: float | None = None
    block_began: float = 0.0
    block: Look = field(default_factory=Look)
    last: tuple[Mark, ...] = ()
    waiting_canary: Tally = field(default_factory=Tally)
    waiting_stable: Tally = field(default_factory=Tally)
    waiting_seconds: float = 0.0
    stable: Tally = field(default_factory=Tally)
    canary: Tally = field(default_factory=Tally)
    step_canary: Tally = field(default_factory=Tally)
    step_stable: Tally = field(default_factory=Tally)
    gauges: tuple[Reading, ...] = ()
    held: tuple[float | None, ...] = ()
    peers: tuple[Peer, ...] = ()
    failed: str = ""
    disagrees: str = ""
    missing: int = 0
    fault: str = ""
    steps: int = 0

    def for_journal(self) -> "JudgeState":
        """The state with few digits, and short whatever the number of processes.

        What is left out costs one look after a resume, and the comparison of stable's processes begins again.
        """
        return replace(
            self,
            tracks=tuple(one.short() for one in self.tracks),
            last=(),
            peers=(),
            waiting_canary=self.waiting_canary.short(),
            waiting_stable=self.waiting_stable.short(),
            stable=self.stable.short(),
            canary=self.canary.short(),
            step_canary=self.step_canary.short(),
            step_stable=self.step_stable.short(),
        )
