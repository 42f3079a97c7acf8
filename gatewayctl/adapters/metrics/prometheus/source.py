"""Prometheus as a source of signals: counters per scraped process, and values of the team's own signals."""

import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from gatewayctl.adapters.metrics.prometheus.answer import Series
from gatewayctl.adapters.metrics.prometheus.counters import Scrape, UnusableSeries, read_scrapes
from gatewayctl.adapters.metrics.prometheus.server import PrometheusServer
from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.prometheus import CounterQueries, PrometheusSpec, SignalQuery, fill, names_a_version
from gatewayctl.domain.registration import registered_name
from gatewayctl.domain.release import Release
from gatewayctl.domain.signals import Gauge, Snapshot, Version

_AT_ONCE = 8  # queries that are sent at the same time
_ALL = 100  # percent
_FUTURE = 30.0  # seconds that the server's clock may be ahead of ours

Asked = tuple[Series, ...] | EnvironmentFailed


@dataclass(frozen=True, slots=True)
class PrometheusSignals:
    """Implements ports.SignalSource. `now` is the judge's clock, in epoch seconds; `counters` None: only own signals.

    `_last` holds the newest scrape of each process so far: two servers that are asked in turn would else make the time
    go backwards, and the same requests would count twice.
    """

    spec: PrometheusSpec
    counters: CounterQueries | None
    namespace: str
    now: Callable[[], float]
    _last: dict[str, Scrape] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What people call it."""
        return "prometheus"

    @property
    def every(self) -> float:
        """Seconds between two scrapes."""
        return self.spec.every

    def read(self, release: Release) -> Snapshot:
        """Counters and gauges now. A query that fails is a fault if it is about counters; else its gauge is unknown."""
        at, names = self.now(), names_of(release, self.namespace)
        parts = self.counters.parts if self.counters else {}
        selects = {(part, version): fill(text, names[version]) for part, text in parts.items() for version in Version}
        judging = release.trial.ramp.judging
        wanted = judging.gauges if judging else frozenset()
        signals = {name: one for name, one in self.spec.signals.items() if name in wanted}
        values = {
            (name, version): fill(query, names[version])
            for name, one in signals.items()
            for version in Version
            if (query := _query(one, version))
        }
        server = PrometheusServer(self.spec)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            selected = pool.map(lambda query: _try(server.select, query), selects.values())
            evaluated = pool.map(lambda query: _try(server.evaluate, query), values.values())
            found, given = dict(zip(selects, selected, strict=True)), dict(zip(values, evaluated, strict=True))
        # At 100 % stable gets no requests, and a gateway that starts then has none of it.
        expected = tuple(Version) if release.share < _ALL else (Version.CANARY,)
        scrapes, faults = self._scrapes(found, at, expected)
        counters = {
            (process, version): one for process, scrape in scrapes.items() for version, one in scrape.counters.items()
        }
        gauges, unknown = self._gauges(tuple(signals), given, at)
        return Snapshot(at, counters, gauges, faults, unknown)

    def _scrapes(
        self, found: Mapping[tuple[str, Version], Asked], at: float, expected: tuple[Version, ...]
    ) -> tuple[dict[str, Scrape], tuple[str, ...]]:
        """What each process has counted, and in words why that is not known."""
        failed = tuple(dict.fromkeys(str(one) for one in found.values() if isinstance(one, EnvironmentFailed)))
        if failed or self.counters is None:
            return {}, failed
        series = {key: one for key, one in found.items() if not isinstance(one, EnvironmentFailed)}
        try:
            scrapes = read_scrapes(self.counters, series, at, self.spec.stale)
        except UnusableSeries as fault:
            return {}, (f"{self.spec.url}: {fault}",)
        if faults := (*self._without_requests(scrapes, expected), *self._disagreeing(scrapes)):
            return {}, faults
        self._last.update(scrapes)
        return scrapes, ()

    def _without_requests(self, scrapes: Mapping[str, Scrape], expected: tuple[Version, ...]) -> tuple[str, ...]:
        told = {version for scrape in scrapes.values() for version in scrape.counters}
        return tuple(
            f"{self.spec.url} has no requests of {version} in the last {self.spec.stale:g} s"
            for version in expected
            if version not in told
        )

    def _disagreeing(self, scrapes: Mapping[str, Scrape]) -> tuple[str, ...]:
        faults = []
        for process, scrape in scrapes.items():
            last = self._last.get(process, scrape)
            if scrape.at < last.at:
                faults.append(f"{self.spec.url} tells an older scrape of {process} than before")
            elif scrape.at == last.at and scrape.counters != last.counters:
                faults.append(f"{self.spec.url} tells other counters of {process} than before, for the same time")
        return tuple(faults)

    def _gauges(
        self, names: tuple[str, ...], given: Mapping[tuple[str, Version], Asked], at: float
    ) -> tuple[dict[str, Gauge], tuple[str, ...]]:
        """The value of each signal, None where there is none, and in words why."""
        gauges, unknown = {}, []
        for name in names:
            values: dict[Version, float | None] = {}
            for version in Version:
                value = _value(given.get((name, version), ()), at, self.spec.stale)
                if isinstance(value, str):
                    unknown.append(f"{name} of {version} is not known: {value}")
                values[version] = value if isinstance(value, float) else None
            gauges[name] = Gauge(values[Version.CANARY], values[Version.STABLE])
        return gauges, tuple(unknown)


def names_of(release: Release, namespace: str) -> dict[Version, dict[str, str]]:
    """The placeholders of queries, for each version."""
    target, rule = release.target, release.rule
    canary = registered_name(rule.canary_uri) or rule.canary
    both = {"app": target.app, "namespace": namespace, "stable": rule.service}
    return {
        Version.STABLE: {
            **both,
            "version": "stable",
            "service": rule.service,
            "workload": target.stable,
            "alternative": "",
        },
        Version.CANARY: {
            **both,
            "version": "canary",
            "service": canary,
            "workload": target.canary,
            "alternative": f"{namespace}-{canary}-[^-]+",
        },
    }


def _query(signal: SignalQuery, version: Version) -> str:
    if version is Version.CANARY:
        return signal.canary
    return signal.stable or (signal.canary if names_a_version(signal.canary) else "")


def _try(ask: Callable[[str], tuple[Series, ...]], query: str) -> Asked:
    try:
        return ask(query)
    except EnvironmentFailed as fault:
        return fault


def _value(found: Asked, at: float, stale: float) -> float | str | None:
    """The value of a signal; a text says why there is none, None that there is no query or nothing to tell."""
    if isinstance(found, EnvironmentFailed):
        return str(found)
    fresh = [one.samples[-1] for one in found if one.samples and one.samples[-1][0] >= at - stale]
    if len(fresh) > 1:
        return f"the query gives {len(fresh)} series, and one is expected"
    if not fresh:
        return "the last sample is too old" if found else None
    time, value = fresh[0]
    if time > at + _FUTURE:
        return f"the sample is of {time - at:.0f} s from now; do both clocks agree?"
    return value if math.isfinite(value) else f"the value is {value:g}"
