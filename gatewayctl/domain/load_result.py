"""What a load did, per version: each answer is attributed to the version that gave it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gatewayctl.domain.statistics import Histogram


@dataclass(frozen=True, slots=True)
class Cohort:
    """The requests of one group. `errors` counts failed requests among `requests`; `latency` holds the seconds
    of those that did not fail, because a fast error is not a fast answer."""

    requests: int = 0
    errors: int = 0
    latency: Histogram = field(default_factory=Histogram)


class FailureKind(StrEnum):
    """What a failure of a load run is about: how an answer was routed, which version failed, or the run itself."""

    MISROUTED = "misrouted"
    UNKNOWN = "unknown"
    CANARY = "canary"
    STABLE = "stable"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure of a load run, as an example of its kind."""

    kind: FailureKind
    detail: str

    def __str__(self) -> str:
        return self.detail if self.kind is FailureKind.RUN else f"{self.kind}: {self.detail}"


@dataclass(frozen=True, slots=True)
class LoadResult:
    """Stable and canary under the same load in the same run.

    `halves` are two halves of stable's own requests: the difference between them is the noise of the measurement.
    `exit_code` is locust's own, or minus the signal that ended it; `own_exit` is what the locustfile itself set as
    `process_exit_code`, 0 for nothing. `failures` are a few examples of each kind. A run that broke has no requests at
    all, and the last line of its output as its failure.
    `misrouted` counts answers by the other version, `unknown` those that cannot be attributed to a version; `unnamed`
    are those of `unknown` that the gateway had sent to the canary.
    `by_name` holds the same per method and request name: (stable, canary); `halves_by_name` the halves of stable's.
    `events` are requests that users reported themselves (a WebSocket, gRPC), by the version that the user's HTTP
    requests go to: who answered them is not known. `strays` counts failures that were reported outside of users.
    """

    stable: Cohort
    canary: Cohort
    halves: tuple[Cohort, Cohort]
    misrouted: int
    unknown: int
    seconds: float
    exit_code: int
    by_name: Mapping[str, tuple[Cohort, Cohort]] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    timed_out: bool = False
    unnamed: int = 0
    own_exit: int = 0
    halves_by_name: Mapping[str, tuple[Cohort, Cohort]] = field(default_factory=dict)
    events: Mapping[str, tuple[Cohort, Cohort]] = field(default_factory=dict)
    strays: int = 0
