"""A whole release on a real cluster: three Envoys, two applications, their canary twins at zero."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gatewayctl.adapters.kubernetes.client.paths import deployments, services
from tests.e2e.object_rules import is_settled
from tests.e2e.shop_cluster import ShopCluster, kubectl


@pytest.mark.shows("envoy", "promoted")
@pytest.mark.usefixtures("orders_put_back")
def test_a_good_release_is_promoted_and_leaves_nothing_behind(cluster: ShopCluster):
    routes = cluster.routes()

    done = cluster.run("release", "orders", "--image", "shop/orders:1.1", "--promote", "on-success", "-o", "json")

    assert done.code == 0, done.said
    assert json.loads(done.out)["outcome"] == "promoted"
    assert "3/3 gateway replicas serve it" in done.err
    assert cluster.image("orders") == "shop/orders:1.1"
    assert (cluster.replicas("orders-canary"), cluster.pods("orders-canary")) == (0, [])
    assert cluster.routes() == routes
    told = kubectl("-n", cluster.shop, "describe", "deployment", "orders").partition("Events:")[2]
    assert "every gateway replica sends requests with the canary header to orders-canary" in told
    assert "Promoted" in told, told
    back = cluster.run("release", "orders", "--image", "shop/orders:1.0", "--promote", "on-success")
    assert back.code == 0, back.said
    assert cluster.image("orders") == "shop/orders:1.0"


@pytest.mark.shows("envoy", "rejected")
def test_a_canary_that_fails_its_suite_is_rejected_and_stable_was_never_touched(cluster: ShopCluster):
    generation = cluster.deployment("orders")["metadata"]["generation"]

    done = cluster.run("release", "orders", "--image", "shop/orders:1.1-errors", "--promote", "on-success")

    assert done.code == 3, done.said
    assert cluster.image("orders") == "shop/orders:1.0"
    assert cluster.deployment("orders")["metadata"]["generation"] == generation
    assert cluster.pods("orders-canary") == []


def test_a_canary_that_crashes_is_rejected_long_before_the_deadline_with_its_reason(cluster: ShopCluster):
    done = cluster.run("release", "orders", "--image", "shop/orders:1.1-crash", "--promote", "on-success", "-o", "json")

    assert done.code == 3, done.said
    assert "exited 1" in json.loads(done.out)["reason"]


def test_anyone_sees_and_aborts_a_release_from_anywhere_without_a_configuration(cluster: ShopCluster, tmp_path: Path):
    started = cluster.run("start", "orders", "--image", "shop/orders:1.1")
    assert started.code == 0, started.said

    seen = cluster.run("status", "orders", "-n", cluster.shop, "-o", "json", cwd=tmp_path)
    aborted = cluster.run("abort", "orders", "-n", cluster.shop, "--reason", "on call", cwd=tmp_path)

    assert seen.code == 0, seen.said
    assert "gatewayctl abort orders" in seen.out
    assert aborted.code == 0, aborted.said
    assert cluster.replicas("orders-canary") == 0
    assert "gatewayctl-orders-canary" not in cluster.routes()


def test_anyone_promotes_a_started_release_from_anywhere(cluster: ShopCluster, tmp_path: Path):
    started = cluster.run("start", "payments", "--image", "shop/payments:1.1")
    assert started.code == 0, started.said

    promoted = cluster.run("promote", "payments", "-n", cluster.shop, cwd=tmp_path)

    assert promoted.code == 0, promoted.said
    assert cluster.image("payments") == "shop/payments:1.1"


def test_a_second_release_of_one_application_is_a_conflict(cluster: ShopCluster):
    started = cluster.run("start", "orders", "--image", "shop/orders:1.1")
    assert started.code == 0, started.said

    second = cluster.run("release", "orders", "--image", "shop/orders:1.1")

    assert second.code == 5, second.said
    assert "unfinished release" in second.err


@pytest.mark.usefixtures("routes_put_back")
def test_a_persons_edit_of_the_routes_during_a_release_survives(cluster: ShopCluster):
    started = cluster.run("start", "orders", "--image", "shop/orders:1.1")
    assert started.code == 0, started.said
    before = cluster.routes()
    edited = before.replace("# the bank takes its time", "# the bank takes its time, still")
    assert edited != before
    cluster.api.merge(f"/api/v1/namespaces/{cluster.gateway}/configmaps/gateway-routes", {"data": {"rds.yaml": edited}})

    aborted = cluster.run("abort", "orders")

    assert aborted.code == 0, aborted.said
    kept = cluster.routes()
    assert "# the bank takes its time, still" in kept
    assert "gatewayctl-orders-canary" not in kept


@contextmanager
def wide_service(cluster: ShopCluster) -> Iterator[None]:
    """Meanwhile a Service selects the Pods of both orders and orders-canary, by a label that both have."""
    service = services(cluster.shop, "orders-wide")
    spec = {"selector": {"tier": "all"}, "ports": [{"port": 80}]}
    try:
        cluster.api.create(services(cluster.shop), {"metadata": {"name": "orders-wide"}, "spec": spec})
        label_pods(cluster, "all")
        yield
    finally:
        label_pods(cluster, None)
        cluster.api.delete(service)


def label_pods(cluster: ShopCluster, tier: str | None) -> None:
    """Set a label of the Pods of both Deployments, or take it away; return once stable's are replaced."""
    template = {"metadata": {"labels": {"tier": tier}}}
    for name in ("orders", "orders-canary"):
        cluster.api.merge(deployments(cluster.shop, name), {"spec": {"template": template}})
    cluster.settle(lambda: is_settled(cluster.deployment("orders")), "orders with new Pods")


def test_doctor_names_what_the_cluster_lacks_and_what_would_catch_canary_pods(cluster: ShopCluster):
    fine = cluster.run("doctor", "orders")

    with wide_service(cluster):
        caught = cluster.run("doctor", "orders")

    assert fine.code == 0, fine.said
    assert "✓ orders: rights: all" in fine.out
    assert "✓ orders: route files: ConfigMap" in fine.out
    assert caught.code == 2, caught.said
    assert "orders-wide" in caught.out


def test_sync_brings_a_canary_in_line_with_stable(cluster: ShopCluster):
    deployment = f"/apis/apps/v1/namespaces/{cluster.shop}/deployments/payments-canary"
    variable = {"name": "MODE", "value": "other"}
    cluster.api.patch(deployment, [{"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": variable}])

    shown = cluster.run("sync", "payments", "--diff")
    done = cluster.run("sync", "payments")
    again = cluster.run("sync", "payments")

    assert "MODE" in shown.out, shown.said
    assert "not written" in shown.out
    assert done.code == 0, done.said
    assert "nothing to do" in again.out
    assert cluster.deployment("payments-canary")["spec"]["replicas"] == 0


def test_sweep_removes_a_rule_whose_release_nobody_remembers(cluster: ShopCluster):
    started = cluster.run("start", "orders", "--image", "shop/orders:1.1")
    assert started.code == 0, started.said
    cluster.api.delete(f"/api/v1/namespaces/{cluster.shop}/configmaps/gatewayctl-orders")

    dry = cluster.run("sweep", "orders", "--dry-run")
    swept = cluster.run("sweep", "orders")

    assert "would be swept" in dry.out, dry.said
    assert swept.code == 0, swept.said
    assert "gatewayctl-orders-canary" not in cluster.routes()
    assert cluster.replicas("orders-canary") == 0
