"""A release behind three real Spring Cloud Gateways, which are told to refresh and asked for their routes."""

import json
from collections.abc import Iterator

import pytest

from gatewayctl.adapters.kubernetes.client.api import connect
from tests.e2e.cycles import assert_held_under_load
from tests.e2e.shop_cluster import assert_bad_canary_rejected, running_cluster
from tests.e2e.spring_cluster import SpringCluster
from tests.gateways.springcloud.product import made, missing

pytestmark = pytest.mark.skipif(
    not made("4.3"), reason=f"no real Spring Cloud Gateway: {'; '.join(missing()) or 'make spring-gateway builds one'}"
)

CYCLES = 3
RATE = 10.0  # requests a second at each of four entrances


@pytest.fixture(scope="module")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpringCluster]:
    with running_cluster(SpringCluster(connect(), tmp_path_factory.mktemp("spring"))) as cluster:
        yield cluster


@pytest.mark.shows("spring-cloud-gateway", "promoted")
def test_a_release_is_promoted_and_leaves_the_routes_as_they_were(cluster: SpringCluster) -> None:
    routes, image = cluster.routes(), cluster.other_image("orders")

    done = cluster.run("release", "orders", "--image", image, "--promote", "on-success", "-o", "json")

    assert done.code == 0, done.said
    assert json.loads(done.out)["outcome"] == "promoted"
    assert "3/3 gateway replicas serve it" in done.err
    assert cluster.image("orders") == image
    assert cluster.routes() == routes


@pytest.mark.shows("spring-cloud-gateway", "rejected")
def test_a_bad_canary_is_rejected_and_leaves_the_routes_as_they_were(cluster: SpringCluster) -> None:
    assert_bad_canary_rejected(cluster)


@pytest.mark.shows("spring-cloud-gateway", "edits under load")
@pytest.mark.all
@pytest.mark.timeout(400)
def test_the_rule_goes_on_and_off_under_load_and_no_request_fails_or_goes_astray(
    cluster: SpringCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert_held_under_load(cluster, CYCLES, RATE, capsys)
