"""A real cluster under the contract of its ports: the example's own manifests, in two namespaces of its own."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from gatewayctl.adapters.kubernetes.client.api import Api, connect
from gatewayctl.adapters.kubernetes.client.paths import config_maps, deployments, pods, services
from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace
from gatewayctl.adapters.kubernetes.gateway.replicas import KubernetesReplicas
from gatewayctl.adapters.kubernetes.routes.config_map import KubernetesRouteStore
from gatewayctl.adapters.kubernetes.workloads.workloads import KubernetesWorkloads
from tests.contract.harness import Platform
from tests.contract.on_real_time import RealTimePlatform

ROOT = Path(__file__).parents[2]
SHOP, GATEWAY = "shop", "gateway"
_KINDS = {"ConfigMap": config_maps, "Service": services, "Deployment": deployments}
_NEVER = "gatewayctl.invalid/no-such-image:0"
_FILES = {"gateway-routes": "rds.yaml", "gateway-bootstrap": "bootstrap.yaml"}
_POD_IMAGE = "/spec/containers/0/image"


class KubernetesPlatform(RealTimePlatform):
    """Ports of a cluster that runs the example's orders behind two gateway replicas."""

    within, pause = 60.0, 0.1
    workloads: KubernetesWorkloads

    def __init__(self, api: Api, suffix: str) -> None:
        self.api = api
        self.shop, self.gateway = f"{SHOP}-{suffix}", f"{GATEWAY}-{suffix}"
        self.place = GatewayPlace(self.gateway, "app=gateway", "gateway-routes", ("rds.yaml",), 8000, 9901)
        self.workloads = self.workload_writer = KubernetesWorkloads(api, self.shop)
        self.replicas = KubernetesReplicas(api, self.place)
        self._images: dict[str, str] = {}

    def make(self) -> None:
        """Create the objects of the manifests, with as few Pods as the contract needs."""
        for namespace in (self.shop, self.gateway):
            self.api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
        for found in map(self._adapt, _manifests()):
            self.api.create(_KINDS[found["kind"]](found["metadata"]["namespace"]), found)
        self.routes = KubernetesRouteStore(self.api, self.place)
        self._first = self.routes.read().files
        self.settle(lambda: self.workloads.read(self.names.busy).settled, "the shop")
        self.settle(lambda: sum(one.ready for one in self.replicas.list()) == 2, "the gateway")

    def remove(self) -> None:
        """Delete both namespaces, without waiting until they are gone."""
        for namespace in (self.shop, self.gateway):
            self.api.delete(f"/api/v1/namespaces/{namespace}")

    def take_down(self, replica: str) -> None:
        """Set an image that does not exist: the kubelet ends the container of the Pod and cannot start another one."""
        path = pods(self.gateway, replica)
        self._images[replica] = self.api.get(path)["spec"]["containers"][0]["image"]
        self.api.patch(path, [{"op": "replace", "path": _POD_IMAGE, "value": _NEVER}])

    def bring_back(self, replica: str) -> None:
        image = self._images.pop(replica)
        self.api.patch(pods(self.gateway, replica), [{"op": "replace", "path": _POD_IMAGE, "value": image}])

    def _adapt(self, found: dict[str, Any]) -> dict[str, Any]:
        """The same object in our namespace, with at most one Pod of the shop and two of the gateway."""
        home = found["metadata"]["namespace"]
        found["metadata"]["namespace"] = {SHOP: self.shop, GATEWAY: self.gateway}[home]
        if found["kind"] == "Deployment":
            found["spec"]["replicas"] = min(found["spec"]["replicas"], {SHOP: 1, GATEWAY: 2}[home])
            names = found["spec"]["template"]["spec"].get("dnsConfig", {})
            names["searches"] = [one.replace(f"{SHOP}.", f"{self.shop}.") for one in names.get("searches", ())]
        return found


def _manifests() -> list[dict[str, Any]]:
    """The objects of the manifests that the contract needs: no rights, no second application."""
    made: list[dict[str, Any]] = [
        {
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": GATEWAY},
            "data": {file: (ROOT / "gateway-config" / file).read_text()},
        }
        for name, file in _FILES.items()
    ]
    for file in ("shop.yaml", "gateway.yaml"):
        for one in yaml.safe_load_all((ROOT / "manifests" / file).read_text()):
            named = one["metadata"]["name"]
            if one["kind"] in _KINDS and named.startswith(("orders", "gateway")):
                made.append(one)
    return made


@contextmanager
def kubernetes_platform(_folder: Path) -> Iterator[Platform]:
    """Two namespaces for a whole session, in the cluster of $KUBECONFIG."""
    platform = KubernetesPlatform(connect(), secrets.token_hex(3))
    try:
        platform.make()
        yield platform
    finally:
        platform.replicas.close()
        platform.remove()
