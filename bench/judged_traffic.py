"""Traffic of two versions for the judge's benchmark: counts in each second, drawn from stated distributions.

Durations are a lognormal body (median 50 ms, sigma 0.4) with a Pareto tail, in buckets of 15 % as Micrometer has them.
Arrivals are Poisson. What both versions share in a second (a slow database, an outage) is drawn once for both.
"""

import math
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise
from random import Random
from statistics import NormalDist

EDGES = tuple(0.005 * 1.15**step for step in range(55))
MIDDLES = (*(edge / 1.15**0.5 for edge in EDGES), EDGES[-1] * 1.5)
_BINS = range(len(MIDDLES))
_MEDIAN, _SIGMA = 0.05, 0.4
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Shape:
    """One version's answers: the share of errors, how many times as long answers take, and what is odd about them.

    `tail` of the answers come from a Pareto distribution of index `index` that begins at twice the median. `slow` of
    them take 5 times as long: two kinds of answers (bimodal). `tail_times` stretches the Pareto tail alone.
    """

    errors: float = 0.005
    times: float = 1.0
    tail: float = 0.03
    index: float = 1.5
    slow: float = 0.0
    tail_times: float = 1.0


@dataclass(frozen=True, slots=True)
class World:
    """What requests of both versions meet.

    `burst`: rates swing by this factor between calm and busy seconds. `clump`: errors come in so many at once. `drift`:
    standard deviation of a slow common change of all durations (AR(1), 0.95 a second). `own`: the same of each version
    alone. `outage`: for 40 s in the run both are 3 times slower with 20 times the errors.
    """

    burst: float = 1.0
    clump: int = 1
    drift: float = 0.0
    own: float = 0.0
    outage: bool = False


@dataclass(slots=True)
class Arm:
    """The counters of one version since the run began."""

    requests: int
    errors: int
    seconds: float
    bins: list[int]


def new_arm() -> Arm:
    """Before the first request."""
    return Arm(0, 0, 0.0, [0] * len(MIDDLES))


@cache
def _weights(shape: Shape, percent: int) -> tuple[float, ...]:
    """Cumulative weights of the bins; `percent` is how long answers take against the usual, 100 for as long."""
    factor = percent / 100 * shape.times
    body = [_NORMAL.cdf(math.log(edge / _MEDIAN / factor) / _SIGMA) for edge in EDGES]
    slow = [_NORMAL.cdf(math.log(edge / _MEDIAN / factor / 5) / _SIGMA) for edge in EDGES]
    least = 2 * _MEDIAN * factor * shape.tail_times
    tail = [1 - (least / edge) ** shape.index if edge > least else 0.0 for edge in EDGES]
    rest = 1 - shape.tail - shape.slow
    sums = [rest * a + shape.slow * b + shape.tail * c for a, b, c in zip(body, slow, tail, strict=True)]
    return tuple(accumulate([sums[0], *(b - a for a, b in pairwise(sums)), 1 - sums[-1]]))


class Traffic:
    """Two arms under one world; `rate` requests a second for each."""

    def __init__(self, seed: int, world: World, shapes: tuple[Shape, Shape], rate: float, seconds: int) -> None:
        self._random = Random(seed)  # noqa: S311 (a simulation)
        self._world, self._shapes, self._rate = world, shapes, rate
        self._drift, self._own = 0.0, [0.0, 0.0]
        self._outage = self._random.randrange(max(1, seconds - 40)) if world.outage else seconds
        self._at = 0
        self.arms = (new_arm(), new_arm())

    def second(self) -> None:
        """One more second: stable's counters are the first arm's, the canary's the second's."""
        random, world = self._random, self._world
        out = self._outage <= self._at < self._outage + 40
        self._at += 1
        self._drift = 0.95 * self._drift + random.gauss(0, world.drift * 0.31)
        busy = world.burst if random.random() < 0.5 else 1 / world.burst
        for number, (arm, shape) in enumerate(zip(self.arms, self._shapes, strict=True)):
            self._own[number] = 0.95 * self._own[number] + random.gauss(0, world.own * 0.31)
            factor = math.exp(self._drift + self._own[number]) * (3 if out else 1)
            weights = _weights(shape, round(100 * factor))
            self._count(arm, weights, shape.errors * (20 if out else 1), _poisson(random, self._rate * busy))

    def _count(self, arm: Arm, weights: tuple[float, ...], errors: float, requests: int) -> None:
        clump = self._world.clump
        failed = min(requests, clump * _poisson(self._random, errors * requests / clump))
        arm.requests += requests
        arm.errors += failed
        for one in self._random.choices(_BINS, cum_weights=weights, k=requests - failed):
            arm.bins[one] += 1
            arm.seconds += MIDDLES[one]


def _poisson(random: Random, mean: float) -> int:
    """A Poisson draw: by inversion below 30 (Devroye 1986, III.3), above that by the normal approximation."""
    if mean >= 30:
        return max(0, round(random.gauss(mean, math.sqrt(mean))))
    chance, found, drawn = math.exp(-mean), 0, random.random()
    total = chance
    while drawn > total and found < 1000:
        found += 1
        chance *= mean / found
        total += chance
    return found
