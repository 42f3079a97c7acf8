"""What Pods say about themselves, against an API server in memory."""

import copy
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gatewayctl.adapters.kubernetes.client.api import ApiFault, NotFound, Object
from gatewayctl.adapters.kubernetes.workloads.pod_gauges import PodGauges
from gatewayctl.adapters.kubernetes.workloads.quantities import read_quantity
from gatewayctl.adapters.kubernetes.workloads.workloads import KubernetesWorkloads
from gatewayctl.domain.judge.rule_text import parse_rule
from gatewayctl.domain.judge.rules import RuleSet
from gatewayctl.domain.judge.settings import Settings
from gatewayctl.domain.ramp import Judging, Ramp, Undecided
from gatewayctl.domain.release import Release
from gatewayctl.domain.signals import Gauge
from tests.adapters.kubernetes.fake_api.memory_api import MemoryApi
from tests.adapters.kubernetes.objects import a_deployment, a_pod
from tests.contract.releases import a_release

CREATED = 1_800_000_000.0


def stamp(seconds: float) -> str:
    """A time so many seconds after the release began, as an API server writes it."""
    return datetime.fromtimestamp(CREATED + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def judged_by(*rules: str) -> Release:
    settings = Settings(rules=RuleSet(fail=tuple(map(parse_rule, rules))))
    release = a_release()
    ramp = Ramp(judging=Judging("gateway", settings, Undecided.FAIL))
    return replace(release, created=CREATED + 0.7, trial=replace(release.trial, ramp=ramp))


def oom(seconds: float) -> Object:
    return {"terminated": {"reason": "OOMKilled", "finishedAt": stamp(seconds)}}


class Cluster:
    """Two Deployments with one Pod each, whose container may use one core and 100 MiB."""

    def __init__(self) -> None:
        self.api = MemoryApi(a_deployment(), a_deployment("orders-canary"))
        self.clock = CREATED + 100
        self.workloads = KubernetesWorkloads(self.api, "shop")
        self.gauges = PodGauges(self.api, "shop", self.pods, lambda: self.clock)
        self.pod("orders")
        self.pod("orders-canary")
        self.away: ApiFault | None = None

    def pod(self, of: str, name: str = "a", **state: object) -> Object:
        pod = a_pod(f"{of}-h1-{name}", of, **state)
        pod["metadata"]["uid"] = f"uid-{of}-{name}"
        pod["spec"] = {"containers": [{"name": "app", "resources": {"limits": {"cpu": "1", "memory": "100Mi"}}}]}
        self.api.put("pods", pod)
        return pod

    def pods(self, name: str) -> list[Object]:
        if self.away:
            raise self.away
        held = self.api.server.objects.items()
        return [
            copy.deepcopy(one) for path, one in held if "/pods/" in path and one["metadata"]["labels"]["app"] == name
        ]

    def read(self, *rules: str) -> tuple[dict[str, Gauge], tuple[str, ...]]:
        gauges, unknown = self.gauges.read(judged_by(*rules))
        return dict(gauges), unknown


class Measured(MemoryApi):
    """The metrics API beside; its list is told in place of the Pods, when it is asked for."""

    measured: list[Object] | ApiFault

    def get(self, path: str, **query: str) -> Object:
        if "metrics.k8s.io" not in path:
            return super().get(path, **query)
        assert path == "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods"
        self.asked.append("metrics")
        if isinstance(self.measured, ApiFault):
            raise self.measured
        return {"items": self.measured}


def a_measurement(of: str, cpu: str, memory: str, at: float = 90) -> Object:
    usage = {"cpu": cpu, "memory": memory}
    return {"metadata": {"name": f"{of}-h1-a"}, "timestamp": stamp(at), "containers": [{"name": "app", "usage": usage}]}


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def measured(cluster: Cluster) -> Measured:
    api = Measured()
    api.measured = [a_measurement("orders", "250m", "20Mi"), a_measurement("orders-canary", "500000000n", "80Mi")]
    cluster.gauges = PodGauges(api, "shop", cluster.pods, lambda: cluster.clock)
    return api


def test_only_what_a_rule_names_is_read(cluster: Cluster, measured: Measured) -> None:
    cluster.away = ApiFault(500, "must not be asked")

    assert cluster.read("p95 > 5s", "sold < 5") == ({}, ())
    assert measured.asked == []


def test_restarts_are_those_of_all_pods_of_a_version(cluster: Cluster) -> None:
    cluster.pod("orders-canary", restartCount=2)
    cluster.pod("orders-canary", "b", restartCount=1)

    assert cluster.read("restarts >= 3") == ({"restarts": Gauge(3.0, 0.0)}, ())


def test_each_end_for_want_of_memory_counts_once_and_stays_known(cluster: Cluster) -> None:
    """A container tells only its last end; after that its Pod may go."""
    cluster.pod("orders-canary", lastState=oom(10))
    assert cluster.read("OOMKilled >= 2")[0] == {"OOMKilled": Gauge(1.0, 0.0)}
    assert cluster.read("OOMKilled >= 2")[0] == {"OOMKilled": Gauge(1.0, 0.0)}

    cluster.pod("orders-canary", lastState=oom(10), state=oom(50))
    assert cluster.read("OOMKilled >= 2")[0] == {"OOMKilled": Gauge(2.0, 0.0)}

    cluster.api.clear("pods")
    assert cluster.read("OOMKilled >= 2") == (
        {"OOMKilled": Gauge(2.0, None)},
        ("OOMKilled of stable is not known: there is no Pod",),
    )


def test_an_end_before_the_release_or_for_another_reason_does_not_count(cluster: Cluster) -> None:
    cluster.pod("orders-canary", lastState=oom(-1))
    cluster.pod("orders-canary", "b", lastState={"terminated": {"reason": "Error", "finishedAt": stamp(5)}})
    cluster.pod("orders-canary", "c", lastState={"terminated": {"reason": "OOMKilled", "finishedAt": "?"}})

    assert cluster.read("OOMKilled >= 1") == ({"OOMKilled": Gauge(0.0, 0.0)}, ())


def test_pods_that_cannot_be_read_are_unknown(cluster: Cluster) -> None:
    cluster.away = ApiFault(500, "etcd has no leader")

    gauges, unknown = cluster.read("OOMKilled >= 1")

    assert gauges == {"OOMKilled": Gauge(None, None)}
    assert unknown[0].startswith("OOMKilled of canary is not known: ")
    assert "etcd has no leader" in unknown[0]


def test_use_is_a_share_of_the_limit(cluster: Cluster, measured: Measured) -> None:
    gauges, unknown = cluster.read("cpu > 80%", "memory > 80%", "memory_available < 20%")

    assert unknown == ()
    assert gauges == {
        "cpu": Gauge(0.5, 0.25),
        "memory": Gauge(pytest.approx(0.8), pytest.approx(0.2)),
        "memory_available": Gauge(pytest.approx(0.2), pytest.approx(0.8)),
    }
    assert measured.asked == ["metrics"]


def test_the_metrics_api_is_asked_as_often_as_it_measures(cluster: Cluster, measured: Measured) -> None:
    for seconds in (0, 5, 14, 16):
        cluster.clock = CREATED + 100 + seconds
        cluster.read("cpu > 80%")

    assert measured.asked == ["metrics"] * 2


def test_a_cluster_without_a_metrics_api_does_not_know_what_pods_use(cluster: Cluster, measured: Measured) -> None:
    measured.measured = NotFound(404, "the server could not find the requested resource")

    assert cluster.read("cpu > 80%") == (
        {"cpu": Gauge(None, None)},
        tuple(
            f"cpu of {one} is not known: the cluster has no metrics API (metrics-server)"
            for one in ("canary", "stable")
        ),
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"timestamp": stamp(-30)}, "Pod orders-canary-h1-a was not measured in the last 120 s"),
        ({"timestamp": "soon"}, "was not measured in the last 120 s"),
        ({"metadata": {"name": "other"}}, "was not measured in the last 120 s"),
        ({"containers": []}, "container app of Pod orders-canary-h1-a was not measured"),
        ({"containers": [{"name": "app", "usage": {"cpu": "-1"}}]}, "was not measured"),
        ({"containers": [{"name": "app", "usage": {"cpu": "NaN"}}]}, "was not measured"),
    ],
)
def test_what_was_not_measured_is_unknown(cluster: Cluster, measured: Measured, change: Object, why: str) -> None:
    measured.measured[1] = {**a_measurement("orders-canary", "1", "1Mi"), **change}  # type: ignore[index]

    gauges, unknown = cluster.read("cpu > 80%")

    assert gauges == {"cpu": Gauge(None, 0.25)}
    assert why in unknown[0]


