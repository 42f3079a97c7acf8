"""What must hold of an HTTPRoute and a release on it, whichever product serves it."""

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from statistics import median
from typing import Any

import pytest

from gatewayctl.adapters.kubernetes.client.paths import services
from gatewayctl.adapters.kubernetes.gateway.place import RouteObjects
from gatewayctl.adapters.kubernetes.routes.objects import ObjectRouteStore
from gatewayctl.domain.routing import STAMP_HEADER, CanaryRule, Header
from gatewayctl.gateways.httproute.resource import HTTPROUTE
from gatewayctl.gateways.registry import gateway
from tests.e2e.route_cluster import REPLICAS, RouteCluster, a_rule, http_routes
from tests.e2e.shop_cluster import kubectl

DIALECT = gateway("httproute").dialect
RULE = CanaryRule("orders", "orders", "orders-canary", Header("x-canary", "always"), "r-1")
EDITS = 20
_MARK = ("x-canary", "always")
_ORDERS, _PAYMENTS = "/api/orders/health", "/api/payments/health"
_ASKERS = 3

Marks = tuple[tuple[str, str], ...]

# Who may answer, edits or not. By its Pod, not by the stamp: what is astray is answered without one.
_OWED: dict[tuple[str, Marks], set[str]] = {
    (_ORDERS, ()): {"200 orders"},
    (_PAYMENTS, ()): {"200 payments"},
    (_ORDERS, (_MARK,)): {"200 orders", "200 orders-canary"},
}


def routes_of(cluster: RouteCluster) -> ObjectRouteStore:
    """The cluster's route as gatewayctl reads and writes it."""
    return ObjectRouteStore(cluster.api, RouteObjects(HTTPROUTE, (f"{cluster.shop}/shop",)))


@contextmanager
def unchanged(cluster: RouteCluster) -> Iterator[RouteCluster]:
    """The route must be as before after each test."""
    before = cluster.spec()
    yield cluster
    if cluster.phase("orders"):
        cluster.run("abort", "orders")
    assert cluster.spec() == before


def on(store: ObjectRouteStore) -> None:
    """Write the rule."""
    read = store.read()
    store.write(DIALECT.insert(read.files, RULE).stages[0], read)


def off(store: ObjectRouteStore) -> None:
    """Take it out."""
    read = store.read()
    for stage in DIALECT.remove(read.files, "orders").stages:
        read = store.write(stage, read)


@contextmanager
def _off_at_end(store: ObjectRouteStore) -> Iterator[None]:
    """The rule is out afterwards, also where an edit was not live in time."""
    try:
        yield
    finally:
        off(store)


def edited_under_load(
    cluster: RouteCluster, capsys: pytest.CaptureFixture[str], excused: frozenset[str] = frozenset()
) -> None:
    """Fails unless edit after edit is answered rightly, every request by whom it is for, the neighbour's too.

    `excused` are answers that marked requests may get besides, right around an edit.
    """
    store, seconds = routes_of(cluster), []
    with a_canary(cluster), _off_at_end(store), _once(store, cluster), asking(cluster) as answers:
        for number in range(EDITS):
            routed = number % 2 == 0
            (on if routed else off)(store)
            seconds.append(until_stamped(cluster, {"r-1"} if routed else {""}, f"edit {number}"))
            enough = len(answers) + 30 * REPLICAS
            within(30, lambda enough=enough: len(answers) >= enough, "requests after the edit")

    amiss = Counter((path, marks, said) for path, marks, said in answers if said not in _OWED[path, marks])
    wrong = {one: count for one, count in amiss.items() if not (one[1] and one[2] in excused)}
    with capsys.disabled():
        sys.stdout.write(
            f"\n{len(answers)} requests, {amiss.total()} failed or astray: {dict(amiss)}; "
            f"write to live on the last replica: median {median(seconds):.3f} s, "
            f"{min(seconds):.3f} to {max(seconds):.3f} s\n"
        )
    assert {said for *_, said in answers} >= {"200 orders", "200 orders-canary", "200 payments"}
    assert wrong == {}


@contextmanager
def _once(store: ObjectRouteStore, cluster: RouteCluster) -> Iterator[None]:
    """The rule on and off: a gateway may hear of the canary's Pods later than of a rule, and answer 503 until then.

    A release waits for that in its proof.
    """
    on(store)
    within(
        30,
        lambda: all(
            answered_by(cluster.ask(one, _ORDERS, _MARK)).startswith("orders-canary-") for one in cluster.gateways()
        ),
        "the canary's answers",
    )
    off(store)
    until_stamped(cluster, {""}, "the first rule to be gone")
    yield


