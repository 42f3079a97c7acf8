"""Prometheus as a source, on a server of the tests: what is counted, and that nothing doubtful counts (I6)."""

import json
import math
from collections.abc import Iterator

import pytest

from gatewayctl.adapters.metrics.prometheus.source import PrometheusSignals
from gatewayctl.domain.prometheus import PrometheusSpec, SignalQuery
from gatewayctl.domain.signals import Counters, Gauge, Snapshot, Version
from tests.adapters.metrics.prometheus import NOW, QUERIES, Told, both, judged_by, matrix, serving, vector

APPS = {"orders": 1000.0, "orders-canary": 100.0}


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def url(told: Told) -> Iterator[str]:
    with serving(told) as url:
        yield url


def a_source(url: str, now: float = NOW, **keys: object) -> PrometheusSignals:
    return PrometheusSignals(PrometheusSpec(url, **keys), QUERIES, "shop", lambda: now)  # type: ignore[arg-type]


def faults_of(url: str, **keys: object) -> tuple[str, ...]:
    """What is wrong; then no counter is told."""
    snapshot = a_source(url, **keys).read(judged_by())
    assert snapshot.counters == {}
    return snapshot.faults


def test_both_versions_are_counted_for_each_process(told: Told, url: str) -> None:
    both(told, APPS, instance="a:1")
    both(told, {"orders": 500.0}, instance="b:1")

    snapshot = a_source(url).read(judged_by())

    assert (snapshot.at, snapshot.faults, snapshot.gauges) == (NOW, (), {})
    assert set(snapshot.counters) == {
        ("a:1", Version.STABLE),
        ("a:1", Version.CANARY),
        ("b:1", Version.STABLE),
    }
    assert snapshot.counters["a:1", Version.CANARY] == Counters(
        100.0, 10.0, 5.0, ((0.1, 100.0), (1.0, 100.0), (math.inf, 100.0))
    )


def test_raw_samples_are_asked_for_and_no_rates(told: Told, url: str) -> None:
    both(told, APPS)

    a_source(url, stale=30.0).read(judged_by())

    assert {one["path"] for one in told.asked} == {"/api/v1/query"}
    assert {one["query"] for one in told.asked} >= {'requests_total{app="orders-canary"}[35s]'}
    assert all(one["query"].endswith("[35s]") for one in told.asked)


def test_all_figures_of_a_process_are_of_one_scrape(told: Told, url: str) -> None:
    """The buckets were asked for after the next scrape; they are taken from the one before."""
    both(told, APPS, NOW - 15)
    for app in APPS:
        told.count("request_seconds_bucket", 9999, NOW, app=app, le="+Inf")

    counted = a_source(url).read(judged_by()).counters["a:1", Version.CANARY]

    assert counted.buckets == ((0.1, 100.0), (1.0, 100.0), (math.inf, 100.0))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "the answer is no JSON, or too long"),
        ("<html>login</html>", "the answer is no JSON, or too long"),
        ("[" * 100_000, "the answer is no JSON, or too long"),
        ("[]", "the answer is not one of Prometheus"),
        ('{"status": "error", "error": "out of\\nmemory"}', "the query failed: out of memory"),
        ('{"status": "success", "data": {"resultType": "string", "result": [1, "a"]}}', "gives a string, and no num"),
        ('{"status": "success", "data": null}', "the answer is not one of Prometheus"),
        ('{"status": "success", "warnings": ["store b is away"], "data": {}}', "is not whole: ['store b is away']"),
        (matrix([{"values": [[NOW, "1"]]}]), "a series has no labels"),
        (matrix([{"metric": {"instance": "a"}, "values": {}}]), "a series has no samples"),
        (matrix([{"metric": {"instance": "a"}, "values": [[NOW, 7]]}]), "a sample is no number"),
        (matrix([{"metric": {"instance": "a"}, "values": [[NOW, "0x10"]]}]), "a sample is no number"),
        (matrix([{"metric": {"instance": "a"}, "values": [["soon", "1"]]}]), "a sample is no number"),
        (matrix([{"metric": {"instance": "a"}, "values": [[NOW, "1"], [NOW, "2"]]}]), "order of their times"),
    ],
)
def test_an_answer_that_is_not_as_documented_is_a_fault(told: Told, url: str, text: str, fault: str) -> None:
    both(told, APPS)
    told.texts["requests_total"] = text

    (found,) = faults_of(url)

    assert found.startswith(f"{url}/api/v1/query: ")
    assert fault in found


