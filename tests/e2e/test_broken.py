"""What people and quotas break under a release: all is put back, or what is left is said with the command that goes on.

Most of these causes are in no doubt, so nobody waits for a deadline: `SOON` is far below the two minutes of `live`. A
quota may be raised at any moment: that is waited for, for as long as a rollout may stand still.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import pytest

from gatewayctl.adapters.kubernetes.client.paths import deployments
from tests.e2e.shop_cluster import Done, ShopCluster
from tests.e2e.watcher import watching

SOON = 90  # seconds
STILL = 15  # seconds for which a rollout may stand still, where a test waits for that: the example's are 60
IDLE = 1.0  # seconds after which the gateway drops a connection; one that is asked on more often outlives the Service
RULE = "gatewayctl-orders-canary"


def timed(cluster: ShopCluster, *arguments: str) -> tuple[Done, float]:
    """A command and how long it took, in seconds."""
    begun = time.monotonic()
    done = cluster.run(*arguments)
    return done, time.monotonic() - begun


def started(cluster: ShopCluster) -> None:
    """A release that is routed and waits."""
    done = cluster.run("start", "orders", "--image", "shop/orders:1.1")
    assert done.code == 0, done.said
    assert RULE in cluster.routes()


def lost(cluster: ShopCluster) -> bool:
    """Whether the canary is reached from nowhere: its Service is gone in the API before it is on the nodes."""
    release = cluster.release_of("orders")
    assert release
    header = release["header"]
    return cluster.all_answer("orders", HTTPStatus.SERVICE_UNAVAILABLE, (header["name"], header["value"]))


@contextmanager
def impatient(cluster: ShopCluster) -> Iterator[None]:
    """Meanwhile a rollout may stand still for STILL seconds only; for releases that begin meanwhile."""
    before = cluster.config.read_text()
    assert "timings: {ready: 1m}" in before
    cluster.config.write_text(before.replace("timings: {ready: 1m}", f"timings: {{ready: {STILL}s}}"))
    try:
        yield
    finally:
        cluster.config.write_text(before)


@contextmanager
def deleted(cluster: ShopCluster, path: str) -> Iterator[None]:
    """An object is gone meanwhile, as after `kubectl delete`."""
    found = cluster.api.get(path)
    cluster.api.delete(path)
    cluster.settle(lambda: not cluster.is_there(path), f"{path} to be gone")
    try:
        yield
    finally:
        kept = {key: value for key, value in found["metadata"].items() if key in ("name", "namespace", "labels")}
        if found["kind"] == "Deployment":
            found["spec"]["replicas"] = 0
        for key in ("clusterIP", "clusterIPs"):
            found["spec"].pop(key, None)
        cluster.api.create(path.rpartition("/")[0], {**found, "metadata": kept, "status": {}})


@contextmanager
def no_more_pods(cluster: ShopCluster, most: int) -> Iterator[None]:
    """The namespace may hold `most` Pods; what runs already goes on."""
    quotas = f"/api/v1/namespaces/{cluster.shop}/resourcequotas"
    cluster.api.create(quotas, {"metadata": {"name": "small"}, "spec": {"hard": {"pods": str(most)}}})
    try:
        cluster.settle(
            lambda: bool(cluster.api.get(f"{quotas}/small").get("status", {}).get("used")), "the quota to count"
        )
        yield
    finally:
        cluster.api.delete(f"{quotas}/small")


def as_before(cluster: ShopCluster) -> bool:
    return (
        cluster.image("orders") == "shop/orders:1.0"
        and cluster.ready(cluster.shop, "orders") == 1
        and RULE not in cluster.routes()
        and cluster.pods("orders-canary") == []
    )


@pytest.mark.shows("envoy", "canary gone")
def test_a_canary_service_deleted_mid_release_is_noticed_and_all_is_put_back(cluster: ShopCluster):
    started(cluster)
    with deleted(cluster, f"/api/v1/namespaces/{cluster.shop}/services/orders-canary"):
        cluster.settle(lambda: lost(cluster), "requests to find no canary any more", every=2 * IDLE)
        done, seconds = timed(cluster, "promote", "orders", "--untested")

    assert done.code == 3, done.said
    assert "has run the rule for 20 s" in done.out
    assert "HTTP 503" in done.out
    assert seconds < SOON
    assert as_before(cluster)


def test_a_canary_deployment_deleted_mid_release_is_named_and_all_else_is_put_back(cluster: ShopCluster):
    started(cluster)
    with deleted(cluster, deployments(cluster.shop, "orders-canary")):
        done, seconds = timed(cluster, "promote", "orders", "--untested")
        assert RULE not in cluster.routes()
        # Its Pods are the garbage collector's by now, which no release waits for.
        cluster.settle(lambda: cluster.pods("orders-canary") == [], "the canary's Pods to be collected")

    assert done.code == 4, done.said
    assert "there is no Deployment orders-canary" in done.out
    assert "someone took it away" in done.err
    assert seconds < SOON
    assert as_before(cluster)


def test_a_used_up_quota_ends_the_release_with_its_reason_and_without_blame(cluster: ShopCluster):
    with no_more_pods(cluster, most=2), watching(cluster) as watcher:
        done, seconds = timed(cluster, "release", "orders", "--image", "shop/orders:1.1", "--promote", "on-success")

    assert done.code == 4, done.said

    assert "exceeded quota: small" in done.out
    watcher.assert_held()
    assert seconds < SOON
    assert as_before(cluster)


def test_a_stable_rollout_that_can_make_no_pod_is_taken_back(cluster: ShopCluster):
    with watching(cluster) as watcher:
        started(cluster)
        with no_more_pods(cluster, most=3):
            done, seconds = timed(cluster, "promote", "orders", "--untested")

    assert done.code == 4, done.said

    assert "exceeded quota: small" in done.out
    watcher.assert_held()
    assert seconds < SOON
    assert as_before(cluster)


def test_a_stable_that_cannot_be_restored_needs_a_person_and_resume_completes_it(cluster: ShopCluster):
    """With Recreate the old Pod is gone before the new one is refused; then the old one is refused as well."""
    path = deployments(cluster.shop, "orders")
    before = cluster.api.get(path)["spec"]["strategy"]
    cluster.api.merge(path, {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}})
    try:
        with impatient(cluster):
            started(cluster)
        with no_more_pods(cluster, most=2):
            stuck, seconds = timed(cluster, "promote", "orders", "--untested")
            assert RULE in cluster.routes()
            assert len(cluster.pods("orders-canary")) == 1
        resumed = cluster.run("resume", "orders")
    finally:
        cluster.api.merge(path, {"spec": {"strategy": before}})

    assert stuck.code == 6, stuck.said

    assert "exceeded quota: small" in stuck.out
    assert "gatewayctl resume orders" in stuck.out
    assert seconds < SOON

    assert resumed.code == 4, resumed.said
    assert as_before(cluster)
