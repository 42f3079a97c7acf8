"""Canary Ingresses on a real cluster, served by two real Traefiks: releases, shares, edits under load."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus

import pytest

from gatewayctl.adapters.kubernetes.client.api import connect
from gatewayctl.adapters.kubernetes.client.names import ROUTES
from gatewayctl.adapters.kubernetes.client.paths import leases
from gatewayctl.adapters.kubernetes.gateway.place import RouteObjects
from gatewayctl.adapters.kubernetes.routes.companions import CompanionRouteStore
from gatewayctl.adapters.kubernetes.routes.dry_run import ObjectDryRun
from gatewayctl.domain.platform import Replica
from gatewayctl.domain.routing import CanaryRule, Header
from gatewayctl.domain.shares import ShareCount
from gatewayctl.gateways.ingressnginx.checker import IngressChecker
from gatewayctl.gateways.ingressnginx.resource import INGRESS
from gatewayctl.gateways.registry import gateway
from tests.e2e import route_cases
from tests.e2e.ingress_cluster import IngressCluster
from tests.e2e.shop_cluster import assert_all_released_at_once, running_cluster

DIALECT = gateway("ingress-nginx").dialect
RULE = CanaryRule("orders", "orders", "orders-canary", Header("x-canary", "always"), "r-1")
MARK = ("x-canary", "always")
ORDERS, PAYMENTS = "/api/orders/health", "/api/payments/health"
REQUESTS = 5000


@pytest.fixture(scope="module")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IngressCluster]:
    with running_cluster(IngressCluster(connect(), tmp_path_factory.mktemp("cluster"))) as cluster:
        yield cluster


@pytest.fixture
def cluster(shared_cluster: IngressCluster) -> Iterator[IngressCluster]:
    with route_cases.unchanged(shared_cluster):
        yield shared_cluster


def store_of(cluster: IngressCluster) -> CompanionRouteStore:
    """The cluster's Ingress as gatewayctl reads it, and writes beside it."""
    assert INGRESS.companions is not None
    routes = RouteObjects(INGRESS, (f"{cluster.shop}/shop",))
    return CompanionRouteStore(cluster.api, routes, INGRESS.companions, cluster.gateway)


def put(store: CompanionRouteStore, rule: CanaryRule | None) -> None:
    """Write the rule; None takes it away."""
    read = store.read()
    change = DIALECT.insert(read.files, rule) if rule else DIALECT.remove(read.files, "orders")
    for stage in change.stages:
        read = store.write(stage, read)


def by(cluster: IngressCluster, one: Replica, path: str, *headers: tuple[str, str]) -> str:
    """The version that answers, by its Pod's name; else the status."""
    answer = cluster.ask(one, path, *headers)
    return answer.headers.get("x-served-by", str(answer.status)).rsplit("-", 2)[0]


def live(cluster: IngressCluster, version: str, *headers: tuple[str, str]) -> None:
    """Wait until every replica lets `version` answer such requests, several times in a row."""

    def answers() -> bool:
        return {by(cluster, one, ORDERS, *headers) for one in cluster.gateways() for _ in range(5)} == {version}

    within(30, answers, f"{version} to answer {headers}")


def within(seconds: float, ready: Callable[[], bool], what: str) -> None:
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.05)


@contextmanager
def routed(cluster: IngressCluster, rule: CanaryRule = RULE) -> Iterator[CompanionRouteStore]:
    """A canary that runs and has its rule; both are gone afterwards."""
    store = store_of(cluster)
    with route_cases.a_canary(cluster):
        try:
            put(store, rule)
            live(cluster, "orders-canary", MARK)
            yield store
        finally:
            put(store, None)
            live(cluster, "orders", MARK)


@pytest.mark.shows("ingress-nginx", "precedence")
@pytest.mark.shows("ingress-nginx", "odd requests")
def test_only_the_exact_value_reaches_the_canary_and_only_on_the_paths_of_its_service(cluster: IngressCluster) -> None:
    with routed(cluster):
        for one in cluster.gateways():
            assert by(cluster, one, ORDERS) == "orders"
            assert by(cluster, one, PAYMENTS, MARK) == "payments"
            for value in ("Always", "never", "", "always, never", "alway"):
                assert by(cluster, one, ORDERS, ("x-canary", value)) == "orders", value
            assert by(cluster, one, ORDERS, ("x-canary", "never"), MARK) in {"orders", "orders-canary"}


