"""The shop behind nginx, which knows it by the addresses of its Services, and asks no DNS."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gatewayctl.adapters.kubernetes.client.paths import config_maps, services
from tests.e2e.accounts import as_account
from tests.e2e.shop_cluster import ROOT, ShopCluster

FILES = ROOT / "gateway-config" / "nginx"
BOOTSTRAP = (FILES / "nginx.conf").read_text()


@dataclass
class NginxCluster(ShopCluster):
    """The example with nginx in place of Envoy; it knows the shop by the addresses of its Services, and asks no DNS."""

    def build(self) -> None:
        """The Services first, because the routes hold their addresses."""
        self.apply([one for one in super().manifests() if one["kind"] in ("Namespace", "Service")])
        super().build()

    def manifests(self) -> list[dict[str, Any]]:
        """As they are, with another product in the gateway's Deployment and its ConfigMaps."""
        found = super().manifests()
        for one in found:
            name = (one["kind"], one["metadata"]["name"])
            if name == ("ConfigMap", "gateway-bootstrap"):
                one["data"] = {"nginx.conf": BOOTSTRAP}
            if name == ("ConfigMap", "gateway-routes"):
                one["data"] = {"shop.conf": first_routes(self)}
            if name == ("Deployment", "gateway"):
                one["spec"]["template"]["spec"].update(nginx_pod())
        return found

    def configure(self) -> None:
        """The example's, for another product."""
        super().configure()
        text = self.config.read_text().replace("kind: envoy", "kind: nginx").replace("key: rds.yaml", "key: shop.conf")
        self.config.write_text(text.replace("  admin: 9901\n", ""))

    def routes(self) -> str:
        return str(self.api.get(config_maps(self.gateway, "gateway-routes"))["data"]["shop.conf"])

    def limited(self, folder: Path) -> "NginxCluster":
        """The same cluster for the account of the manifests."""
        file = folder / "kubeconfig"
        file.write_text(as_account(self.api, self.shop))
        return replace(self, environment={"KUBECONFIG": str(file)})


def nginx_pod() -> dict[str, Any]:
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


def first_routes(cluster: ShopCluster) -> str:
    """The example's routes, with the addresses of its Services."""
    text = (FILES / "shop.conf").read_text()
    for app in cluster.apps:
        address = cluster.api.get(f"{services(cluster.shop)}/{app}")["spec"]["clusterIP"]
        text = text.replace(f"server {app}:8080;", f"server {address}:8080;")
    return text
