"""What an Envoy has counted of both versions: requests, errors and durations of their clusters.

Attempts are counted, as the versions got them, and not answers to clients. The cluster's statistics hold the last
attempt of each request in `upstream_rq_completed` and `upstream_rq_5xx` (an answer that Envoy itself gives because the
attempt failed, too), and every earlier one in `upstream_rq_retry`, which is counted when an attempt has failed and
another one follows. So a retry neither hides an error nor counts one twice.

While the canary has a share, its counts are those of the share's routes, found by their `stat_prefix`: its cluster gets
the marked requests, too, and those are no sample of the same traffic. Stable's cluster gets unmarked requests only.
https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats

Durations are whole milliseconds, rounded down, from the end of the client's request to the end of the last attempt's
answer. Envoy keeps them in bins with two significant digits (its histogram library, libcircllhist) and shows these with
`histogram_buckets=detailed`; the buckets of /stats/prometheus are much wider. Every edge used here is an edge of a bin,
so no bin is ever divided. What a replica has counted of durations is up to five seconds older than its other counters:
https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/bootstrap/v3/bootstrap.proto (stats_flush_interval).
"""

import math
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gatewayctl.domain.platform import Replica
from gatewayctl.domain.routing import CanaryRule
from gatewayctl.domain.signals import Counters, Version
from gatewayctl.gateways.envoy_admin import as_dict, dicts, filter_for, read_clusters, read_json, stat_prefix
from gatewayctl.gateways.product import AdminGet

EVERY = 5.0
"""Seconds between two reads of durations that can differ: Envoy's default `stats_flush_interval`."""

_STAT = "upstream_rq_"
_ACTIVE = "active"
_FIELDS = ("completed", "5xx", "retry", "total", _ACTIVE, "time")
_TENS = (
    10,
    11,
    12,
    13,
    15,
    16,
    18,
    20,
    22,
    24,
    27,
    30,
    33,
    36,
    39,
    43,
    47,
    51,
    56,
    62,
    68,
    75,
    82,
    91,
)  # IEC 60063, E24
_HALF_A_DECADE = (10, 15, 22, 33, 47, 68)  # E6
EDGES = (
    *range(1, 10),
    *(ten * power for power in (1, 10, 100) for ten in _TENS),
    *(ten * power for power in (1_000, 10_000) for ten in _HALF_A_DECADE),
)
"""Upper edges of the buckets in milliseconds: 1.1 times apart from 10 ms to 10 s, 1.5 times above."""


@dataclass(frozen=True, slots=True)
class _Sources:
    """Which statistics are of which version: those of a cluster by name, or of the share's route in any virtual host.

    `canary` is empty where the replica does not know the canary's cluster.
    """

    stable: str
    canary: str
    share: str = ""

    @property
    def pattern(self) -> str:
        """Finds the names of all statistics that are needed."""
        clusters = "|".join(re.escape(one) for one in (self.stable, self.canary) if one)
        route = rf"|vhost\..*{re.escape(self.share)}" if self.share else ""
        return f"({clusters}{route}){_STAT}({'|'.join(_FIELDS)})"

    def place(self, name: str) -> tuple[Version | None, str]:
        """The version and the field of a statistic. Of the canary's cluster, beside a share, only `active` is used."""
        prefix, _, named = name.rpartition(_STAT)
        if prefix == self.stable:
            return Version.STABLE, named
        of_share = bool(self.share) and prefix.endswith(self.share)
        of_cluster = prefix == self.canary and (not self.share or named == _ACTIVE)
        return (Version.CANARY if of_share or of_cluster else None), named


@dataclass(slots=True)
class _Found:
    """The statistics of one version: the values of its fields, and the bins of its durations since the start."""

    values: dict[str, int] = field(default_factory=dict)
    bins: list[dict[str, Any]] = field(default_factory=list)

    def counters(self) -> Counters | None:
        """None where the replica does not count the requests, or the answers to them."""
        # The counters of answers are there from the first answer on, or never, if the configuration leaves them out.
        no_answers = "completed" not in self.values and self.values.get("total", 0) > self.values.get(_ACTIVE, 0)
        if "total" not in self.values or no_answers:
            return None
        seconds, buckets = _durations(self.bins)
        completed, failed, retried = (self.values.get(name, 0) for name in ("completed", "5xx", "retry"))
        return Counters(completed + retried, failed + retried, seconds, buckets)


def read_statistics(admin: AdminGet, replica: Replica, rule: CanaryRule) -> Mapping[Version, Counters]:
    """Implements gateways.product.ReadStatistics. Raises EnvironmentFailed."""
    clusters = read_clusters(admin, replica, rule.service, rule.canary)
    if rule.service not in clusters:
        return {}
    stable, canary = (
        stat_prefix(str(clusters[name].get("observability_name") or name)) if name in clusters else ""
        for name in (rule.service, rule.canary)
    )
    sources = _Sources(stable, canary, f".route.{rule.share_name}." if rule.share and canary else "")
    path = f"/stats?format=json&histogram_buckets=detailed&filter={filter_for(sources.pattern)}"
    found = {version: _Found() for version in Version}
    for name, value, bins in _stats(read_json(admin, replica, path)):
        version, named = sources.place(name)
        if version is not None:
            values = found[version].values
            values[named] = values.get(named, 0) + value  # a share has a route in more than one virtual host
            found[version].bins += bins
    told = {version: one.counters() for version, one in found.items()}
    return {version: counters for version, counters in told.items() if counters is not None}


def _stats(answer: dict[str, Any]) -> Iterator[tuple[str, int, list[dict[str, Any]]]]:
    """The name of each counter and gauge with its value, and of each histogram with its bins since the start."""
    for one in dicts(answer.get("stats")):
        value = one.get("value")
        if isinstance(value, int):
            yield str(one.get("name")), value, []
        for histogram in dicts(as_dict(one.get("histograms")).get("details")):
            yield str(histogram.get("name")), 0, dicts(histogram.get("totals"))


def _durations(bins: list[dict[str, Any]]) -> tuple[float, tuple[tuple[float, float], ...]]:
    """The sum of all durations in seconds, each taken as the middle of its bin, and the buckets with EDGES."""
    counts = [0] * (len(EDGES) + 1)
    milliseconds = 0.0
    for one in bins:
        low, width, count = (_number(one.get(key)) for key in ("lower_bound", "width", "count"))
        # A duration of 3 ms may have been up to 4 ms, although its bin is narrower.
        milliseconds += count * (low + max(width, 1.0) / 2)
        counts[bisect_right(EDGES, low)] += int(count)
    total, buckets = 0, []
    for edge, count in zip((*EDGES, math.inf), counts, strict=True):
        total += count
        buckets.append((edge / 1000, float(total)))
    return milliseconds / 1000, tuple(buckets)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
