"""A release behind three real Spring Cloud Gateways, which are told to refresh and asked for their routes."""

import json
from collections.abc import Iterator

import pytest

from gatewayctl.adapters.kubernetes.client.api import connect
from tests.e2e.cycles import held_under_load
from tests.e2e.shop_cluster import standing
from tests.e2e.spring_cluster import SpringTown
from tests.gateways.springcloud.product import made, missing

pytestmark = pytest.mark.skipif(
    not made("4.3"), reason=f"no real Spring Cloud Gateway: {'; '.join(missing()) or 'make spring-gateway builds one'}"
)

CYCLES = 3
RATE = 10.0  # requests a second at each of four entrances


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpringTown]:
    with standing(SpringTown(connect(), tmp_path_factory.mktemp("spring"))) as town:
        yield town


@pytest.mark.shows("spring-cloud-gateway", "promoted")
def test_a_release_is_promoted_and_leaves_the_routes_as_they_were(town: SpringTown) -> None:
    routes, image = town.routes(), town.other_image("orders")

    done = town.run("release", "orders", "--image", image, "--promote", "on-success", "-o", "json")

    assert done.code == 0, done.said
    assert json.loads(done.out)["outcome"] == "promoted"
    assert "3/3 gateway replicas serve it" in done.err
    assert town.image("orders") == image
    assert town.routes() == routes


@pytest.mark.shows("spring-cloud-gateway", "rejected")
def test_a_bad_canary_is_rejected_and_leaves_the_routes_as_they_were(town: SpringTown) -> None:
    routes, image = town.routes(), town.image("orders")

    done = town.run("release", "orders", "--image", "shop/orders:1.1-errors", "--promote", "on-success")

    assert done.code == 3, done.said
    assert town.image("orders") == image
    assert town.routes() == routes


@pytest.mark.shows("spring-cloud-gateway", "edits under load")
@pytest.mark.all
@pytest.mark.timeout(400)
def test_the_rule_goes_on_and_off_under_load_and_no_request_fails_or_goes_astray(
    town: SpringTown, capsys: pytest.CaptureFixture[str]
) -> None:
    held_under_load(town, CYCLES, RATE, capsys)