@contextmanager
def asking(cluster: RouteCluster) -> Iterator[list[tuple[str, Marks, str]]]:
    """Requests to every replica, by several at a time; each with who answered it."""
    known, over = cluster.gateways(), threading.Event()
    answers: list[tuple[str, Marks, str]] = []

    def ask() -> None:
        while not over.is_set():
            for one in known:
                for path, marks in _OWED:
                    answer = cluster.ask(one, path, *marks)
                    answers.append((path, marks, f"{answer.status} {answered_by(answer).rsplit('-', 2)[0]}"))

    threads = [threading.Thread(target=ask) for _ in range(_ASKERS)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        over.set()
        for thread in threads:
            thread.join()


def wins_where_stable_did(cluster: RouteCluster) -> None:
    """Fails unless the canary's rules win where stable's did, beside rules of other people, and nowhere else."""
    store = routes_of(cluster)
    with a_canary(cluster), _rivals(cluster):
        on(store)
        until_stamped(cluster, {"r-1"}, "the rule to be live")
        try:
            for one in cluster.gateways():
                marked = cluster.ask(one, _ORDERS, _MARK)
                assert marked.headers["x-served-by"].startswith("orders-canary-")
                assert marked.headers["x-mine"] == "yes", "the rule with the method is mirrored, filters and all"
                for path, headers in (
                    (_ORDERS, ()),
                    (_ORDERS, (("x-canary", "Always"),)),
                    (_ORDERS, (("x-canary", ""),)),
                    (_ORDERS, (("x-canary", "always, never"),)),
                    ("/api/orders/health/longer", (_MARK,)),
                    (_ORDERS, (("a", "1"), ("b", "2"))),
                ):
                    assert STAMP_HEADER not in cluster.ask(one, path, *headers).headers, (path, headers)
                twice = cluster.ask(one, _ORDERS, ("x-canary", "never"), _MARK)
                assert twice.status == HTTPStatus.OK, "who answers, the API leaves to the product; somebody must"
                assert STAMP_HEADER not in cluster.ask(one, _PAYMENTS, _MARK).headers
        finally:
            off(store)


def goes_on_without_the_canarys_service(cluster: RouteCluster) -> None:
    """Fails unless unmarked requests go on, marked ones fail fast, and the rule can still be taken out."""
    store, path = routes_of(cluster), services(cluster.shop, "orders-canary")
    kept = cluster.api.get(path)
    with a_canary(cluster):
        on(store)
        until_stamped(cluster, {"r-1"}, "the rule to be live")
        cluster.api.delete(path)
        try:
            within(
                30,
                lambda: all(cluster.ask(one, _ORDERS, _MARK).status >= 500 for one in cluster.gateways()),
                "the fault",
            )
            assert {cluster.ask(one, _ORDERS).status for one in cluster.gateways()} == {HTTPStatus.OK}
            within(30, lambda: "not every backend was found" in store.check(), "the controller to say so")
            off(store)
            until_stamped(cluster, {""}, "the rule to be gone")
        finally:
            metadata = {key: kept["metadata"][key] for key in ("name", "labels") if key in kept["metadata"]}
            spec = {key: value for key, value in kept["spec"].items() if key in {"ports", "selector"}}
            cluster.api.create(services(cluster.shop), {**kept, "metadata": metadata, "spec": spec})


def a_release_is_promoted(cluster: RouteCluster) -> None:
    """A whole release, proven on both replicas, leaves nothing behind."""
    done = cluster.run("release", "orders", "--image", "shop/orders:1.1", "--promote", "on-success", "-o", "json")

    assert done.code == 0, done.said
    assert json.loads(done.out)["outcome"] == "promoted"
    assert "2/2 gateway replicas serve it" in done.err
    assert "0 in " in done.err
    assert cluster.image("orders") == "shop/orders:1.1"
    assert cluster.pods("orders-canary") == []


def a_release_is_rejected(cluster: RouteCluster) -> None:
    """A canary that fails its suite is rejected, and its rule is gone."""
    done = cluster.run("release", "orders", "--image", "shop/orders:1.1-errors", "--promote", "on-success")

    assert done.code == 3, done.said
    assert "gatewayctl" not in cluster.routes()


@contextmanager
def a_canary(cluster: RouteCluster) -> Iterator[None]:
    """One Pod of the canary, without a release."""
    kubectl("-n", cluster.shop, "scale", "deployment/orders-canary", "--replicas=1")
    cluster.settle(lambda: cluster.ready(cluster.shop, "orders-canary") == 1, "the canary")
    try:
        yield
    finally:
        kubectl("-n", cluster.shop, "scale", "deployment/orders-canary", "--replicas=0")
        cluster.settle(lambda: not cluster.pods("orders-canary"), "the canary to be gone")


@contextmanager
def _rivals(cluster: RouteCluster) -> Iterator[None]:
    """Rules of other people on and below the paths of orders."""
    path, before = http_routes(cluster.shop, "shop"), cluster.spec()["rules"]
    mine = [
        a_rule("payments", "/api/orders/health/longer"),
        a_rule("payments", "/api/orders", method="PUT"),
        a_rule("payments", "/api/orders", headers=[{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]),
        {**a_rule("orders", "/api/orders", method="GET"), "filters": [_header("x-mine", "yes")]},
    ]
    replacing = {"op": "replace", "path": "/spec/rules"}
    cluster.api.patch(path, [{**replacing, "value": [*before, *mine]}])
    try:
        yield
    finally:
        cluster.api.patch(path, [{**replacing, "value": before}])


def _header(name: str, value: str) -> dict[str, object]:
    return {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [{"name": name, "value": value}]}}


def answered_by(answer: Any) -> str:
    """The Pod that gave an answer; else what went wrong."""
    return answer.headers.get("x-served-by", answer.error)


def until_stamped(cluster: RouteCluster, stamps: set[str], what: str) -> float:
    """Seconds until every replica puts this stamp on answers to marked requests."""
    return within(
        30,
        lambda: (
            {cluster.ask(one, _ORDERS, _MARK).headers.get(STAMP_HEADER, "") for one in cluster.gateways()} == stamps
        ),
        what,
    )


def within(seconds: float, ready: Callable[[], bool], what: str) -> float:
    """Seconds until `ready`."""
    begun = time.monotonic()
    while not ready():
        assert time.monotonic() - begun < seconds, f"waited {seconds} s for {what}"
        time.sleep(0.02)
    return time.monotonic() - begun
