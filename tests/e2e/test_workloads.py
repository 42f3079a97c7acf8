"""What only a real cluster can show of Deployments: other writers, quotas, schedulers, probes, the cost of a wait."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.adapters.kubernetes.client.paths import deployments
from gatewayctl.adapters.kubernetes.doctor.twin_diff import find_differences, sync_patch
from gatewayctl.domain.errors import StaleWrite
from tests.contract.kubernetes_platform import KubernetesPlatform, kubernetes_platform

pytestmark = pytest.mark.cluster
CANARY = "orders-canary"
CONTAINER = "/spec/template/spec/containers/0"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesPlatform]:
    with kubernetes_platform(tmp_path_factory.mktemp("cluster")) as platform:
        assert isinstance(platform, KubernetesPlatform)
        yield platform


@pytest.fixture
def edited(cluster: KubernetesPlatform) -> Iterator[Callable[[list[Object]], None]]:
    """Edits of the canary Deployment as a person would make them, undone afterwards."""
    path = deployments(cluster.shop, CANARY)
    before = cluster.api.get(path)["spec"]

    def edit(operations: list[Object]) -> None:
        cluster.api.patch(path, operations)

    yield edit
    cluster.api.patch(path, [{"op": "replace", "path": "/spec", "value": {**before, "replicas": 0}}])
    cluster.settle(lambda: cluster.workloads.read(CANARY).settled, "the canary as before")


def started(cluster: KubernetesPlatform) -> None:
    changed(cluster, image=cluster.names.next_image, replicas=1)


def changed(cluster: KubernetesPlatform, *, image: str, replicas: int | None = None) -> None:
    """As a release does it: what a watch has not told yet loses the swap, and is read again."""

    def swapped() -> bool:
        try:
            cluster.workloads.change(cluster.workloads.read(CANARY), image=image, replicas=replicas)
        except StaleWrite:
            return False
        return True

    cluster.settle(swapped, f"{CANARY} to be written")


def test_whoever_else_writes_to_the_deployment_wins_over_what_was_read_before(
    cluster: KubernetesPlatform, edited: Callable[[list[Object]], None]
) -> None:
    read = cluster.workloads.read(CANARY)
    edited([{"op": "add", "path": "/metadata/labels", "value": {"edited": "by-a-person"}}])
    relabelled = cluster.workloads.change(read)
    edited([{"op": "add", "path": "/spec/minReadySeconds", "value": 1}])

    with pytest.raises(StaleWrite, match=CANARY):
        cluster.workloads.change(relabelled, replicas=1)

    assert cluster.workloads.read(CANARY).replicas == 0


@pytest.mark.parametrize(
    ("operations", "words"),
    [
        (
            [{"op": "add", "path": f"{CONTAINER}/resources/requests/cpu", "value": "4000"}],
            "cannot be scheduled: 0/1 nodes are available",
        ),
        (
            [
                {
                    "op": "add",
                    "path": f"{CONTAINER}/envFrom",
                    "value": [{"configMapRef": {"name": "no-such-settings"}}],
                }
            ],
            'CreateContainerConfigError: configmap "no-such-settings" not found',
        ),
        (
            [
                {
                    "op": "add",
                    "path": f"{CONTAINER}/livenessProbe",
                    "value": {"httpGet": {"path": "/", "port": 1}, "periodSeconds": 1, "failureThreshold": 1},
                },
                {"op": "replace", "path": f"{CONTAINER}/readinessProbe/httpGet/path", "value": "/never"},
                {"op": "replace", "path": "/spec/template/spec/terminationGracePeriodSeconds", "value": 3},
            ],
            ": Liveness probe failed",
        ),
    ],
    ids=["unschedulable", "no settings", "liveness"],
)
def test_a_canary_that_cannot_start_is_explained(
    cluster: KubernetesPlatform, edited: Callable[[list[Object]], None], operations: list[Object], words: str
) -> None:
    edited(operations)

    started(cluster)
    cluster.settle(lambda: bool(cluster.workloads.read(CANARY).trouble), "an explanation")

    assert words in str(cluster.workloads.read(CANARY).trouble)


def test_a_quota_that_is_used_up_is_explained(
    cluster: KubernetesPlatform, edited: Callable[[list[Object]], None]
) -> None:
    quotas = f"/api/v1/namespaces/{cluster.shop}/resourcequotas"
    cluster.api.create(quotas, {"metadata": {"name": "small"}, "spec": {"hard": {"pods": "1"}}})
    try:
        cluster.settle(
            lambda: bool(cluster.api.get(f"{quotas}/small")["status"].get("used")), "the quota to be counted"
        )
        started(cluster)
        cluster.settle(lambda: bool(cluster.workloads.read(CANARY).trouble), "an explanation")
        assert "exceeded quota: small" in str(cluster.workloads.read(CANARY).trouble)
    finally:
        cluster.api.delete(f"{quotas}/small")


def test_an_image_change_leaves_a_sidecars_image_alone(
    cluster: KubernetesPlatform, edited: Callable[[list[Object]], None]
) -> None:
    sidecar = {"name": "proxy", "image": "gatewayctl/pause:1"}
    edited([{"op": "add", "path": "/spec/template/spec/containers/0", "value": sidecar}])

    changed(cluster, image=cluster.names.next_image)

    held = cluster.api.get(deployments(cluster.shop, CANARY))["spec"]["template"]["spec"]["containers"]
    assert [one["image"] for one in held] == ["gatewayctl/pause:1", cluster.names.next_image]


def test_warming_and_stopping_a_canary_needs_few_requests(
    cluster: KubernetesPlatform, edited: Callable[[list[Object]], None]
) -> None:
    before = cluster.api.requests
    started(cluster)
    cluster.settle(lambda: cluster.workloads.read(CANARY).settled, "the canary")
    warmed = cluster.api.requests
    cluster.workloads.change(cluster.workloads.read(CANARY), replicas=0)
    cluster.settle(lambda: not cluster.workloads.read(CANARY).pods, "the canary to be gone")
    stopped = cluster.api.requests

    assert warmed - before <= 12
    assert stopped - warmed <= 9


def test_the_examples_twins_are_alike_and_sync_mends_one_that_is_not(
    cluster: KubernetesPlatform, edited: Callable[[list[Object]], None], tmp_path: Path
) -> None:
    def both() -> tuple[dict[str, Any], dict[str, Any]]:
        return (
            cluster.api.get(deployments(cluster.shop, cluster.names.busy)),
            cluster.api.get(deployments(cluster.shop, CANARY)),
        )

    assert find_differences(*both()) == ()
    edited([{"op": "replace", "path": f"{CONTAINER}/resources/limits/memory", "value": "64Mi"}])
    assert [one.path for one in find_differences(*both())] == ["spec.containers[app].resources.limits.memory"]

    cluster.api.patch(deployments(cluster.shop, CANARY), sync_patch(*both()))

    assert find_differences(*both()) == ()
