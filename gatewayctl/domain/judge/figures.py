"""The figures that rules name, of one version, as plain as a dashboard shows them; what is not known is None."""

import math
import re
from dataclasses import dataclass, field

from gatewayctl.domain.judge.rules import Comparison, Rule
from gatewayctl.domain.judge.tally import Edges, Tally
from gatewayctl.domain.signals import Version

QUANTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?)")
SHARES = ("error_rate", "success_rate", "traffic")
DURATIONS = ("mean",)


@dataclass(frozen=True, slots=True)
class Reading:
    """A gauge as it was read last, at `at` in seconds; `reads` counts those of this step that had a value."""

    name: str
    canary: float | None
    stable: float | None
    at: float
    reads: int


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure, and of how many samples. With `or_more` it is only known to be above `value`."""

    value: float | None
    samples: float
    or_more: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules are about: both versions over some time, and the gauges. `share` is the one asked for, in percent."""

    edges: Edges
    canary: Tally
    stable: Tally
    gauges: tuple[Reading, ...] = field(default=())
    share: float | None = None

    def measure(self, figure: str, version: Version) -> Measured:
        """The figure of one version."""
        tally = self.canary if version is Version.CANARY else self.stable
        if figure == "traffic":
            return self._traffic()
        if figure in ("error_rate", "success_rate"):
            rate = tally.errors / tally.requests if tally.requests else None
            wanted = 1 - rate if rate is not None and figure == "success_rate" else rate
            return Measured(wanted, tally.requests)
        if figure == "mean":
            return Measured(tally.seconds / tally.timed if tally.timed and tally.seconds else None, tally.timed)
        named = QUANTILE.fullmatch(figure)
        return _quantile(self.edges, tally, float(named[1]) / 100) if named else self._gauge(figure, version)

    def holds(self, rule: Rule) -> bool | None:
        """Whether a rule does; None where too little is known."""
        canary = self.measure(rule.figure, Version.CANARY)
        limit = rule.limit
        if rule.of_stable:
            stable = self.measure(rule.figure, Version.STABLE)
            if stable.value is None or stable.or_more or stable.samples < rule.samples:
                return None
            limit *= stable.value
        if canary.value is None or canary.samples < rule.samples:
            return None
        if canary.or_more and limit >= canary.value:
            return None
        return Comparison(rule.comparison).holds(canary.value, limit)

    def _traffic(self) -> Measured:
        all_ = self.canary.requests + self.stable.requests
        known = all_ > 0 and self.share is not None and self.share > 0
        return Measured(self.canary.requests / all_ * 100 / self.share if known and self.share else None, all_)

    def _gauge(self, name: str, version: Version) -> Measured:
        found = next((one for one in self.gauges if one.name == name), None)
        if found is None:
            return Measured(None, 0)
        return Measured(found.canary if version is Version.CANARY else found.stable, found.reads)


def _quantile(edges: Edges, tally: Tally, part: float) -> Measured:
    """Linear inside a bucket, as `histogram_quantile` of Prometheus does, whose figures people know."""
    all_ = sum(tally.bins)
    if not all_:
        return Measured(None, 0)
    wanted, below = part * all_, 0.0
    for number, (low, high) in enumerate(zip((0.0, *edges), edges, strict=False)):
        inside = tally.bins[number]
        if inside and below + inside >= wanted:
            return Measured(low + (high - low) * max(0.0, wanted - below) / inside, all_)
        below += inside
    return Measured(math.nextafter(edges[-1], math.inf) if edges else None, all_, or_more=True)