@pytest.mark.shows("ingress-nginx", "share")
@pytest.mark.parametrize("share", [1, 10, 50, 100])
def test_a_share_of_the_requests_without_the_header_reaches_the_canary(cluster: IngressCluster, share: int) -> None:
    """Trap 8: a request with another value of the header is one of them."""
    with routed(cluster, replace(RULE, share=share)):
        replicas = cluster.gateways()
        within(30, lambda: all(_has_share(cluster, one, share) for one in replicas), "the share on each replica")
        for headers in ((), (("x-canary", "never"),)):
            found = Counter(by(cluster, replicas[at % 2], ORDERS, *headers) for at in range(REQUESTS))
            assert set(found) <= {"orders", "orders-canary"}
            assert ShareCount(REQUESTS, found["orders-canary"]).fits(share), found
        assert {by(cluster, one, ORDERS, MARK) for one in replicas for _ in range(50)} == {"orders-canary"}
        assert {by(cluster, one, PAYMENTS) for one in replicas for _ in range(50)} == {"payments"}


def _has_share(cluster: IngressCluster, one: Replica, share: int) -> bool:
    """Whether the canary is among the answers: of 400 requests at 1 % none is from it in 2 of 100 looks."""
    return "orders-canary" in {by(cluster, one, ORDERS) for _ in range(4 if share == 100 else 400)}


@pytest.mark.shows("ingress-nginx", "edits under load")
@pytest.mark.shows("ingress-nginx", "share under load")
def test_rule_and_share_come_and_go_under_load_and_no_request_fails(cluster: IngressCluster) -> None:
    store, seen, over = store_of(cluster), Counter[tuple[str, str]](), threading.Event()
    replicas = cluster.gateways()

    def ask() -> None:
        while not over.is_set():
            for one in replicas:
                seen["unmarked", by(cluster, one, ORDERS)] += 1
                seen["marked", by(cluster, one, ORDERS, MARK)] += 1
                seen["neighbour", by(cluster, one, PAYMENTS, MARK)] += 1

    with route_cases.a_canary(cluster):
        asker = threading.Thread(target=ask)
        asker.start()
        try:
            for _ in range(10):
                put(store, RULE)
                live(cluster, "orders-canary", MARK)
            assert seen["unmarked", "orders-canary"] == 0
            for share in (5, 50, 5) * 3:
                put(store, replace(RULE, share=share))
                within(30, lambda: all(_has_share(cluster, one, 5) for one in replicas), "the share")
                assert {by(cluster, one, ORDERS, MARK) for one in replicas} == {"orders-canary"}
        finally:
            put(store, None)
            live(cluster, "orders", MARK)
            over.set()
            asker.join()

    assert {version for _, version in seen} == {"orders", "orders-canary", "payments"}
    assert {version for kind, version in seen if kind == "neighbour"} == {"payments"}


@pytest.mark.shows("ingress-nginx", "canary gone")
def test_with_no_pod_of_the_canary_stable_answers_all_and_the_rule_can_be_taken_away(cluster: IngressCluster) -> None:
    """Trap 6: this is silent, so only the answers tell."""
    store = store_of(cluster)
    put(store, RULE)
    try:
        for one in cluster.gateways():
            assert {cluster.ask(one, ORDERS, *marks).status for marks in ((), (MARK,))} == {HTTPStatus.OK}
            assert by(cluster, one, ORDERS, MARK) == "orders"
    finally:
        put(store, None)


@pytest.mark.shows("ingress-nginx", "own check")
def test_the_api_server_refuses_in_a_dry_run_what_it_would_not_take(cluster: IngressCluster) -> None:
    store = store_of(cluster)
    files = store.read().files
    after = DIALECT.insert(files, RULE).apply(files)
    checker = ObjectDryRun(store, IngressChecker())

    assert checker.check(files, after).ok
    bad = tuple(type(one)(one.name, one.text.replace('"orders-canary"', '"Not_A_Name"')) for one in after)
    said = checker.check(files, bad)

    assert not said.ok
    assert "Not_A_Name" in said.detail
    assert store.read().files == files


@pytest.mark.shows("ingress-nginx", "promoted")
def test_a_whole_release_is_promoted_and_leaves_nothing_but_the_version_behind(cluster: IngressCluster) -> None:
    route_cases.a_release_is_promoted(cluster)

    assert cluster.is_there(leases(cluster.gateway, ROUTES))


@pytest.mark.shows("ingress-nginx", "rejected")
def test_a_canary_that_fails_its_suite_is_rejected_and_its_object_is_gone(cluster: IngressCluster) -> None:
    route_cases.a_release_is_rejected(cluster)


@pytest.mark.shows("ingress-nginx", "at once")
def test_both_applications_of_one_ingress_are_released_at_once_and_no_edit_is_lost(cluster: IngressCluster) -> None:
    assert_all_released_at_once(cluster)
