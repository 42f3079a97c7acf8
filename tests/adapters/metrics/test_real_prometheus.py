"""The same source on a real Prometheus, which scrapes an exporter of the tests every second."""

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from gatewayctl.adapters.metrics.prometheus.counters import read_scrapes
from gatewayctl.adapters.metrics.prometheus.server import PrometheusServer
from gatewayctl.adapters.metrics.prometheus.source import PrometheusSignals, names_of
from gatewayctl.domain.judge import judge
from gatewayctl.domain.prometheus import PrometheusSpec, SignalQuery, fill
from gatewayctl.domain.routing import SourceFile
from gatewayctl.domain.signals import Counters, Gauge, Snapshot, Version
from gatewayctl.gateways.prometheus_counters import PROMETHEUS_COUNTERS
from tests.adapters.metrics.exporter import Exporter, needs_prometheus, running_prometheus
from tests.adapters.metrics.prometheus import QUERIES, judged_by
from tests.gateways.envoy.running import NET, running_envoy, static_cluster
from tests.gateways.envoy.samples import ORDERS, rds
from tests.gateways.loopback import free_port, until
from tests.gateways.many_requests import CountingUpstream, count_answers

pytestmark = [pytest.mark.sandbox, needs_prometheus]
RELEASE = judged_by("sold < 5", "rate < 5")


class Shop:
    """An exporter that can end and begin again, and the Prometheus that scrapes it."""

    def __init__(self, folder: Path) -> None:
        self.exporter, self.port = Exporter(), free_port("127.0.0.1")
        self._stack, self._exporter = ExitStack(), ExitStack()
        self.start()
        self.url = self._stack.enter_context(running_prometheus(folder, f"127.0.0.1:{self.port}"))

    def start(self) -> None:
        self._exporter.enter_context(self.exporter.listening(self.port))

    def stop(self) -> None:
        self._exporter.close()

    def close(self) -> None:
        self.stop()
        self._stack.close()

    def counts(self, stable: tuple[float, float], canary: tuple[float, float]) -> None:
        self.exporter.lines = []
        self.exporter.tell("orders", *stable)
        self.exporter.tell("orders-canary", *canary)

    def source(self, stale: float = 60.0) -> PrometheusSignals:
        signals = {"sold": SignalQuery('sum(sold{app="$service"})'), "rate": SignalQuery("sold")}
        return PrometheusSignals(PrometheusSpec(self.url, stale=stale, signals=signals), QUERIES, "shop", time.time)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    found = Shop(tmp_path)
    yield found
    found.close()


def read_until(source: PrometheusSignals, requests: float | None) -> Snapshot:
    """The first snapshot with so many requests of stable; None: the first one without any counter."""
    seen: list[Snapshot] = []

    def is_there() -> bool:
        seen.append(source.read(RELEASE))
        found = [one.requests for (_, version), one in seen[-1].counters.items() if version is Version.STABLE]
        return found == ([requests] if requests is not None else [])

    until(is_there, f"{requests} requests of stable")
    return seen[-1]


def test_counters_and_signals_are_those_of_the_exporter(shop: Shop) -> None:
    shop.counts((990, 10), (95, 5))

    snapshot = read_until(shop.source(), 1000)

    assert snapshot.faults == ()
    assert snapshot.counters[f"127.0.0.1:{shop.port}", Version.CANARY] == Counters(
        100, 5, 5, ((0.1, 100), (1, 100), (math.inf, 100))
    )
    assert snapshot.gauges == {"sold": Gauge(0.95, 9.9), "rate": Gauge(None, None)}
    assert snapshot.unknown == ("rate of canary is not known: the query gives 2 series, and one is expected",)


def test_what_is_scraped_no_more_is_unknown_after_a_time(shop: Shop) -> None:
    """Prometheus itself would tell the last value of an expression for five minutes."""
    shop.counts((990, 10), (95, 5))
    source = shop.source(stale=3.0)
    read_until(source, 1000)

    shop.stop()
    snapshot = read_until(source, None)

    assert snapshot.faults == tuple(f"{shop.url} has no requests of {one} in the last 3 s" for one in Version)
    assert snapshot.gauges == {"sold": Gauge(None, None), "rate": Gauge(None, None)}


def test_a_process_that_began_again_is_no_evidence_for_either_side(shop: Shop) -> None:
    shop.counts((990, 10), (95, 5))
    source = shop.source()
    settings = replace(RELEASE.trial.ramp.judging.settings, share=10.0)  # type: ignore[union-attr]
    state = judge.look(settings, judge.start(settings), read_until(source, 1000))

    shop.counts((3, 0), (0, 1))
    state = judge.look(settings, state, read_until(source, 3))
    missing = state.missing
    shop.counts((13, 0), (1, 2))
    state = judge.look(settings, state, read_until(source, 13))

    assert (missing, state.missing) == (1, 1)
    assert (state.step_stable.requests, state.step_canary.requests, state.step_canary.errors) == (10, 2, 1)


def test_the_counters_of_envoy_are_those_of_a_real_envoy(tmp_path: Path) -> None:
    """A Prometheus scrapes its admin port; the source reads as many requests as the upstream has got."""
    folder, port, listening = tmp_path / "envoy", free_port(f"{NET}.3"), free_port(f"{NET}.13")
    folder.mkdir()
    service = RELEASE.rule.service
    upstream = CountingUpstream("stable", f"{NET}.3", port)
    routes = SourceFile("rds.yaml", rds(ORDERS.replace("orders", service)))
    files = (routes, static_cluster(service, upstream.host, port))
    with (
        running_envoy(folder, files, listening) as envoy,
        running_prometheus(folder, envoy.replica.admin, "/stats/prometheus") as url,
    ):
        count_answers(f"{envoy.host}:{envoy.port}", 50)
        server, queries = PrometheusServer(PrometheusSpec(url)), PROMETHEUS_COUNTERS["envoy"]
        names = names_of(RELEASE, "shop")[Version.STABLE]

        def counted() -> Counters | None:
            found = {(part, Version.STABLE): server.select(fill(text, names)) for part, text in queries.parts.items()}
            scrapes = read_scrapes(queries, found, time.time(), 60.0).values()
            return next((one.counters.get(Version.STABLE) for one in scrapes), None)

        until(lambda: (one := counted()) and one.requests == upstream.requests >= 50 and one.buckets, "all requests")
        found = counted()
    upstream.stop()

    assert found is not None
    assert (found.errors, found.buckets is not None and found.buckets[-1]) == (0, (math.inf, upstream.requests))
    assert found.seconds is not None
    assert found.seconds < 20
