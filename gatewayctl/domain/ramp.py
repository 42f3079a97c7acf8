"""A ramp: real traffic for the canary in small shares, each judged before the next one."""

from dataclasses import dataclass
from enum import StrEnum

from gatewayctl.domain.judge.figures import DURATIONS, QUANTILE, SHARES
from gatewayctl.domain.judge.settings import Kind, Settings

MINUTE, HOUR = 60.0, 3600.0


class Promotion(StrEnum):
    """How stable gets the new image.

    ROLLING: its own rollout, with traffic on it. STEERED: the canary, as large as stable, carries all traffic while
    stable rolls; so no user meets a mix of old and new.
    """

    ROLLING = "rolling"
    STEERED = "steered"


@dataclass(frozen=True, slots=True)
class Step:
    """`share` percent of the unmarked requests go to the canary for at least `seconds`.

    The canary has `replicas` first; 0: as many as before.
    """

    share: int
    seconds: float
    replicas: int = 0


class Undecided(StrEnum):
    """What happens when the judge has not decided in time: it goes on, the release goes back, or somebody is asked."""

    WAIT = "wait"
    FAIL = "fail"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class Judging:
    """Who judges each step: what `source` says of both versions, by `settings`.

    A step that is not decided when its time is over has `patience` seconds more; then `undecided` says what happens.
    """

    source: str
    settings: Settings
    undecided: Undecided
    patience: float = 10 * MINUTE

    @property
    def gauges(self) -> frozenset[str]:
        """The names of the gauges that the rules and the signals are about."""
        rules = self.settings.rules
        named = {rule.figure for rule in (*rules.require, *rules.fail, *rules.watch)}
        of_requests = {name for name in named if name in (*SHARES, *DURATIONS) or QUANTILE.fullmatch(name)}
        compared = {signal.name for signal in self.settings.signals if signal.kind is Kind.GAUGE}
        return frozenset(named - of_requests | compared)


@dataclass(frozen=True, slots=True)
class Ramp:
    """The steps, in their order; none: the canary gets marked requests only.

    Without `judging` a step passes when its time is over and the canary is still there.
    """

    steps: tuple[Step, ...] = ()
    judging: Judging | None = None

    @property
    def seconds(self) -> float:
        """How long all steps take, if each is decided when its time is over."""
        return sum(step.seconds for step in self.steps)


def _every(first: int, more: int, seconds: float) -> tuple[Step, ...]:
    """From `first` percent on, `more` percent in each step, to 100."""
    return tuple(Step(min(share, 100), seconds) for share in range(first, 100 + more, more))


PRESETS: dict[str, tuple[Step, ...]] = {
    "ingress": _every(5, 10, 1 * MINUTE),
    "mesh": (Step(10, 5 * MINUTE), Step(50, 5 * MINUTE), Step(100, 5 * MINUTE)),
    "hourly": _every(5, 20, 1 * HOUR),
}
"""Steps that can be used by name: as people drive ingress-nginx with Prometheus, as a mesh is switched over in three
stages, and as a slow ramp with a circuit breaker."""
