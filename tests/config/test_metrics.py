"""Where the figures of both versions are asked for."""

import pytest

from gatewayctl.config.load import load
from gatewayctl.domain.prometheus import CounterQueries, PrometheusSpec, SignalQuery, is_selector, unknown_places
from gatewayctl.gateways.prometheus_counters import PROMETHEUS_COUNTERS
from tests.config.files import GOOD, faults_of, write_config

METRICS = GOOD.replace("apps:", "metrics: {prometheus: {url: 'http://prometheus:9090/', KEYS}}\napps:")
RAMP = "    smoke: none\n    ramp: {steps: mesh, judge: {source: prometheus, undecided: wait}}\n"
COUNTERS = "counters: {requests: 'hits{a=\"$service\"}', error_label: code, error_values: '5..'}"


def with_keys(keys: str) -> str:
    return METRICS.replace("KEYS", keys)


def test_a_prometheus_has_defaults_for_all_but_its_url(tmp_path):
    spec = load(write_config(tmp_path, with_keys("") + RAMP))

    assert spec.prometheus == PrometheusSpec("http://prometheus:9090")
    assert spec.apps["orders"].trial.ramp.judging.source == "prometheus"


def test_files_are_beside_the_configuration_and_queries_are_the_teams_own(tmp_path):
    keys = (
        "token: secrets/token, timeout: 2s, every: 30s, stale: 2m, "
        f"{COUNTERS}, signals: {{sold: {{query: 'sum(sold{{a=\"$app\"}})', stable_query: '1'}}}}"
    )

    found = load(write_config(tmp_path, with_keys(keys))).prometheus

    assert found == PrometheusSpec(
        "http://prometheus:9090",
        token_file=str(tmp_path / "secrets/token"),
        timeout=2,
        every=30,
        stale=120,
        counters=CounterQueries('hits{a="$service"}', "code", "5.."),
        signals={"sold": SignalQuery('sum(sold{a="$app"})', "1")},
    )


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ("token: a, secret: b", "secret"),
        ("ca: ca.pem", "goes with an url that begins with https"),
        ("timeout: 5", "expected a duration with its unit"),
        ("signals: {sold: {query: 'sum(a{b=\"$pod\"})'}}", "$pod is no placeholder; there are $alternative, $app, "),
        ("signals: {p95: {query: a}}", "p95 is a figure of requests; give the signal another name"),
        ("signals: {sold: {query: ''}}", "sold.query"),
        (COUNTERS.replace("hits", "rate(hits") + ", token: a", "expected a counter with its labels and no function"),
        (COUNTERS.replace("5..", "5("), "is no regular expression"),
        (COUNTERS.replace("code", "co-de"), "error_label"),
    ],
)
def test_what_cannot_be_asked_is_a_fault_with_its_line(tmp_path, keys, reason):
    (fault,) = faults_of(tmp_path, with_keys(keys))

    assert fault.startswith("gatewayctl.yaml:4: metrics.prometheus.")
    assert reason in fault


@pytest.mark.parametrize("url", ["prometheus:9090", "ftp://prometheus", "http://me:secret@prometheus", "http://a?b=c"])
def test_a_url_without_user_and_query_is_expected(tmp_path, url):
    (fault,) = faults_of(tmp_path, with_keys("").replace("http://prometheus:9090/", url))

    assert fault.startswith("gatewayctl.yaml:4: metrics.prometheus.url: ")


def test_a_ramp_that_is_judged_by_prometheus_needs_one(tmp_path):
    (fault,) = faults_of(tmp_path, GOOD + RAMP)

    assert fault == "gatewayctl.yaml:8: apps.orders.ramp.judge.source: prometheus needs metrics.prometheus.url"


def test_a_gateway_without_counters_of_its_own_needs_others(tmp_path):
    text = with_keys("") + RAMP
    nginx = text.replace("{kind: envoy}", "{kind: nginx}")
    rules = "signals: none, rules: {require: ['sold > 5']}, undecided: wait"

    (fault,) = faults_of(tmp_path, nginx)

    assert fault.endswith(
        "a gateway of kind nginx has no known counters in Prometheus: name them under metrics.prometheus.counters"
    )
    load(write_config(tmp_path, nginx.replace("9090/', ", f"9090/', {COUNTERS}")))
    load(write_config(tmp_path, nginx.replace("undecided: wait", rules)))


@pytest.mark.parametrize("kind", PROMETHEUS_COUNTERS)
def test_the_counters_of_products_are_counters_and_nothing_else(kind):
    """They are held to what a team's own are held to."""
    for selector in PROMETHEUS_COUNTERS[kind].parts.values():
        assert is_selector(selector)
        assert unknown_places(selector) == ()
