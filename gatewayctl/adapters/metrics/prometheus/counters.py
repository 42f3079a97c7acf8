"""From series to the counters of each process: all figures of one process from one and the same scrape.

A scrape gives all its samples the same time. Queries that are sent one after the other may see different scrapes, so of
each process the last time is taken that all of them have. What a series had at another time does not count.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from gatewayctl.adapters.metrics.prometheus.answer import Series
from gatewayctl.domain.prometheus import CounterQueries
from gatewayctl.domain.signals import Counters, Version

_SERVERS = ("prometheus_replica", "__replica__", "receive_replica")
_FUTURE = 30.0  # seconds that a server's clock may be ahead of ours
_NEEDED = "requests"

Found = Mapping[tuple[str, Version], tuple[Series, ...]]
"""The series of each part (requests, seconds, buckets, earlier) and version."""


class UnusableSeries(Exception):
    """Series that tell nothing for sure; the message says why."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """What one process had counted at a time (epoch seconds)."""

    at: float
    counters: Mapping[Version, Counters]


def read_scrapes(queries: CounterQueries, found: Found, now: float, stale: float) -> dict[str, Scrape]:
    """The last scrape of each process; `now` in epoch seconds. Raises UnusableSeries.

    A process that nobody could scrape for `stale` seconds is left out: it is gone, or not known.
    """
    _check_targets([one for series in found.values() for one in series])
    scrapes = {}
    for process in sorted({_process(one) for (part, _), series in found.items() if part == _NEEDED for one in series}):
        own = {key: tuple(one for one in series if _process(one) == process) for key, series in found.items()}
        at = _last_common(own)
        if at is None or at < now - stale:
            continue
        if at > now + _FUTURE:
            raise UnusableSeries(f"{process} has samples of {at - now:.0f} s from now; do both clocks agree?")
        counters = {version: one for version in Version if (one := _counters(queries, own, version, at))}
        scrapes[process] = Scrape(at, counters)
    return scrapes


def _process(series: Series) -> str:
    """The process that is scraped: an instance, of a Pod where that is known."""
    names = [series.labels[label] for label in ("namespace", "pod", "instance") if series.labels.get(label)]
    return "/".join(names)


def _check_targets(all_series: list[Series]) -> None:
    """Raise UnusableSeries where a process is unknown, or is there twice: everything would be counted twice."""
    jobs: dict[str, str] = {}
    servers: dict[str, tuple[str, ...]] = {}
    for one in all_series:
        process = _process(one)
        if not one.labels.get("instance"):
            raise UnusableSeries(
                "a series has no label instance: a sum over processes hides which one began again at 0"
            )
        job, server = one.labels.get("job", ""), tuple(one.labels.get(label, "") for label in _SERVERS)
        if jobs.setdefault(process, job) != job:
            raise UnusableSeries(f"{process} is scraped by two jobs, {jobs[process]} and {job}; select one of them")
        if servers.setdefault(process, server) != server:
            raise UnusableSeries(f"{process} is told by two Prometheus servers; ask one, or have the answers merged")


def _last_common(own: Found) -> float | None:
    """The last time that every part has that the process has at all."""
    last = []
    for part in {part for part, _ in own}:
        times = [
            one.samples[-1][0] for (name, _), series in own.items() if name == part for one in series if one.samples
        ]
        if times:
            last.append(max(times))
    return min(last, default=None)


def _counters(queries: CounterQueries, own: Found, version: Version, at: float) -> Counters | None:
    """The counters of one version at a time; None where its requests are not counted then."""
    requests, errors = 0.0, 0.0
    counted = _values(own.get((_NEEDED, version), ()), at)
    if not counted:
        return None
    for series, value in counted:
        said = series.labels.get(queries.error_label)
        if said is None:
            raise UnusableSeries(f"the requests have no label {queries.error_label}: nothing says which of them failed")
        requests += value
        errors += value if re.fullmatch(queries.error_values, said) else 0.0
    earlier = sum(value for _, value in _values(own.get(("earlier", version), ()), at))
    unit = 1000.0 if queries.in_milliseconds else 1.0
    times = _values(own.get(("seconds", version), ()), at)
    buckets = _values(own.get(("buckets", version), ()), at)
    return Counters(
        requests + earlier,
        errors + earlier,
        sum(value for _, value in times) / unit if times else None,
        _buckets(buckets, unit) if buckets else None,
    )


def _values(series: tuple[Series, ...], at: float) -> list[tuple[Series, float]]:
    """The series that have a sample of that time, with its value. Raises UnusableSeries for what is no count."""
    found = []
    for one in series:
        value = next((value for time, value in reversed(one.samples) if time == at), None)
        if value is None:
            continue
        if not math.isfinite(value) or value < 0:
            raise UnusableSeries(f"{_process(one)} has counted {value:g}, which is no count")
        found.append((one, value))
    return found


def _buckets(found: list[tuple[Series, float]], unit: float) -> tuple[tuple[float, float], ...]:
    """Pairs of upper edge in seconds and count, over all series of the histogram. Raises UnusableSeries."""
    counts: dict[float, float] = {}
    for series, value in found:
        try:
            edge = float(series.labels["le"])
        except (KeyError, ValueError) as fault:
            raise UnusableSeries("a bucket has no upper edge (label le)") from fault
        counts[edge] = counts.get(edge, 0.0) + value
    if math.inf not in counts or any(math.isnan(edge) for edge in counts):
        raise UnusableSeries("a histogram has no bucket without an upper edge (le +Inf)")
    return tuple((edge / unit, counts[edge]) for edge in sorted(counts))
