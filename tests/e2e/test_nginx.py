"""A release behind three real nginx replicas, which load their files only when they are told to."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewayctl.adapters.kubernetes.api import connect
from gatewayctl.adapters.kubernetes.paths import config_maps, services
from tests.e2e.accounts import as_account
from tests.e2e.test_cycles import cycle, entrances
from tests.e2e.town import ROOT, Town
from tests.e2e.traffic import CANARY, Kind, Once, Traffic
from tests.gateways.nginx.product import needs_nginx

pytestmark = needs_nginx

FILES = ROOT / "gateway-config" / "nginx"
CYCLES = 5
RATE = 20.0  # requests a second at each of four entrances


@dataclass
class NginxTown(Town):
    """The same town with nginx at its gate; it knows the shop by the addresses of its Services, and asks no DNS."""

    def build(self) -> None:
        """The Services first, because nginx.conf holds their addresses."""
        self.apply([one for one in super().manifests() if one["kind"] in ("Namespace", "Service")])
        super().build()

    def manifests(self) -> list[dict[str, Any]]:
        """As they are, with another product in the gateway's Deployment and its ConfigMaps."""
        found = super().manifests()
        for one in found:
            name = (one["kind"], one["metadata"]["name"])
            if name == ("ConfigMap", "gateway-bootstrap"):
                one["data"] = {"nginx.conf": (FILES / "nginx.conf").read_text()}
            if name == ("ConfigMap", "gateway-routes"):
                one["data"] = {"shop.conf": self.first_routes()}
            if name == ("Deployment", "gateway"):
                one["spec"]["template"]["spec"].update(_pod())
        return found

    def first_routes(self) -> str:
        text = (FILES / "shop.conf").read_text()
        for app in self.apps:
            address = self.api.get(f"{services(self.shop)}/{app}")["spec"]["clusterIP"]
            text = text.replace(f"server {app}:8080;", f"server {address}:8080;")
        return text

    def configure(self) -> None:
        """The example's, for another product."""
        super().configure()
        text = self.config.read_text().replace("kind: envoy", "kind: nginx").replace("key: rds.yaml", "key: shop.conf")
        self.config.write_text(text.replace("  admin: 9901\n", ""))

    def routes(self) -> str:
        return str(self.api.get(config_maps(self.gateway, "gateway-routes"))["data"]["shop.conf"])

    def limited(self, folder: Path) -> "NginxTown":
        """The same town for the account of the manifests."""
        file = folder / "kubeconfig"
        file.write_text(as_account(self.api, self.shop))
        return replace(self, environment={"KUBECONFIG": str(file)})


def _pod() -> dict[str, Any]:
    """nginx beside a container that has nothing to do with it."""
    start = ["-e", "stderr", "-c", "/etc/nginx/nginx.conf", "-g", "daemon off; pid /tmp/nginx.pid;"]
    nginx = {
        "name": "nginx",
        "image": "gateway/nginx:local",
        "imagePullPolicy": "IfNotPresent",
        "args": start,
        "ports": [{"name": "traffic", "containerPort": 8000}],
        "readinessProbe": {"tcpSocket": {"port": "traffic"}, "periodSeconds": 1},
        "lifecycle": {"preStop": {"sleep": {"seconds": 3}}},
        "volumeMounts": [
            {"name": "bootstrap", "mountPath": "/etc/nginx", "readOnly": True},
            {"name": "routes", "mountPath": "/etc/gateway", "readOnly": True},
        ],
    }
    return {"containers": [nginx]}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NginxTown]:
    town = NginxTown(connect(), tmp_path_factory.mktemp("nginx"))
    try:
        town.build()
        yield town
    finally:
        town.remove()


def test_a_release_is_promoted_with_the_rights_of_the_manifests_alone(town: NginxTown, tmp_path: Path) -> None:
    routes, limited = town.routes(), town.limited(tmp_path)

    lacking = limited.run("doctor", "orders")
    town.apply(list(yaml.safe_load_all((ROOT / "manifests" / "rbac-exec.yaml").read_text())))
    town.settle(lambda: limited.run("doctor", "orders").code == 0, "the new Role to be known")
    done = limited.run("release", "orders", "--image", "shop/orders:1.1", "--promote", "on-success", "-o", "json")

    assert lacking.code == 4, lacking.said
    assert "get pods/exec in gateway" in lacking.out
    assert "rbac-exec.yaml" in lacking.said
    assert done.code == 0, done.said
    assert json.loads(done.out)["outcome"] == "promoted"
    assert "3/3 gateway replicas serve it" in done.err
    assert "nothing in flight to the canary" in done.err
    assert town.image("orders") == "shop/orders:1.1"
    assert town.routes() == routes


def test_a_bad_canary_is_rejected_and_leaves_the_files_as_they_were(town: NginxTown) -> None:
    routes, image = town.routes(), town.image("orders")

    done = town.run("release", "orders", "--image", "shop/orders:1.1-errors", "--promote", "on-success")

    assert done.code == 3, done.said
    assert town.image("orders") == image
    assert town.routes() == routes


@pytest.mark.timeout(400)
def test_the_rule_goes_on_and_off_under_load_and_no_request_fails_or_goes_astray(
    town: NginxTown, capsys: pytest.CaptureFixture[str]
) -> None:
    traffic = Traffic(entrances(town), RATE, Once)
    traffic.start()
    try:
        marks = [cycle(town, traffic) for _ in range(CYCLES)]
    finally:
        traffic.stop()

    strictly = [traffic.counts[f"strictly the canary's, {mark}"] for mark in marks]
    with capsys.disabled():
        said = f"\n{CYCLES} cycles: {traffic.requests} requests, {traffic.faulty} misrouted or failed; {strictly}\n"
        sys.stdout.write(said)
    assert traffic.faulty == 0, "\n".join(traffic.faults)
    assert min(strictly) > 0
    assert traffic.counts[f"{Kind.UNMARKED}: {CANARY}"] == 0
