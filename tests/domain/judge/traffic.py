"""Traffic of two versions as counters of gateway processes; the same for the same seed."""

import math
import random
from bisect import bisect_left
from dataclasses import dataclass, field

from gatewayctl.domain.judge.judge import canary_started, start
from gatewayctl.domain.judge.settings import Settings
from gatewayctl.domain.judge.state import JudgeState
from gatewayctl.domain.signals import Counters, Snapshot, Version

EDGES = (0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""As Envoy has them, in seconds; coarse for ratios such as 1.1."""


def warm(settings: Settings) -> JudgeState:
    """Before the first look, with a canary that has been there for long."""
    return canary_started(settings, start(settings), -1000.0)


@dataclass
class Count:
    """The counters of one process for one version."""

    requests: int = 0
    errors: int = 0
    seconds: float = 0.0
    bins: list[int] = field(default_factory=lambda: [0] * (len(EDGES) + 1))


@dataclass
class Traffic:
    """Requests in a second (`*_rate`), the share of errors, how many times as long answers of the canary take.

    The first of several processes counts requests of stable that take `odd_times` as long.
    """

    seed: int
    stable_rate: int = 80
    canary_rate: int = 80
    stable_errors: float = 0.001
    canary_errors: float = 0.001
    canary_times: float = 1.0
    processes: int = 1
    odd_times: float = 1.0
    is_timed: bool = True

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311 (traffic, no secret)
        self.at = -1.0
        self.counts: dict[tuple[str, Version], Count] = {
            (f"gateway-{number}", version): Count() for number in range(self.processes) for version in Version
        }

    def second(self) -> Snapshot:
        """One more second of traffic; the counters after it."""
        self.at += 1
        arms = (
            (Version.STABLE, self.stable_rate, self.stable_errors, 1.0),
            (Version.CANARY, self.canary_rate, self.canary_errors, self.canary_times),
        )
        for version, rate, errors, times in arms:
            for _ in range(self.random.randint(rate // 2, rate + rate // 2)):
                number = self.random.randrange(self.processes)
                odd = self.odd_times if number == 0 and version is Version.STABLE else 1.0
                self._request(self.counts[f"gateway-{number}", version], errors, times * odd)
        return Snapshot(self.at, {key: self._counters(one) for key, one in self.counts.items()})

    def _request(self, count: Count, errors: float, times: float) -> None:
        seconds = times * self.random.lognormvariate(math.log(0.05), 0.5)
        count.requests += 1
        count.errors += self.random.random() < errors
        count.seconds += seconds
        count.bins[bisect_left(EDGES, seconds)] += 1

    def _counters(self, count: Count) -> Counters:
        if not self.is_timed:
            return Counters(count.requests, count.errors)
        sums = [sum(count.bins[: number + 1]) for number in range(len(count.bins))]
        return Counters(count.requests, count.errors, count.seconds, tuple(zip((*EDGES, math.inf), sums, strict=True)))
