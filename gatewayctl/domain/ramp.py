"""A ramp: real traffic for the canary in small shares, each judged before the next one."""

from dataclasses import dataclass
from enum import StrEnum

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


@dataclass(frozen=True, slots=True)
class Ramp:
    """The steps, in their order; none: the canary gets marked requests only."""

    steps: tuple[Step, ...] = ()


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
