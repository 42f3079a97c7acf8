"""Rules beside the statistics, as people write them: a figure, a limit, for how long, of how many samples."""

from dataclasses import dataclass
from enum import StrEnum


class Comparison(StrEnum):
    """How a figure relates to its limit."""

    BELOW = "<"
    AT_MOST = "<="
    ABOVE = ">"
    AT_LEAST = ">="

    def holds(self, figure: float, limit: float) -> bool:
        """Whether the figure does."""
        match self:
            case Comparison.BELOW:
                return figure < limit
            case Comparison.AT_MOST:
                return figure <= limit
            case Comparison.ABOVE:
                return figure > limit
            case Comparison.AT_LEAST:
                return figure >= limit


@dataclass(frozen=True, slots=True)
class Rule:
    """`figure` of the canary, compared with `limit`, or with that many times stable's figure when `of_stable`.

    Figures are `error_rate` and `success_rate` (0..1), `mean` and `p50`, `p95`, `p99.9` (seconds), `traffic` (the
    canary's share of the requests, over the share that it was given), or the name of a gauge. `seconds`: it must hold
    for so long, 0 for at once. `samples`: the least number of requests, or of reads of a gauge, without which nothing
    is known. `text` is what was written.
    """

    figure: str
    comparison: Comparison
    limit: float
    of_stable: bool = False
    seconds: float = 0.0
    samples: int = 1
    text: str = ""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """What each rule does.

    The canary passes only if all of `require` hold over the whole step. It fails as soon as one of `fail` holds, of
    what was counted lately; while one of them holds, or too little is known of it, the canary does not pass. `watch` is
    told and decides nothing. A step takes at least `least` seconds.
    """

    require: tuple[Rule, ...] = ()
    fail: tuple[Rule, ...] = ()
    watch: tuple[Rule, ...] = ()
    least: float = 0.0
