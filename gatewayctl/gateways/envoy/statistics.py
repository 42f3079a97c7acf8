"""What an Envoy has counted of both versions: requests, errors and durations of their clusters.

Attempts are counted, as the versions got them, and not answers to clients. The cluster's statistics hold the last
attempt of each request in `upstream_rq_completed` and `upstream_rq_5xx` (an answer that Envoy itself gives because the
attempt failed, too), and every earlier one in `upstream_rq_retry`, which is counted when an attempt has failed and
another one follows. So a retry neither hides an error nor counts one twice.
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
from collections.abc import Mapping
from typing import Any

from gatewayctl.domain.platform import Replica
from gatewayctl.domain.signals import Counters, Version
from gatewayctl.gateways.envoy.admin import dicts, filter_for, read_clusters, read_json, stat_prefix
from gatewayctl.gateways.product import AdminGet

EVERY = 5.0
"""Seconds between two reads of durations that can differ: Envoy's default `stats_flush_interval`."""

_WANTED = "upstream_rq_(completed|5xx|retry|total|active|time)"
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


def read_statistics(admin: AdminGet, replica: Replica, upstreams: Mapping[Version, str]) -> Mapping[Version, Counters]:
    """Implements gateways.product.ReadStatistics. `upstreams` are clusters. Raises EnvironmentFailed."""
    clusters = read_clusters(admin, replica, *upstreams.values())
    prefixes = {
        version: stat_prefix(str(clusters[name].get("observability_name") or name))
        for version, name in upstreams.items()
        if name in clusters
    }
    if not prefixes:
        return {}
    names = "|".join(map(re.escape, prefixes.values()))
    path = f"/stats?format=json&histogram_buckets=detailed&filter={filter_for(f'({names}){_WANTED}')}"
    values, times = _sort(dicts(read_json(admin, replica, path).get("stats")))
    found = {version: _counters(prefix, values, times) for version, prefix in prefixes.items()}
    return {version: counters for version, counters in found.items() if counters is not None}


def _sort(stats: list[dict[str, Any]]) -> tuple[dict[str, int], dict[str, list[dict[str, Any]]]]:
    """The counters and gauges by name, and the bins of each histogram since the start."""
    values: dict[str, int] = {}
    times: dict[str, list[dict[str, Any]]] = {}
    for one in stats:
        value, histograms = one.get("value"), one.get("histograms")
        if isinstance(value, int):
            values[str(one.get("name"))] = value
        elif isinstance(histograms, dict):
            times |= {str(each.get("name")): dicts(each.get("totals")) for each in dicts(histograms.get("details"))}
    return values, times


def _counters(prefix: str, values: dict[str, int], times: dict[str, list[dict[str, Any]]]) -> Counters | None:
    """One version's counters; None where the replica does not count the requests or the answers of its cluster."""

    def value(name: str) -> int:
        return values.get(f"{prefix}upstream_rq_{name}", 0)

    # The counters of answers are there from the first answer on, or never, if the configuration leaves them out.
    no_answers = f"{prefix}upstream_rq_completed" not in values and value("total") > value("active")
    if f"{prefix}upstream_rq_total" not in values or no_answers:
        return None
    seconds, buckets = _durations(times.get(f"{prefix}upstream_rq_time", []))
    retried = value("retry")
    return Counters(value("completed") + retried, value("5xx") + retried, seconds, buckets)


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