def test_a_huge_answer_is_not_read_to_its_end(told: Told, url: str) -> None:
    both(told, APPS)
    told.texts["requests_total"] = b" " * 30_000_000

    assert faults_of(url) == (f"{url}/api/v1/query: the answer is no JSON, or too long",)


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf", "-1"])
def test_a_counter_that_is_no_count_is_a_fault(told: Told, url: str, value: str) -> None:
    both(told, APPS)
    told.count("requests_total", value, app="orders-canary", code="404")

    (fault,) = faults_of(url)

    assert "which is no count" in fault


@pytest.mark.parametrize("missing", ["orders", "orders-canary"])
def test_a_version_without_requests_is_a_fault(told: Told, url: str, missing: str) -> None:
    both(told, {app: count for app, count in APPS.items() if app != missing})

    (fault,) = faults_of(url)

    which = "canary" if missing == "orders-canary" else "stable"
    assert fault == f"{url} has no requests of {which} in the last 60 s"


def test_counters_that_were_scraped_too_long_ago_are_a_fault(told: Told, url: str) -> None:
    """The scrape stopped, and a server in between still has the old answer."""
    both(told, APPS, NOW - 61)

    assert faults_of(url) == tuple(f"{url} has no requests of {one} in the last 60 s" for one in Version)


def test_counters_of_the_future_are_a_fault(told: Told, url: str) -> None:
    both(told, APPS, NOW + 40)

    assert faults_of(url) == (f"{url}: a:1 has samples of 40 s from now; do both clocks agree?",)


@pytest.mark.parametrize(
    ("labels", "fault"),
    [
        ({"code": ""}, None),
        ({"status": "200"}, "the requests have no label code: nothing says which of them failed"),
        ({"code": "200", "instance": ""}, "a series has no label instance"),
        ({"code": "200", "job": "again"}, "a:1 is scraped by two jobs, shop and again; select one of them"),
        ({"code": "200", "prometheus_replica": "b"}, "a:1 is told by two Prometheus servers"),
    ],
)
def test_labels_that_do_not_say_what_was_counted_are_a_fault(
    told: Told, url: str, labels: dict[str, str], fault: str | None
) -> None:
    both(told, APPS)
    told.count("requests_total", 5, app="orders-canary", **labels)

    faults = a_source(url).read(judged_by()).faults

    assert faults == () if fault is None else fault in faults[0]


@pytest.mark.parametrize(
    ("labels", "fault"),
    [({"path": "/"}, "a bucket has no upper edge"), ({"le": "wide"}, "a bucket has no upper edge")],
)
def test_buckets_without_edges_are_a_fault(told: Told, url: str, labels: dict[str, str], fault: str) -> None:
    both(told, APPS)
    told.count("request_seconds_bucket", 100, app="orders-canary", **labels)

    assert fault in faults_of(url)[0]


def test_a_histogram_that_does_not_count_all_is_a_fault(told: Told, url: str) -> None:
    both(told, {"orders": 1000.0})
    told.count("requests_total", 100, app="orders-canary", code="200")
    told.count("request_seconds_bucket", 100, app="orders-canary", le="1")

    assert "no bucket without an upper edge" in faults_of(url)[0]


def test_requests_without_durations_are_counted_without(told: Told, url: str) -> None:
    for app, count in APPS.items():
        told.count("requests_total", count, app=app, code="200")

    counted = a_source(url).read(judged_by()).counters

    assert counted["a:1", Version.CANARY] == Counters(100.0, 0.0)


@pytest.mark.parametrize(
    ("at", "count", "fault"),
    [
        (NOW - 5, 1001.0, "tells an older scrape of a:1 than before"),
        (NOW, 1001.0, "tells other counters of a:1 than before, for the same time"),
    ],
)
def test_two_servers_that_answer_in_turn_and_disagree_are_a_fault(
    told: Told, url: str, at: float, count: float, fault: str
) -> None:
    both(told, APPS)
    source = a_source(url)
    assert source.read(judged_by()).faults == ()

    told.series.clear()
    both(told, {**APPS, "orders": count}, at)

    assert source.read(judged_by()).faults == (f"{url} {fault}",)


