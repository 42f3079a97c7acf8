"""A whole release on a real cluster: three Envoys, two applications, their canary twins at zero."""

import json
from pathlib import Path

import pytest

from tests.e2e.object_rules import is_settled
from tests.e2e.shop_cluster import Town, kubectl


@pytest.mark.shows("envoy", "promoted")
def test_a_good_release_is_promoted_and_leaves_nothing_behind(town: Town):
    routes = town.routes()

    done = town.run("release", "orders", "--image", "shop/orders:1.1", "--promote", "on-success", "-o", "json")

    assert done.code == 0, done.said
    assert json.loads(done.out)["outcome"] == "promoted"
    assert "3/3 gateway replicas serve it" in done.err
    assert town.image("orders") == "shop/orders:1.1"
    assert (town.replicas("orders-canary"), town.pods("orders-canary")) == (0, [])
    assert town.routes() == routes
    told = kubectl("-n", town.shop, "describe", "deployment", "orders").partition("Events:")[2]
    assert "every gateway replica sends requests with the canary header to orders-canary" in told
    assert "Promoted" in told, told
    back = town.run("release", "orders", "--image", "shop/orders:1.0", "--promote", "on-success")
    assert back.code == 0, back.said
    assert town.image("orders") == "shop/orders:1.0"


@pytest.mark.shows("envoy", "rejected")
def test_a_canary_that_fails_its_suite_is_rejected_and_stable_was_never_touched(town: Town):
    generation = town.deployment("orders")["metadata"]["generation"]

    done = town.run("release", "orders", "--image", "shop/orders:1.1-errors", "--promote", "on-success")

    assert done.code == 3, done.said
    assert town.image("orders") == "shop/orders:1.0"
    assert town.deployment("orders")["metadata"]["generation"] == generation
    assert town.pods("orders-canary") == []


def test_a_canary_that_crashes_is_rejected_long_before_the_deadline_with_its_reason(town: Town):
    done = town.run("release", "orders", "--image", "shop/orders:1.1-crash", "--promote", "on-success", "-o", "json")

    assert done.code == 3, done.said
    assert "exited 1" in json.loads(done.out)["reason"]


def test_anyone_sees_and_aborts_a_release_from_anywhere_without_a_configuration(town: Town, tmp_path: Path):
    started = town.run("start", "orders", "--image", "shop/orders:1.1")
    assert started.code == 0, started.said

    seen = town.run("status", "orders", "-n", town.shop, "-o", "json", cwd=tmp_path)
    aborted = town.run("abort", "orders", "-n", town.shop, "--reason", "on call", cwd=tmp_path)

    assert seen.code == 0, seen.said
    assert "gatewayctl abort orders" in seen.out
    assert aborted.code == 0, aborted.said
    assert town.replicas("orders-canary") == 0
    assert "gatewayctl-orders-canary" not in town.routes()


def test_anyone_promotes_a_started_release_from_anywhere(town: Town, tmp_path: Path):
    started = town.run("start", "payments", "--image", "shop/payments:1.1")
    assert started.code == 0, started.said

    promoted = town.run("promote", "payments", "-n", town.shop, cwd=tmp_path)

    assert promoted.code == 0, promoted.said
    assert town.image("payments") == "shop/payments:1.1"


def test_a_second_release_of_one_application_is_a_conflict(town: Town):
    started = town.run("start", "orders", "--image", "shop/orders:1.1")
    assert started.code == 0, started.said

    second = town.run("release", "orders", "--image", "shop/orders:1.1")

    assert second.code == 5, second.said
    assert "unfinished release" in second.err


def test_a_persons_edit_of_the_routes_during_a_release_survives(town: Town):
    started = town.run("start", "orders", "--image", "shop/orders:1.1")
    assert started.code == 0, started.said
    before = town.routes()
    edited = before.replace("# the bank takes its time", "# the bank takes its time, still")
    assert edited != before
    town.api.merge(f"/api/v1/namespaces/{town.gateway}/configmaps/gateway-routes", {"data": {"rds.yaml": edited}})

    aborted = town.run("abort", "orders")

    assert aborted.code == 0, aborted.said
    kept = town.routes()
    assert "# the bank takes its time, still" in kept
    assert "gatewayctl-orders-canary" not in kept
    town.api.merge(
        f"/api/v1/namespaces/{town.gateway}/configmaps/gateway-routes",
        {"data": {"rds.yaml": kept.replace(", still", "")}},
    )


def test_doctor_names_what_the_cluster_lacks_and_what_would_catch_canary_pods(town: Town):
    fine = town.run("doctor", "orders")
    service = f"/api/v1/namespaces/{town.shop}/services/orders-wide"
    town.api.create(
        service.rpartition("/")[0],
        {"metadata": {"name": "orders-wide"}, "spec": {"selector": {"tier": "all"}, "ports": [{"port": 80}]}},
    )
    deployment = f"/apis/apps/v1/namespaces/{town.shop}/deployments"
    for name in ("orders", "orders-canary"):
        town.api.merge(f"{deployment}/{name}", {"spec": {"template": {"metadata": {"labels": {"tier": "all"}}}}})
    town.settle(lambda: is_settled(town.deployment("orders")), "orders again")

    caught = town.run("doctor", "orders")

    for name in ("orders", "orders-canary"):
        town.api.merge(f"{deployment}/{name}", {"spec": {"template": {"metadata": {"labels": {"tier": None}}}}})
    town.api.delete(service)
    town.settle(lambda: is_settled(town.deployment("orders")), "orders as before")
    assert fine.code == 0, fine.said
    assert "✓ orders: rights: all" in fine.out
    assert "✓ orders: route files: ConfigMap" in fine.out
    assert caught.code == 4, caught.said
    assert "orders-wide" in caught.out


def test_sync_brings_a_canary_in_line_with_stable(town: Town):
    deployment = f"/apis/apps/v1/namespaces/{town.shop}/deployments/payments-canary"
    variable = {"name": "MODE", "value": "other"}
    town.api.patch(deployment, [{"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": variable}])

    shown = town.run("sync", "payments", "--diff")
    done = town.run("sync", "payments")
    again = town.run("sync", "payments")

    assert "MODE" in shown.out, shown.said
    assert "not written" in shown.out
    assert done.code == 0, done.said
    assert "nothing to do" in again.out
    assert town.deployment("payments-canary")["spec"]["replicas"] == 0


def test_sweep_removes_a_rule_whose_release_nobody_remembers(town: Town):
    started = town.run("start", "orders", "--image", "shop/orders:1.1")
    assert started.code == 0, started.said
    town.api.delete(f"/api/v1/namespaces/{town.shop}/configmaps/gatewayctl-orders")

    dry = town.run("sweep", "orders", "--dry-run")
    swept = town.run("sweep", "orders")

    assert "would be swept" in dry.out, dry.said
    assert swept.code == 0, swept.said
    assert "gatewayctl-orders-canary" not in town.routes()
    assert town.replicas("orders-canary") == 0
