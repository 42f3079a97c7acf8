"""HTTPRoutes on a real cluster, served by two real Traefiks: releases, precedence, edits under load, a canary gone."""

import json
from collections.abc import Iterator

import pytest

from gatewayctl.adapters.kubernetes.client.api import connect
from gatewayctl.adapters.kubernetes.gateway.place import RouteObjects
from gatewayctl.adapters.kubernetes.routes.dry_run import ObjectDryRun
from gatewayctl.adapters.kubernetes.routes.objects import ObjectRouteStore
from gatewayctl.domain.errors import Refused
from gatewayctl.gateways.httproute.checker import HttpRouteChecker
from gatewayctl.gateways.httproute.resource import HTTPROUTE
from tests.e2e import route_cases, share_cases
from tests.e2e.route_cases import DIALECT, RULE, routes_of
from tests.e2e.route_cluster import http_routes
from tests.e2e.shop_cluster import assert_all_released_at_once, kubectl, running_cluster
from tests.e2e.traefik_cluster import TraefikCluster


@pytest.fixture(scope="module")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TraefikCluster]:
    with running_cluster(TraefikCluster(connect(), tmp_path_factory.mktemp("cluster"))) as cluster:
        yield cluster


@pytest.fixture
def cluster(shared_cluster: TraefikCluster) -> Iterator[TraefikCluster]:
    with route_cases.unchanged(shared_cluster):
        yield shared_cluster


@pytest.mark.shows("httproute", "edits under load")
def test_twenty_edits_under_load_fail_no_request_and_only_marked_ones_are_the_canarys(
    cluster: TraefikCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    route_cases.edited_under_load(cluster, capsys)


@pytest.mark.shows("httproute", "share")
def test_each_replica_sends_the_share_that_was_asked_and_every_marked_request(
    cluster: TraefikCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    share_cases.arrive_as_asked(cluster, capsys)


@pytest.mark.shows("httproute", "share under load")
def test_a_share_comes_and_goes_under_load_and_no_request_fails(
    cluster: TraefikCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    share_cases.come_and_go_under_load(cluster, capsys)


@pytest.mark.shows("httproute", "precedence")
@pytest.mark.shows("httproute", "odd requests")
def test_the_canarys_rules_win_where_stables_did_and_nowhere_else(cluster: TraefikCluster) -> None:
    route_cases.wins_where_stable_did(cluster)


@pytest.mark.shows("httproute", "canary gone")
def test_with_the_canarys_service_gone_unmarked_requests_go_on_and_marked_ones_fail_fast(
    cluster: TraefikCluster,
) -> None:
    route_cases.goes_on_without_the_canarys_service(cluster)


@pytest.mark.shows("httproute", "own check")
def test_the_api_server_refuses_in_a_dry_run_what_it_would_not_take(cluster: TraefikCluster) -> None:
    store = routes_of(cluster)
    files = store.read().files
    after = DIALECT.insert(files, RULE).apply(files)
    checker = ObjectDryRun(store, HttpRouteChecker())

    assert checker.check(files, after).checked
    bad = tuple(type(file)(file.name, file.text.replace('"gatewayctl-orders', '"Not_A_Name')) for file in after)
    said = checker.check(files, bad)

    assert not said.ok
    assert "spec.rules" in said.detail
    unknown = tuple(type(file)(file.name, file.text.replace("    timeouts", "    timeout")) for file in after)
    odd = tuple(type(f)(f.name, f.text.replace('name: "gatewayctl', 'nickname: "gatewayctl')) for f in unknown)
    assert "unknown field" in checker.check(files, odd).detail


def test_a_route_that_is_applied_server_side_is_its_appliers(cluster: TraefikCluster) -> None:
    route = {**cluster.first_route(), "metadata": {"name": "applied", "namespace": cluster.shop}}
    kubectl("apply", "--server-side", "--field-manager=edge-team", "-f", "-", given=json.dumps(route))
    theirs = ObjectRouteStore(cluster.api, RouteObjects(HTTPROUTE, (f"{cluster.shop}/applied",)))

    try:
        with pytest.raises(Refused, match="edge-team"):
            route_cases.on(theirs)
    finally:
        cluster.api.delete(http_routes(cluster.shop, "applied"))


@pytest.mark.shows("httproute", "promoted")
def test_a_whole_release_is_promoted_and_leaves_nothing_behind(cluster: TraefikCluster) -> None:
    route_cases.a_release_is_promoted(cluster)


@pytest.mark.shows("httproute", "rejected")
def test_a_canary_that_fails_its_suite_is_rejected_and_its_rule_is_gone(cluster: TraefikCluster) -> None:
    route_cases.a_release_is_rejected(cluster)


@pytest.mark.shows("httproute", "at once")
def test_both_applications_of_one_route_are_released_at_once_and_no_edit_is_lost(cluster: TraefikCluster) -> None:
    assert_all_released_at_once(cluster)
