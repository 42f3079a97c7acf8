"""Histograms that can be merged, and the two tests a comparison needs: Mann-Whitney for latency, Fisher for errors.

Own code on purpose: scipy would add 114 MB for 100 lines. The tests compare every figure with scipy's.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_GROWTH = 1.02  # each bound is 2% above the one before, so a quantile is off by 1% at most
_FLOOR = 1e-5  # seconds; all below share a bucket
_PER_BUCKET = 1 / math.log(_GROWTH)


def bucket_of(seconds: float) -> int:
    """Index of the bucket that holds `seconds`."""
    return 0 if seconds <= _FLOOR else 1 + int(math.log(seconds / _FLOOR) * _PER_BUCKET)


def value_of(bucket: int) -> float:
    """The middle of a bucket, in seconds (geometric)."""
    return _FLOOR if bucket == 0 else float(_FLOOR * _GROWTH ** (bucket - 0.5))


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts per logarithmic bucket; adding two is exact."""

    counts: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, seconds: Iterable[float]) -> "Histogram":
        """A histogram of these durations."""
        counts: dict[int, int] = {}
        for one in seconds:
            bucket = bucket_of(one)
            counts[bucket] = counts.get(bucket, 0) + 1
        return cls(counts)

    @property
    def total(self) -> int:
        """How many durations it holds."""
        return sum(self.counts.values())

    def __add__(self, other: "Histogram") -> "Histogram":
        counts = dict(self.counts)
        for bucket, count in other.counts.items():
            counts[bucket] = counts.get(bucket, 0) + count
        return Histogram(counts)

    def above(self, seconds: float) -> int:
        """How many durations are in buckets above the one that holds `seconds`."""
        limit = bucket_of(seconds)
        return sum(count for bucket, count in self.counts.items() if bucket > limit)

    def quantile(self, q: float) -> float:
        """The duration below which a share `q` (0..1) lies, in seconds; nan when empty. Nearest rank."""
        total = self.total
        if not total:
            return math.nan
        rank = max(1, math.ceil(q * total))
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= rank:
                return value_of(bucket)
        raise AssertionError("ranks end with the last bucket")


def mann_whitney(a: Histogram, b: Histogram) -> float:
    """One-sided p that values of `b` are not larger than those of `a` (normal approximation, ties corrected).

    Mann & Whitney 1947; tie correction as in Lehmann, Nonparametrics, 1975. 1.0 when either is empty.
    """
    n, m = a.total, b.total
    if not n or not m:
        return 1.0
    seen_a, u, ties = 0, 0.0, 0
    for bucket in sorted({*a.counts, *b.counts}):
        in_a, in_b = a.counts.get(bucket, 0), b.counts.get(bucket, 0)
        u += in_b * (seen_a + in_a / 2)
        seen_a += in_a
        tied = in_a + in_b
        ties += tied**3 - tied
    size = n + m
    variance = n * m / 12 * ((size + 1) - ties / (size * (size - 1))) if size > 1 else 0.0
    if variance <= 0:
        return 1.0
    z = (u - n * m / 2 - 0.5) / math.sqrt(variance)
    return 0.5 * math.erfc(z / math.sqrt(2))


def fisher_greater(errors_a: int, total_a: int, errors_b: int, total_b: int) -> float:
    """One-sided p that `b` has no higher error share than `a` (Fisher's exact test, hypergeometric tail)."""
    errors = errors_a + errors_b
    total = total_a + total_b
    if not errors or not total_a or not total_b:
        return 1.0

    def log_choose(n: int, k: int) -> float:
        return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)

    whole = log_choose(total, errors)
    tail = sum(
        math.exp(log_choose(total_b, k) + log_choose(total_a, errors - k) - whole)
        for k in range(errors_b, min(errors, total_b) + 1)
        if errors - k <= total_a
    )
    return min(1.0, tail)