def test_a_metrics_api_that_fails_is_unknown(cluster: Cluster, measured: Measured) -> None:
    measured.measured = ApiFault(403, "not for you")

    gauges, unknown = cluster.read("memory > 80%")

    assert gauges == {"memory": Gauge(None, None)}
    assert "the metrics API does not tell: " in unknown[0]


@pytest.mark.usefixtures("measured")
def test_without_a_limit_or_a_ready_pod_there_is_no_share(cluster: Cluster) -> None:
    cluster.pod("orders")["spec"]["containers"][0].pop("resources")
    cluster.pod("orders-canary", ready=False)

    assert cluster.read("cpu > 80%")[1] == (
        "cpu of canary is not known: no Pod is ready",
        "cpu of stable is not known: no container has a limit of cpu",
    )


def test_the_pods_of_a_deployment_are_those_that_its_workload_has(cluster: Cluster) -> None:
    cluster.pod("orders-canary", "evicted", status={"phase": "Failed"})

    found = cluster.workloads.pods("orders-canary")

    assert [one["metadata"]["name"] for one in found] == ["orders-canary-h1-a"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("250m", 0.25),
        ("5n", 5e-9),
        ("1", 1.0),
        (2, 2.0),
        ("1.5", 1.5),
        ("64Mi", 64 * 1024**2),
        ("2Gi", 2 * 1024**3),
        ("3k", 3000.0),
        ("1e3", 1000.0),
        ("1E", 1e18),
        ("", None),
        (None, None),
        ("-1", None),
        ("NaN", None),
        ("1 Gi", None),
        ("1ki", None),
        ("٣", None),
    ],
)
def test_quantities_are_read_as_kubernetes_writes_them(text: object, value: float | None) -> None:
    assert read_quantity(text) == (pytest.approx(value) if value is not None else None)
