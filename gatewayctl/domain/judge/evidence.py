"""Evidence over time: a mixture over how bad the canary may be and over when it began to be so, block by block."""

import math
from dataclasses import dataclass, field, replace

from gatewayctl.domain.judge.kernel import log_sum
from gatewayctl.domain.judge.noise import Noise

BLOCK = 5.0
"""Seconds in which evidence counts together, and no more than the cap."""

_LATER = 0.2  # the part of the mixture for changes that begin later
_SOON = 0.15  # of it, for the first _SPAN blocks; the rest is for all time after, so that hours stay covered
_SPAN = 120
_FALL, _ACCEPT = math.log(100) / 3, math.log(20) / 3


@dataclass(frozen=True, slots=True)
class Bet:
    """What evidence is gathered for.

    `times` are the alternatives, as `log_bets` has them, with equal weights. No block adds more than `cap` nats: one
    incident of seconds alone decides nothing, and the lesser of an e-value and a constant is still one. `prior` is the
    noise believed at first. With `later` a part of the mixture starts later, so that a change in the middle is found.
    """

    times: tuple[float, ...]
    cap: float
    prior: float
    later: bool


WORSE = Bet((1.3, 1.8, 3.0, 6.0, 20.0), _FALL, prior=1.0, later=True)
WITHIN = Bet((0.05, 0.3, 0.6, 0.8), _ACCEPT, prior=3.0, later=False)
MEAN_WORSE = replace(WORSE, times=(1.1, 1.4, 2.5))
MEAN_WITHIN = replace(WITHIN, times=(0.93, 0.85, 0.7))
GAUGE_WORSE = replace(WORSE, times=(0.5, 0.9))
GAUGE_WITHIN = replace(WITHIN, times=(0.5, 0.9), prior=1.0)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Log wealth of each alternative: in closed blocks (`settled`, with its weight), and in the open one."""

    settled: tuple[float, ...]
    current: tuple[float, ...]
    blocks: int = 0
    noise: Noise = field(default_factory=Noise)

    @classmethod
    def none(cls, bet: Bet) -> "Evidence":
        """Before the first look; its value is 0."""
        weight = math.log(1 - _LATER) if bet.later else 0.0
        return cls((weight,) * len(bet.times), (0.0,) * len(bet.times))

    def add(self, bet: Bet, logs: list[float], noise: Noise) -> "Evidence":
        """After a look with these log bets. They count for less by the noise before the look; `noise` includes it."""
        factor = self.noise.factor(bet.prior)
        current = [old + new / factor for old, new in zip(self.current, logs, strict=True)]
        return Evidence(self.settled, tuple(current), self.blocks, noise)

    def close(self, bet: Bet) -> "Evidence":
        """The block is over."""
        settled = self._capped(bet)
        if bet.later:
            fresh = math.log(_weight(self.blocks))
            settled = [log_sum([one, fresh]) for one in settled]
        return Evidence(tuple(settled), (0.0,) * len(settled), self.blocks + 1, self.noise.close())

    def short(self) -> "Evidence":
        """The same with few digits. Rounded down, so that rounding adds no evidence."""
        settled, current = (tuple(math.floor(one * 1e3) / 1e3 for one in logs) for logs in (self.settled, self.current))
        return Evidence(settled, current, self.blocks, self.noise.short())

    def value(self, bet: Bet) -> float:
        """The log e-process: the mixture over all alternatives and all starts, those to come included."""
        logs = [one - math.log(len(self.settled)) for one in self._capped(bet)]
        return log_sum([*logs, math.log(_waiting(self.blocks))] if bet.later else logs)

    def _capped(self, bet: Bet) -> list[float]:
        return [old + min(new, bet.cap) for old, new in zip(self.settled, self.current, strict=True)]


def _weight(block: int) -> float:
    """The weight of a start after block number `block` (from 0). All of them sum to _LATER."""
    span = block // _SPAN
    whole = _SOON if span == 0 else (_LATER - _SOON) / (span * (span + 1))
    return whole / _SPAN


def _waiting(blocks: int) -> float:
    """The weight of all starts that are still to come after so many blocks: what `_weight` has not given yet."""
    span, inside = divmod(blocks, _SPAN)
    if span == 0:
        return _LATER - _SOON * inside / _SPAN
    # The sum of 1/(k (k + 1)) from k = span on is 1/span.
    return (_LATER - _SOON) * (1 / span - inside / _SPAN / (span * (span + 1)))
