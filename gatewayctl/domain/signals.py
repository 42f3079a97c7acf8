"""What is known of both versions under real traffic: counters as they stand, and gauges. Facts; the judge decides.

A source reads counters that only grow, never rates: a rate that was extrapolated is no count. What one process counted
stays apart from what others counted, so that a process that starts again, or goes, is no drop of the whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Version(StrEnum):
    """Whose requests were counted."""

    STABLE = "stable"
    CANARY = "canary"


@dataclass(frozen=True, slots=True)
class Counters:
    """What one process has counted of one version since it started.

    `errors` are those of the `requests` that failed. `seconds` is the sum of their durations. `buckets` are pairs of an
    upper edge in seconds and the number of requests up to it, edges ascending, each including the ones before, the last
    edge infinite. Both are None where nobody measures durations. `of_successes` says that durations are those of
    successful requests only.
    """

    requests: float
    errors: float
    seconds: float | None = None
    buckets: tuple[tuple[float, float], ...] | None = None
    of_successes: bool = False


@dataclass(frozen=True, slots=True)
class Gauge:
    """One value of each version at a moment; None where there is none. NaN never gets here: it is None."""

    canary: float | None
    stable: float | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a source said at one moment, `at` in seconds of the clock that the judge uses.

    `counters` by counting process (a gateway replica, a scrape target) and version. `gauges` by the signal's name.
    `faults` says in words what could not be read; then what is missing is unknown, and not zero. `unknown` says why
    single gauges have no value, each beginning with the gauge's name; the rest of the snapshot is whole.
    """

    at: float
    counters: Mapping[tuple[str, Version], Counters] = field(default_factory=dict)
    gauges: Mapping[str, Gauge] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
