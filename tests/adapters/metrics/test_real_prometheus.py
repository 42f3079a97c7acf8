"""The same source on a real Prometheus, which scrapes an exporter of the tests every second."""

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from gatewayctl.adapters.metrics.prometheus.source import PrometheusSignals
from gatewayctl.domain.judge import judge
from gatewayctl.domain.prometheus import PrometheusSpec, SignalQuery
from gatewayctl.domain.signals import Counters, Gauge, Snapshot, Version
from tests.adapters.metrics.exporter import Exporter, needs_prometheus, running_prometheus
from tests.adapters.metrics.prometheus import QUERIES, judged_by
from tests.gateways.loopback import free_port, until

pytestmark = [pytest.mark.sandbox, needs_prometheus]
RELEASE = judged_by("sold < 5", "rate < 5")


class Shop:
    """An exporter that can end and begin again, and the Prometheus that scrapes it."""

    def __init__(self, folder: Path) -> None:
        self.exporter, self.port = Exporter(), free_port("127.0.0.1")
        self._stack, self._exporter = ExitStack(), ExitStack()
        self.start()
        self.url = self._stack.enter_context(running_prometheus(folder, self.port))

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
