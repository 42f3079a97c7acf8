"""What people and quotas break under a release: all is put back, or what is left is said with the command that goes on.

None of these causes is in doubt, so nobody waits for a deadline: `SOON` is far below the two minutes of `ready` and
`live`.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import pytest

from gatewayctl.adapters.kubernetes.client.paths import deployments
from tests.e2e.shop_cluster import Done, Town
from tests.e2e.watcher import watching

SOON = 90  # seconds
IDLE = 1.0  # seconds after which the gateway drops a connection; one that is asked on more often outlives the Service
RULE = "gatewayctl-orders-canary"


def timed(town: Town, *arguments: str) -> tuple[Done, float]:
    """A command and how long it took, in seconds."""
    begun = time.monotonic()
    done = town.run(*arguments)
    return done, time.monotonic() - begun


def started(town: Town) -> None:
    """A release that is routed and waits."""
    done = town.run("start", "orders", "--image", "shop/orders:1.1")
    assert done.code == 0, done.said
    assert RULE in town.routes()


def lost(town: Town) -> bool:
    """Whether the canary is reached from nowhere: its Service is gone in the API before it is on the nodes."""
    release = town.release_of("orders")
    assert release
    header = release["header"]
    return town.all_answer("orders", HTTPStatus.SERVICE_UNAVAILABLE, (header["name"], header["value"]))


@contextmanager
def deleted(town: Town, path: str) -> Iterator[None]:
    """An object is gone meanwhile, as after `kubectl delete`."""
    found = town.api.get(path)
    town.api.delete(path)
    town.settle(lambda: not town.is_there(path), f"{path} to be gone")
    try:
        yield
    finally:
        kept = {key: value for key, value in found["metadata"].items() if key in ("name", "namespace", "labels")}
        if found["kind"] == "Deployment":
            found["spec"]["replicas"] = 0
        for key in ("clusterIP", "clusterIPs"):
            found["spec"].pop(key, None)
        town.api.create(path.rpartition("/")[0], {**found, "metadata": kept, "status": {}})


@contextmanager
def no_more_pods(town: Town, most: int) -> Iterator[None]:
    """The namespace may hold `most` Pods; what runs already goes on."""
    quotas = f"/api/v1/namespaces/{town.shop}/resourcequotas"
    town.api.create(quotas, {"metadata": {"name": "small"}, "spec": {"hard": {"pods": str(most)}}})
    try:
        town.settle(lambda: bool(town.api.get(f"{quotas}/small").get("status", {}).get("used")), "the quota to count")
        yield
    finally:
        town.api.delete(f"{quotas}/small")


def as_before(town: Town) -> bool:
    return (
        town.image("orders") == "shop/orders:1.0"
        and town.ready(town.shop, "orders") == 1
        and RULE not in town.routes()
        and town.pods("orders-canary") == []
    )


@pytest.mark.shows("envoy", "canary gone")
def test_a_canary_service_deleted_mid_release_is_noticed_and_all_is_put_back(town: Town):
    started(town)
    with deleted(town, f"/api/v1/namespaces/{town.shop}/services/orders-canary"):
        town.settle(lambda: lost(town), "requests to find no canary any more", every=2 * IDLE)
        done, seconds = timed(town, "promote", "orders", "--untested")

    assert done.code == 3, done.said
    assert "has run the rule for 20 s" in done.out
    assert "HTTP 503" in done.out
    assert seconds < SOON
    assert as_before(town)


def test_a_canary_deployment_deleted_mid_release_is_named_and_all_else_is_put_back(town: Town):
    started(town)
    with deleted(town, deployments(town.shop, "orders-canary")):
        done, seconds = timed(town, "promote", "orders", "--untested")
        assert RULE not in town.routes()
        # Its Pods are the garbage collector's by now, which no release waits for.
        town.settle(lambda: town.pods("orders-canary") == [], "the canary's Pods to be collected")

    assert done.code == 4, done.said
    assert "there is no Deployment orders-canary" in done.out
    assert "someone took it away" in done.err
    assert seconds < SOON
    assert as_before(town)


def test_a_used_up_quota_rejects_the_canary_with_its_reason(town: Town):
    with no_more_pods(town, most=2), watching(town) as watcher:
        done, seconds = timed(town, "release", "orders", "--image", "shop/orders:1.1", "--promote", "on-success")

    assert done.code == 3, done.said

    assert "exceeded quota: small" in done.out
    watcher.assert_held()
    assert seconds < SOON
    assert as_before(town)


def test_a_stable_rollout_that_can_make_no_pod_is_taken_back(town: Town):
    with watching(town) as watcher:
        started(town)
        with no_more_pods(town, most=3):
            done, seconds = timed(town, "promote", "orders", "--untested")

    assert done.code == 3, done.said

    assert "exceeded quota: small" in done.out
    watcher.assert_held()
    assert seconds < SOON
    assert as_before(town)


def test_a_stable_that_cannot_be_restored_needs_a_person_and_resume_completes_it(town: Town):
    """With Recreate the old Pod is gone before the new one is refused; then the old one is refused as well."""
    path = deployments(town.shop, "orders")
    before = town.api.get(path)["spec"]["strategy"]
    town.api.merge(path, {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}})
    try:
        started(town)
        with no_more_pods(town, most=2):
            stuck, seconds = timed(town, "promote", "orders", "--untested")
            assert RULE in town.routes()
            assert len(town.pods("orders-canary")) == 1
        resumed = town.run("resume", "orders")
    finally:
        town.api.merge(path, {"spec": {"strategy": before}})

    assert stuck.code == 6, stuck.said

    assert "exceeded quota: small" in stuck.out
    assert "gatewayctl resume orders" in stuck.out
    assert seconds < SOON

    assert resumed.code == 3, resumed.said
    assert as_before(town)
