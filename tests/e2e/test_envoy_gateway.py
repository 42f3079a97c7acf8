"""HTTPRoutes served by a real Envoy Gateway and two Envoys of its making: what of the cases on Traefik holds here."""

from collections.abc import Iterator

import pytest

from gatewayctl.adapters.kubernetes.client.api import connect
from tests.cluster.envoy_gateway import load
from tests.cluster.place import entered
from tests.e2e import route_cases, share_cases
from tests.e2e.envoy_gateway_cluster import EnvoyGatewayCluster
from tests.e2e.shop_cluster import assert_all_released_at_once, running_cluster

pytestmark = pytest.mark.all

# It brings Envoy clusters and routes one after the other: for an instant a marked request finds no cluster.
_NO_CLUSTER_YET = frozenset({"503 "})


@pytest.fixture(scope="module")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EnvoyGatewayCluster]:
    load(entered())
    with running_cluster(EnvoyGatewayCluster(connect(), tmp_path_factory.mktemp("cluster"))) as cluster:
        yield cluster


@pytest.fixture
def cluster(shared_cluster: EnvoyGatewayCluster) -> Iterator[EnvoyGatewayCluster]:
    with route_cases.unchanged(shared_cluster):
        yield shared_cluster


@pytest.mark.shows("httproute", "edits under load")
def test_twenty_edits_under_load_disturb_no_unmarked_request_and_no_neighbour(
    cluster: EnvoyGatewayCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    route_cases.edited_under_load(cluster, capsys, _NO_CLUSTER_YET)


@pytest.mark.shows("httproute", "share")
def test_each_replica_sends_the_share_that_was_asked_and_every_marked_request(
    cluster: EnvoyGatewayCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    share_cases.arrive_as_asked(cluster, capsys)


@pytest.mark.shows("httproute", "share under load")
def test_a_share_comes_and_goes_under_load_and_no_request_fails(
    cluster: EnvoyGatewayCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    share_cases.come_and_go_under_load(cluster, capsys, _NO_CLUSTER_YET)


@pytest.mark.shows("httproute", "precedence")
@pytest.mark.shows("httproute", "odd requests")
def test_the_canarys_rules_win_where_stables_did_and_nowhere_else(cluster: EnvoyGatewayCluster) -> None:
    route_cases.wins_where_stable_did(cluster)


@pytest.mark.shows("httproute", "canary gone")
def test_with_the_canarys_service_gone_unmarked_requests_go_on_and_marked_ones_fail_fast(
    cluster: EnvoyGatewayCluster,
) -> None:
    route_cases.goes_on_without_the_canarys_service(cluster)


@pytest.mark.shows("httproute", "promoted")
def test_a_whole_release_is_promoted_and_leaves_nothing_behind(cluster: EnvoyGatewayCluster) -> None:
    route_cases.a_release_is_promoted(cluster)


@pytest.mark.shows("httproute", "rejected")
def test_a_canary_that_fails_its_suite_is_rejected_and_its_rule_is_gone(cluster: EnvoyGatewayCluster) -> None:
    route_cases.a_release_is_rejected(cluster)


@pytest.mark.shows("httproute", "at once")
def test_both_applications_of_one_route_are_released_at_once_and_no_edit_is_lost(cluster: EnvoyGatewayCluster) -> None:
    assert_all_released_at_once(cluster)
