"""HTTPRoutes on a real cluster, served by two real Traefiks: releases, precedence, edits under load, a canary gone."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus

import pytest

from gatewayctl.adapters.kubernetes.api import connect
from gatewayctl.adapters.kubernetes.httproute_check import HttpRouteDryRun
from gatewayctl.adapters.kubernetes.httproutes import HttpRouteStore
from gatewayctl.adapters.kubernetes.paths import http_routes, services
from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import STAMP_HEADER, CanaryRule, Header
from gatewayctl.gateways.httproute.checker import HttpRouteChecker
from gatewayctl.gateways.httproute.dialect import HttpRouteDialect
from tests.e2e.routetown import RouteTown, a_rule
from tests.e2e.town import all_released_at_once, kubectl, standing

DIALECT = HttpRouteDialect()
RULE = CanaryRule("orders", "orders", "orders-canary", Header("x-canary", "always"), "r-1")
MARK = ("x-canary", "always")
ORDERS = "/api/orders/health"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RouteTown]:
    with standing(RouteTown(connect(), tmp_path_factory.mktemp("town"))) as town:
        yield town


@pytest.fixture
def town(built: RouteTown) -> Iterator[RouteTown]:
    """The route must be as before after each test."""
    before = built.spec()
    yield built
    built.run("abort", "orders")
    assert built.spec() == before


@pytest.fixture
def store(town: RouteTown) -> HttpRouteStore:
    return HttpRouteStore(town.api, (f"{town.shop}/shop",))


def on(store: HttpRouteStore) -> None:
    read = store.read()
    store.write(DIALECT.insert(read.files, RULE).stages[0], read)


def off(store: HttpRouteStore) -> None:
    read = store.read()
    for stage in DIALECT.remove(read.files, "orders").stages:
        read = store.write(stage, read)


def stamped(town: RouteTown, path: str = ORDERS, *headers: tuple[str, str]) -> set[str]:
    """Which stamps the replicas put on answers."""
    return {town.ask(one, path, *headers).headers.get(STAMP_HEADER, "") for one in town.gateways()}


def within(seconds: float, ready: Callable[[], bool], what: str) -> float:
    """Seconds until `ready`."""
    begun = time.monotonic()
    while not ready():
        assert time.monotonic() - begun < seconds, f"waited {seconds} s for {what}"
        time.sleep(0.02)
    return time.monotonic() - begun


@pytest.fixture
def canary(town: RouteTown) -> Iterator[None]:
    """One Pod of the canary, without a release."""
    kubectl("-n", town.shop, "scale", "deployment/orders-canary", "--replicas=1")
    town.settle(lambda: town.ready(town.shop, "orders-canary") == 1, "the canary")
    yield
    kubectl("-n", town.shop, "scale", "deployment/orders-canary", "--replicas=0")
    town.settle(lambda: not town.pods("orders-canary"), "the canary to be gone")


@pytest.mark.usefixtures("canary")
def test_twenty_edits_under_load_fail_no_request_and_only_marked_ones_are_the_canarys(
    town: RouteTown, store: HttpRouteStore, capsys: pytest.CaptureFixture[str]
) -> None:
    bad: list[str] = []
    counted = [0]
    over = threading.Event()

    def load() -> None:
        while not over.is_set():
            for one in known:
                for headers in ((), (MARK,)):
                    answer = town.ask(one, ORDERS, *headers)
                    counted[0] += 1
                    if answer.status != HTTPStatus.OK or (not headers and STAMP_HEADER in answer.headers):
                        bad.append(f"{headers} {answer.status} {answer.error}")

    known = town.gateways()
    thread = threading.Thread(target=load)
    thread.start()
    seconds = []
    try:
        for number in range(20):
            routed = number % 2 == 0
            (on if routed else off)(store)
            wanted = {"r-1"} if routed else {""}
            seconds.append(within(30, lambda wanted=wanted: stamped(town, ORDERS, MARK) == wanted, f"edit {number}"))
    finally:
        over.set()
        thread.join()

    with capsys.disabled():
        shown = sorted(seconds)
        print(  # noqa: T201
            f"\n{counted[0]} requests, {len(bad)} failed; write to live on the last replica: "
            f"median {shown[10]:.2f} s, {shown[0]:.2f} to {shown[-1]:.2f} s"
        )
    assert counted[0] > 100
    assert bad == []


@pytest.fixture
def rivals(town: RouteTown) -> Iterator[None]:
    """Rules of other people on and below the paths of orders."""
    before = town.spec()
    api = town.api
    mine = [
        a_rule("payments", "/api/orders/health/longer"),
        a_rule("payments", "/api/orders", method="PUT"),
        a_rule("payments", "/api/orders", headers=[{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]),
        {**a_rule("orders", "/api/orders", method="GET"), "filters": [_header("x-mine", "yes")]},
    ]
    rules = {"op": "replace", "path": "/spec/rules", "value": [*before["rules"], *mine]}
    api.patch(http_routes(town.shop, "shop"), [rules])
    yield
    api.patch(http_routes(town.shop, "shop"), [{**rules, "value": before["rules"]}])


def _header(name: str, value: str) -> dict[str, object]:
    return {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [{"name": name, "value": value}]}}


@pytest.mark.usefixtures("canary", "rivals")
def test_the_canarys_rules_win_where_stables_did_and_nowhere_else(town: RouteTown, store: HttpRouteStore) -> None:
    on(store)
    within(30, lambda: stamped(town, ORDERS, MARK) == {"r-1"}, "the rule to be live")

    try:
        for one in town.gateways():
            marked = town.ask(one, ORDERS, MARK)
            assert marked.headers["x-served-by"].startswith("orders-canary-")
            assert marked.headers["x-mine"] == "yes", "the rule with the method is mirrored, filters and all"
            for path, headers in (
                (ORDERS, ()),
                (ORDERS, (("x-canary", "Always"),)),
                (ORDERS, (("x-canary", ""),)),
                (ORDERS, (("x-canary", "always, never"),)),
                ("/api/orders/health/longer", (MARK,)),
                (ORDERS, (("a", "1"), ("b", "2"))),
            ):
                assert STAMP_HEADER not in town.ask(one, path, *headers).headers, (path, headers)
            assert STAMP_HEADER not in town.ask(one, "/api/payments/health", MARK).headers
    finally:
        off(store)


@pytest.mark.usefixtures("canary")
def test_with_the_canarys_service_gone_unmarked_requests_go_on_and_marked_ones_fail_fast(
    town: RouteTown, store: HttpRouteStore
) -> None:
    kept = town.api.get(services(town.shop, "orders-canary"))
    on(store)
    within(30, lambda: stamped(town, ORDERS, MARK) == {"r-1"}, "the rule to be live")

    town.api.delete(services(town.shop, "orders-canary"))
    try:
        within(30, lambda: all(town.ask(one, ORDERS, MARK).status >= 500 for one in town.gateways()), "the fault")
        assert {town.ask(one, ORDERS).status for one in town.gateways()} == {HTTPStatus.OK}
        within(30, lambda: "not every backend was found" in store.check(), "the controller to say so")
        off(store)
        within(30, lambda: stamped(town, ORDERS, MARK) == {""}, "the rule to be gone")
    finally:
        metadata = {key: kept["metadata"][key] for key in ("name", "labels") if key in kept["metadata"]}
        spec = {key: value for key, value in kept["spec"].items() if key in {"ports", "selector"}}
        town.api.create(services(town.shop), {**kept, "metadata": metadata, "spec": spec})


def test_the_api_server_refuses_in_a_dry_run_what_it_would_not_take(town: RouteTown, store: HttpRouteStore) -> None:
    files = store.read().files
    after = DIALECT.insert(files, RULE).apply(files)
    checker = HttpRouteDryRun(store, HttpRouteChecker())

    assert checker.check(files, after).checked
    bad = tuple(type(file)(file.name, file.text.replace('"gatewayctl-orders', '"Not_A_Name')) for file in after)
    said = checker.check(files, bad)

    assert not said.ok
    assert "spec.rules" in said.detail
    unknown = tuple(type(file)(file.name, file.text.replace("    timeouts", "    timeout")) for file in after)
    odd = tuple(type(f)(f.name, f.text.replace('name: "gatewayctl', 'nickname: "gatewayctl')) for f in unknown)
    assert "unknown field" in checker.check(files, odd).detail


def test_a_route_that_is_applied_server_side_is_its_appliers(town: RouteTown, store: HttpRouteStore) -> None:
    route = {**town.first_route(), "metadata": {"name": "applied", "namespace": town.shop}}
    kubectl("apply", "--server-side", "--field-manager=edge-team", "-f", "-", given=json.dumps(route))
    theirs = HttpRouteStore(town.api, (f"{town.shop}/applied",))

    try:
        with pytest.raises(Refused, match="edge-team"):
            on(theirs)
    finally:
        town.api.delete(http_routes(town.shop, "applied"))


def test_a_whole_release_is_promoted_and_leaves_nothing_behind(town: RouteTown) -> None:
    done = town.run("release", "orders", "--image", "shop/orders:1.1", "--promote", "on-success", "-o", "json")

    assert done.code == 0, done.said
    assert json.loads(done.out)["outcome"] == "promoted"
    assert "2/2 gateway replicas serve it" in done.err
    assert "0 in " in done.err
    assert town.image("orders") == "shop/orders:1.1"
    assert town.pods("orders-canary") == []


def test_a_canary_that_fails_its_suite_is_rejected_and_its_rule_is_gone(town: RouteTown) -> None:
    done = town.run("release", "orders", "--image", "shop/orders:1.1-errors", "--promote", "on-success")

    assert done.code == 3, done.said
    assert "gatewayctl" not in town.routes()


def test_both_applications_of_one_route_are_released_at_once_and_no_edit_is_lost(town: RouteTown) -> None:
    all_released_at_once(town)
