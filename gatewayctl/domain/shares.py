"""How many of the unmarked requests reached the canary, beside the share that was asked for; exact."""

import math
from collections.abc import Callable
from dataclasses import dataclass

CONFIDENCE = 0.999
_LEAST, _MOST = 100, 1000  # requests for one replica
_EXPECTED = 1.1 * math.log(2 / (1 - CONFIDENCE))  # so many answers of the canary that none at all does not fit
_STEPS = 60  # halvings: far below what is shown


@dataclass(frozen=True, slots=True)
class ShareCount:
    """Of `requests` unmarked ones, `canary` were answered by the canary."""

    requests: int
    canary: int

    def __add__(self, other: "ShareCount") -> "ShareCount":
        return ShareCount(self.requests + other.requests, self.canary + other.canary)

    @property
    def interval(self) -> tuple[float, float]:
        """The shares (0..1) that fit the count, with CONFIDENCE. Exact: Clopper and Pearson, Biometrika 26, 1934."""
        tail = (1 - CONFIDENCE) / 2
        low = 0.0 if not self.canary else _solve(lambda p: at_least(self.canary, self.requests, p) >= tail)
        high = 1.0 if self.canary == self.requests else _solve(lambda p: at_most(self.canary, self.requests, p) < tail)
        return low, high

    def fits(self, percent: int) -> bool:
        """Whether the share that was asked for is in the interval."""
        low, high = self.interval
        return low <= percent / 100 <= high

    def __str__(self) -> str:
        low, high = self.interval
        seen = 100 * self.canary / self.requests if self.requests else 0.0
        return (
            f"{seen:.1f} % of {self.requests:,} unmarked requests reached the canary "
            f"({100 * low:.1f} to {100 * high:.1f} %)"
        )


def requests_for(percent: int) -> int:
    """How many unmarked requests one replica is asked, so that a share that is not there cannot be taken for one."""
    return min(_MOST, max(_LEAST, math.ceil(_EXPECTED / (percent / 100))))


def at_most(count: int, of: int, share: float) -> float:
    """The probability of `count` or fewer out of `of`, each with probability `share`."""
    return math.fsum(_exactly(number, of, share) for number in range(count + 1))


def at_least(count: int, of: int, share: float) -> float:
    """The probability of `count` or more."""
    return math.fsum(_exactly(number, of, share) for number in range(count, of + 1))


def _exactly(count: int, of: int, share: float) -> float:
    if share <= 0 or share >= 1:
        return float(count == (of if share >= 1 else 0))
    ways = math.lgamma(of + 1) - math.lgamma(count + 1) - math.lgamma(of - count + 1)
    return math.exp(ways + count * math.log(share) + (of - count) * math.log1p(-share))


def _solve(is_above: Callable[[float], bool]) -> float:
    """The smallest probability from which on `is_above` holds, by halving."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if is_above(middle) else (middle, high)
    return high
