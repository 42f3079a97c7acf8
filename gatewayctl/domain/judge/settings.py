"""What a canary is judged by: the signals with their margins, the error rates of the judge itself, and the rules."""

import math
from dataclasses import dataclass, field
from enum import StrEnum

from gatewayctl.domain.judge.kernel import Margin
from gatewayctl.domain.judge.rules import RuleSet


class Kind(StrEnum):
    """What a signal compares."""

    ERRORS = "errors"
    MEAN = "mean"
    QUANTILE = "quantile"
    TRAFFIC = "traffic"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Signal:
    """One figure of both versions.

    The canary fails when its figure is certainly beyond `fail`, and passes when it is certainly within `accept`, which
    is the looser line: a canary that is as good as stable can be shown to be within it. The `extra` of a margin is a
    share for errors, seconds for latency, the gauge's own unit for a gauge. `quantile` (0..1) is for its kind. With
    `lower_is_worse` a gauge is bad when it falls, such as free memory; then the lines are stable's value divided by
    the ratio, minus the extra.

    TRAFFIC compares the canary's share of the requests with the share that was asked for, not with stable: it fails
    beyond `ratio` times more or less.
    """

    name: str
    kind: Kind
    fail: Margin
    accept: Margin
    quantile: float = 0.0
    lower_is_worse: bool = False


def quantile(percent: float, fail: float, accept: float) -> Signal:
    """The signal of a latency quantile, such as p95, with its two ratios."""
    return Signal(f"p{percent:g}", Kind.QUANTILE, Margin(fail), Margin(accept), percent / 100)


def gauge(name: str, fail: Margin, accept: Margin, *, lower_is_worse: bool = False) -> Signal:
    """The signal of a gauge; its name is the one in the snapshots."""
    return Signal(name, Kind.GAUGE, fail, accept, lower_is_worse=lower_is_worse)


ERRORS = Signal("errors", Kind.ERRORS, Margin(1.25, 0.0005), Margin(1.5, 0.001))
MEAN = Signal("mean", Kind.MEAN, Margin(1.1), Margin(1.25))
TRAFFIC = Signal("traffic", Kind.TRAFFIC, Margin(1.1), Margin(1.5))
STANDARD = (ERRORS, quantile(50, 1.1, 1.2), quantile(95, 1.2, 1.5), quantile(99, 1.3, 1.5), MEAN, TRAFFIC)
LOW_TRAFFIC = (
    Signal("errors", Kind.ERRORS, Margin(1.25, 0.0005), Margin(1.5, 0.005)),
    quantile(50, 1.1, 1.2),
    quantile(95, 1.2, 1.5),
    quantile(99, 1.3, 2.0),
    MEAN,
    TRAFFIC,
)
"""For few requests: wider lines for what is rare, since nobody can show less with so few."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a canary is judged.

    `alpha` is the chance that a canary within all margins is ever failed in the whole release, over all steps and
    looks. `beta` is the chance that one beyond the accept line of any signal passes a step. A pass takes at least
    `observe` seconds of the step. The first `warm_up` seconds of a canary process are left out of latency. `share` is
    the percentage of requests that the canary was given in this step; None where the split is not known, and then
    nothing is said about traffic. `stale` is for how many seconds after the last good snapshot a canary may still pass.
    """

    signals: tuple[Signal, ...] = STANDARD
    rules: RuleSet = field(default_factory=RuleSet)
    alpha: float = 0.01
    beta: float = 0.05
    observe: float = 60.0
    warm_up: float = 60.0
    share: float | None = None
    stale: float = 60.0

    @property
    def judged(self) -> tuple[Signal, ...]:
        """The signals that take part: traffic only where it is known how it should be split."""
        split = self.share is not None and 0 < self.share < 100
        return tuple(one for one in self.signals if split or one.kind is not Kind.TRAFFIC)

    @property
    def all_for_canary(self) -> bool:
        """Whether stable gets no unmarked request, so that there is nothing to compare with."""
        return self.share is not None and self.share >= 100

    @property
    def log_needed(self) -> float:
        """The mean over the signals that the log evidence of FAIL must reach."""
        return -math.log(self.alpha)
