"""A release behind three real nginx replicas, which load their files only when they are told to."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from gatewayctl.adapters.kubernetes.client.api import connect
from tests.e2e.cycles import assert_held_under_load
from tests.e2e.nginx_cluster import NginxCluster
from tests.e2e.shop_cluster import ROOT, assert_all_released_at_once, assert_bad_canary_rejected, running_cluster
from tests.gateways.nginx.product import needs_nginx

pytestmark = needs_nginx

CYCLES = 5
RATE = 20.0  # requests a second at each of four entrances


@pytest.fixture(scope="module")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NginxCluster]:
    with running_cluster(NginxCluster(connect(), tmp_path_factory.mktemp("nginx"))) as cluster:
        yield cluster


@pytest.mark.shows("nginx", "promoted")
def test_a_release_is_promoted_with_the_rights_of_the_manifests_alone(cluster: NginxCluster, tmp_path: Path) -> None:
    routes, limited = cluster.routes(), cluster.limited(tmp_path)

    lacking = limited.run("doctor", "orders")
    cluster.apply(list(yaml.safe_load_all((ROOT / "manifests" / "rbac-exec.yaml").read_text())))
    cluster.settle(lambda: limited.run("doctor", "orders").code == 0, "the new Role to be known")
    done = limited.run("release", "orders", "--image", "shop/orders:1.1", "--promote", "on-success", "-o", "json")

    assert lacking.code == 4, lacking.said
    assert "get pods/exec in gateway" in lacking.out
    assert "rbac-exec.yaml" in lacking.said
    assert done.code == 0, done.said
    assert json.loads(done.out)["outcome"] == "promoted"
    assert "3/3 gateway replicas serve it" in done.err
    assert "nothing in flight to the canary" in done.err
    assert cluster.image("orders") == "shop/orders:1.1"
    assert cluster.routes() == routes


@pytest.mark.shows("nginx", "rejected")
def test_a_bad_canary_is_rejected_and_leaves_the_files_as_they_were(cluster: NginxCluster) -> None:
    assert_bad_canary_rejected(cluster)


@pytest.mark.shows("nginx", "at once")
def test_both_applications_of_one_file_are_released_at_once_and_no_edit_is_lost(cluster: NginxCluster) -> None:
    assert_all_released_at_once(cluster)


@pytest.mark.shows("nginx", "edits under load")
@pytest.mark.all
@pytest.mark.timeout(400)
def test_the_rule_goes_on_and_off_under_load_and_no_request_fails_or_goes_astray(
    cluster: NginxCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert_held_under_load(cluster, CYCLES, RATE, capsys)
