"""From buckets of durations to "so many of so many were slow": where the line lies, by stable's past alone."""

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import accumulate

from gatewayctl.domain.judge.kernel import Look, Margin
from gatewayctl.domain.judge.tally import Edges, Tally

_KNOWN = 50.0  # requests of stable's past that a quantile needs
_SLOW = 10.0  # of them beyond the line, where the shape of stable's tail is used as well
_SAME = 1 + 1e-9  # edges that differ by less are the same edge, computed in two ways
_CAP = 40.0  # times stable's mean: one answer counts for no more in the mean


@dataclass(frozen=True, slots=True)
class Line:
    """Slow is above bucket edge number `stable` for stable, and above number `canary` for the canary.

    The canary's share of slow answers is compared with `margin` of stable's. `forecast` is stable's share in the past,
    `at` is stable's edge in seconds.
    """

    stable: int
    canary: int
    margin: Margin
    forecast: float
    at: float

    def look(self, canary: Tally, stable: Tally) -> Look:
        """How many were slow of each."""
        slow = sum(canary.bins[self.canary + 1 :]), sum(stable.bins[self.stable + 1 :])
        return Look(sum(canary.bins), slow[0], sum(stable.bins), slow[1])


@dataclass(frozen=True, slots=True)
class Past:
    """Stable's past: the bucket edges in seconds, and the share of requests above each of them."""

    edges: Edges
    above: tuple[float, ...]
    known: float

    @classmethod
    def of(cls, edges: Edges, tally: Tally) -> "Past | None":
        """None where it has too few requests to know a quantile."""
        if len(tally.bins) != len(edges) + 1:
            return None
        sums = list(accumulate(tally.bins))
        if sums[-1] < _KNOWN:
            return None
        return cls(edges, tuple(1 - one / sums[-1] for one in sums[:-1]), sums[-1])

    def edge(self, quantile: float) -> int | None:
        """The number of the edge whose share above is nearest to 1 - `quantile`; None if all are in one bucket.

        Nearest by ratio, as 0.2 % is as far from 1 % as 5 % is.
        """
        seen = [number for number, share in enumerate(self.above) if 0 < share < 1]
        return min(seen, key=lambda number: abs(math.log(self.above[number] / (1 - quantile))), default=None)

    def shares_above(self, seconds: float) -> float | None:
        """The share of requests that took longer, between edges by a power law; None outside of the edges seen."""
        high = bisect_left(self.edges, seconds)
        if high >= len(self.edges) or (high == 0 and seconds < self.edges[0]):
            return None
        if self.edges[high] == seconds:
            return self.above[high]
        low = high - 1
        if self.above[low] <= 0 or self.above[high] <= 0 or self.edges[low] <= 0:
            return None
        part = math.log(seconds / self.edges[low]) / math.log(self.edges[high] / self.edges[low])
        return float(self.above[low] ** (1 - part) * self.above[high] ** part)


def line(past: Past, quantile: float, margin: Margin, *, accept: bool) -> Line | None:
    """Where slow begins for a quantile, if the canary may take `margin.ratio` times as long, plus `margin.extra`.

    The canary's own edge is that many times stable's. It is rounded to a bucket's edge so that evidence is never too
    much: up for the fail line, down for the accept line. Where buckets are too coarse for that, both versions have the
    same edge x: a canary that takes kappa times as long has the share above x that stable has above x / kappa. None
    where the buckets tell nothing.
    """
    number = past.edge(quantile)
    if number is None:
        return None
    edge = past.edges[number]
    forecast = (past.above[number] * past.known + 0.5) / (past.known + 1)
    allowed = margin.of(edge)
    coarse = number + 1 >= len(past.edges) or past.edges[number + 1] > allowed * _SAME
    if coarse and allowed > edge:
        return _coarse(past, number, edge * edge / allowed, forecast)
    nearly = allowed * _SAME
    canary = bisect_right(past.edges, nearly) - 1 if accept else bisect_left(past.edges, allowed / _SAME)
    if canary >= len(past.edges):
        return _coarse(past, number, edge * edge / allowed, forecast)
    return Line(number, canary, Margin(), forecast, edge)


def _coarse(past: Past, number: int, shorter: float, forecast: float) -> Line | None:
    """`shorter` is stable's edge divided by what the margin allows."""
    share = past.shares_above(shorter)
    if share is None or past.above[number] * past.known < _SLOW:
        return None
    return Line(number, number, Margin(share / past.above[number]), forecast, past.edges[number])


def mean_look(edges: Edges, past: Tally, canary: Tally, stable: Tally) -> tuple[Look, float] | None:
    """Each duration as a part (0..1) of 40 times stable's mean, summed; and stable's part in the past.

    None where nobody measures durations, or the past has too few.
    """
    if past.timed < _KNOWN or past.seconds <= 0:
        return None
    cap = _CAP * past.seconds / past.timed
    look = Look(canary.timed, _parts(edges, canary, cap), stable.timed, _parts(edges, stable, cap))
    return look, 1 / _CAP


def _parts(edges: Edges, tally: Tally, cap: float) -> float:
    """The sum of durations, each as a part of `cap`, none more than 1.

    The sum of all durations is known, and not each of them. Those in buckets above the cap count 1 each; the rest of
    the sum is what is left without them, within what their buckets allow. Without buckets an answer above the cap
    counts for as much as it took.
    """
    beyond = bisect_left(edges, cap)
    if not tally.bins or beyond >= len(edges):
        return min(tally.seconds / cap, tally.timed)
    over = sum(tally.bins[beyond + 1 :])
    if not over:
        return min(tally.seconds / cap, tally.timed)
    rest = tally.bins[: beyond + 1]
    most = sum(count * edge for count, edge in zip(rest, edges, strict=False))
    least = sum(count * edge for count, edge in zip(rest, (0.0, *edges), strict=False))
    left = min(max(tally.seconds - over * edges[beyond], least), most)
    return min(left / cap, sum(rest)) + over