def test_a_counter_that_begins_again_is_told_as_it_is(told: Told, url: str) -> None:
    """The judge compares with the snapshot before, and leaves this process out of one look."""
    both(told, APPS, NOW - 15)
    source = a_source(url)
    source.read(judged_by())
    both(told, {"orders": 3.0, "orders-canary": 1.0}, NOW)

    counted = source.read(judged_by()).counters

    assert counted["a:1", Version.STABLE].requests == pytest.approx(3.0)


def test_a_server_that_refuses_is_a_fault_that_quotes_it_and_no_token(told: Told, url: str, tmp_path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    told.status, told.texts["requests_total"] = 403, json.dumps({"status": "error", "error": "not for you"})
    told.texts["request_seconds_sum"] = told.texts["request_seconds_bucket"] = told.texts["requests_total"]

    faults = faults_of(url, token_file=str(tmp_path / "token"))

    assert faults == (f"{url}/api/v1/query answers 403: not for you",)
    assert set(told.tokens) == {"Bearer s3cret"}


@pytest.mark.parametrize("content", [None, b"", b"two words", b"a\r\nx-other: b", "ä".encode(), b"x" * 70_000])
def test_a_token_that_cannot_be_sent_is_a_fault_and_nothing_is_asked(
    told: Told, url: str, tmp_path, content: bytes | None
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)

    (fault,) = faults_of(url, token_file=str(file))

    assert str(file) in fault
    assert content is None or content.decode()[:20] not in fault or not content
    assert told.asked == []


def test_a_server_that_is_not_there_is_a_fault(told: Told) -> None:
    with serving(told) as url:
        pass

    (fault,) = faults_of(url)

    assert fault.startswith(f"{url}/api/v1/query does not answer: ")


def gauge_of(url: str, told: Told, answer: str, stable: str | None = None) -> Snapshot:
    """What is told of the signal `sold`, whose queries have these answers."""
    both(told, APPS)
    told.texts["sum(sold"] = answer
    told.texts["avg(sold"] = stable or answer
    signals = {"sold": SignalQuery('sum(sold{app="$service"})', 'avg(sold{app="$service"})' if stable else "")}
    return a_source(url, signals=signals).read(judged_by("sold < 5"))


def test_a_signal_of_the_team_is_read_for_both_versions(told: Told, url: str) -> None:
    snapshot = gauge_of(url, told, vector("4.5"), vector("6e0"))

    assert snapshot.gauges == {"sold": Gauge(4.5, 6.0)}
    assert (snapshot.faults, snapshot.unknown) == ((), ())
    asked = [one for one in told.asked if "sold" in one["query"]]
    assert {one["query"] for one in asked} == {'sum(sold{app="orders-canary"})', 'avg(sold{app="orders"})'}
    assert {one["lookback_delta"] for one in asked} == {"60s"}


def test_one_query_that_names_the_version_is_asked_for_both(told: Told, url: str) -> None:
    assert gauge_of(url, told, vector("4.5")).gauges == {"sold": Gauge(4.5, 4.5)}


def test_a_signal_that_no_rule_is_about_is_not_asked_for(told: Told, url: str) -> None:
    both(told, APPS)

    snapshot = a_source(url, signals={"sold": SignalQuery("sum(sold)")}).read(judged_by("other < 5"))

    assert (snapshot.gauges, snapshot.faults) == ({}, ())
    assert not any("sold" in one["query"] for one in told.asked)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (vector(), None),
        (vector("NaN"), "the value is nan"),
        (vector("+Inf"), "the value is inf"),
        (vector("1", "2"), "the query gives 2 series, and one is expected"),
        (vector("1", at=NOW - 61), "the last sample is too old"),
        (vector("1", at=NOW + 60), "do both clocks agree?"),
        ('{"status": "success", "data": {"resultType": "string", "result": [1, "5"]}}', "gives a string"),
        ("<html>", "the answer is no JSON"),
    ],
)
def test_a_signal_without_one_good_value_is_unknown_and_the_counters_are_read(
    told: Told, url: str, answer: str, why: str | None
) -> None:
    """An error rate must go on failing a canary while a query of the team is wrong."""
    snapshot = gauge_of(url, told, answer)

    assert snapshot.gauges == {"sold": Gauge(None, None)}
    assert (snapshot.faults, len(snapshot.counters)) == ((), 2)
    assert not snapshot.unknown if why is None else why in snapshot.unknown[0]
    assert why is None or snapshot.unknown[0].startswith("sold of stable is not known: ")
