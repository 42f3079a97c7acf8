"""Two gateways in one gatewayctl.yaml: Envoy before orders, nginx before payments, each proven by its own replicas."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewayctl.adapters.kubernetes.client.api import connect
from gatewayctl.adapters.kubernetes.client.paths import config_maps
from tests.e2e.nginx_cluster import BOOTSTRAP, first_routes, nginx_pod
from tests.e2e.shop_cluster import ShopCluster, running_cluster
from tests.gateways.nginx.product import needs_nginx

pytestmark = needs_nginx

OLD = "old-gateway"
REPLICAS = 2


class TwoGatewaysCluster(ShopCluster):
    """The cluster with a second gateway, of another product, in the first one's namespace."""

    def build(self) -> None:
        """The Services first, because the second one's routes hold their addresses."""
        self.apply([one for one in super().manifests() if one["kind"] in ("Namespace", "Service")])
        super().build()
        self.settle(lambda: self.ready(self.gateway, OLD) == REPLICAS, "the old gateway")

    def manifests(self) -> list[dict[str, Any]]:
        """The example's and the second gateway's."""
        found = super().manifests()
        files = {"gateway-bootstrap": {"nginx.conf": BOOTSTRAP}, "gateway-routes": {"shop.conf": first_routes(self)}}
        ours = [one for one in found if one["kind"] != "Namespace" and one["metadata"]["name"] in {"gateway", *files}]
        return [*found, *(_second(one, files) for one in ours)]

    def configure(self) -> None:
        """The example's, with a name for its gateway and the second one beside it."""
        super().configure()
        data = yaml.safe_load(self.config.read_text())
        edge = data.pop("gateway")
        old = {key: value for key, value in edge.items() if key != "admin"}
        old |= {"kind": "nginx", "replicas": {"selector": f"app={OLD}"}}
        old["config"] = {"configMap": "old-gateway-routes", "key": "shop.conf"}
        data["gateways"] = {"edge": edge, "old": old}
        data["apps"]["orders"]["gateway"], data["apps"]["payments"]["gateway"] = "edge", "old"
        self.config.write_text(yaml.safe_dump(data, sort_keys=False))

    def old_routes(self) -> str:
        """The second gateway's routes."""
        return str(self.api.get(config_maps(self.gateway, "old-gateway-routes"))["data"]["shop.conf"])


def _second(one: dict[str, Any], files: dict[str, dict[str, str]]) -> dict[str, Any]:
    """An object of the first gateway, as the second one needs it."""
    made = copy.deepcopy(one)
    name = made["metadata"]["name"]
    made["metadata"].update(name=f"old-{name}", labels={"app": OLD})
    if one["kind"] == "ConfigMap":
        made["data"] = files[name]
    if one["kind"] == "Service":
        made["spec"]["selector"] = {"app": OLD}
    if one["kind"] == "Deployment":
        spec = made["spec"]
        spec.update(replicas=REPLICAS, selector={"matchLabels": {"app": OLD}})
        spec["template"]["metadata"]["labels"] = {"app": OLD}
        spec["template"]["spec"].update(nginx_pod())
        for volume in spec["template"]["spec"]["volumes"]:
            volume["configMap"]["name"] = f"old-{volume['configMap']['name']}"
    return made


@pytest.fixture(scope="module")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoGatewaysCluster]:
    with running_cluster(TwoGatewaysCluster(connect(), tmp_path_factory.mktemp("gates"))) as cluster:
        yield cluster


def test_applications_behind_two_gateways_are_released_at_once_each_proven_by_its_own(
    cluster: TwoGatewaysCluster,
) -> None:
    files = (cluster.routes(), cluster.old_routes())
    images = {app: cluster.other_image(app) for app in cluster.apps}

    orders, payments = cluster.release_all(images)

    assert (orders.code, payments.code) == (0, 0), orders.said + payments.said
    assert "3/3 gateway replicas serve it" in orders.err
    assert f"{REPLICAS}/{REPLICAS} gateway replicas serve it" in payments.err
    assert {app: cluster.image(app) for app in cluster.apps} == images
    assert (cluster.routes(), cluster.old_routes()) == files


def test_a_release_is_seen_and_ended_from_an_empty_folder_whichever_gateway_it_is_behind(
    cluster: TwoGatewaysCluster, tmp_path: Path
) -> None:
    files = (cluster.routes(), cluster.old_routes())
    started = cluster.run("start", "payments", "--image", cluster.other_image("payments"))
    assert started.code == 0, started.said
    routed = (cluster.routes(), cluster.old_routes())

    seen = cluster.run("status", "--namespace", cluster.shop, cwd=tmp_path)
    ended = cluster.run("abort", "payments", "--namespace", cluster.shop, cwd=tmp_path)

    assert routed[0] == files[0]
    assert "gatewayctl" in routed[1]
    assert seen.code == 0, seen.said
    assert "orders" in seen.out
    assert "payments" in seen.out
    assert ended.code == 0, ended.said
    assert (cluster.routes(), cluster.old_routes()) == files


def test_the_preconditions_of_every_application_are_looked_at_at_its_own_gateway(cluster: TwoGatewaysCluster) -> None:
    done = cluster.run("doctor")

    assert done.code == 0, done.said
    assert "orders: " in done.out
    assert "payments: " in done.out
