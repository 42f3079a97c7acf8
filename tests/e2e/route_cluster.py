"""The shop behind two replicas of a gateway that serves an HTTPRoute; subclasses say which product that is.

The same two applications as elsewhere, another gateway.
"""

import copy
import json
import re
from abc import ABC, abstractmethod
from functools import partial
from http import HTTPStatus
from typing import Any

import yaml

from gatewayctl.adapters.http import HttpProber
from gatewayctl.adapters.kubernetes.client.paths import custom_objects, deployments, pods
from gatewayctl.domain.platform import Probe, Replica
from gatewayctl.gateways.httproute.resource import HTTPROUTE
from tests.cluster.gateway_api import definitions
from tests.e2e.shop_cluster import ShopCluster, kubectl

API = "gateway.networking.k8s.io"
RIGHTS = "rbac.authorization.k8s.io"
HOST = "shop.example.com"
REPLICAS = 2


def http_routes(namespace: str, name: str = "") -> str:
    """Where the API server has one HTTPRoute, or the list of them."""
    return custom_objects(HTTPROUTE.api_version, namespace, HTTPROUTE.plural, name)


def a_rule(service: str, path: str, **match: Any) -> dict[str, Any]:
    """A rule of the route as a person writes it."""
    where = {"path": {"type": "PathPrefix", "value": path}, **match}
    return {"matches": [where], "backendRefs": [{"name": service, "port": 8080}]}


class RouteCluster(ShopCluster, ABC):
    """Both namespaces; the route is called `shop`, and the gateway's Deployment `gateway`."""

    @property
    @abstractmethod
    def controller(self) -> str:
        """The name by which the product's GatewayClass is its own."""

    @property
    @abstractmethod
    def selector(self) -> str:
        """Which Pods are the gateway's replicas."""

    @abstractmethod
    def install(self) -> None:
        """Apply what the product itself needs, its namespace first."""

    def build(self) -> None:
        """Bring in the Gateway API's kinds and the objects, and wait until both replicas serve both applications."""
        for file in definitions():
            kubectl("apply", "--server-side", "--force-conflicts", "-f", str(file))
        kubectl("wait", "--for=condition=Established", "--timeout=60s", f"crd/httproutes.{API}", f"crd/gateways.{API}")
        self.apply([one for one in self.manifests() if _is_shop(one)])
        self.install()
        kubectl("apply", "-f", "-", given=yaml.safe_dump_all([*self._endpoints(), self.first_route()]))
        self.settle(lambda: self.is_there(deployments(self.gateway, "gateway")), "the gateway to be made")
        self.settle(lambda: self.ready(self.gateway, "gateway") == REPLICAS, "two gateway replicas")
        for app in self.apps:
            self.settle(partial(self.is_ready, app), app)
            self.settle(partial(self.answers, app), f"{app} to be reached through each replica")
        self.configure()

    def first_route(self) -> dict[str, Any]:
        """The route as it is at the beginning."""
        rules = [a_rule(app, f"/api/{app}") for app in self.apps]
        parents = [{"name": "edge", "namespace": self.gateway}]
        return {
            "apiVersion": f"{API}/v1",
            "kind": "HTTPRoute",
            "metadata": {"name": "shop", "namespace": self.shop},
            "spec": {"parentRefs": parents, "hostnames": [HOST], "rules": rules},
        }

    def configure(self) -> None:
        """Write gatewayctl.yaml: the example's, with a gateway that cannot tell what is in flight."""
        super().configure()
        text = re.sub(r"kind: envoy", "kind: httproute", self.config.read_text())
        text = re.sub(r"selector: app=gateway", f"selector: {self.selector}", text)
        text = text.replace("timings: {ready: 1m}", "timings: {ready: 1m, drain: 3s}")
        text = re.sub(r"config: \{configMap[^}]*\}", f"routes: [{self.shop}/shop]", text)
        self.config.write_text(re.sub(r"\n  admin: \d+", "", text))

    def remove(self) -> None:
        super().remove()
        self.api.delete(self.gateway_class)
        for kind in ("clusterroles", "clusterrolebindings"):
            self.api.delete(f"/apis/{RIGHTS}/v1/{kind}/{self.gateway}")

    @property
    def gateway_class(self) -> str:
        """Where the API server has it: it is in no namespace."""
        return f"/apis/{API}/v1/gatewayclasses/{self.gateway}"

    def spec(self) -> dict[str, Any]:
        """What the route says now."""
        return copy.deepcopy(self.api.get(http_routes(self.shop, "shop"))["spec"])

    def routes(self) -> str:
        return json.dumps(self.spec(), sort_keys=True)

    def gateways(self) -> list[Replica]:
        """Both replicas, by their addresses."""
        found = self.api.get(pods(self.gateway), labelSelector=self.selector)["items"]
        return [Replica(one["metadata"]["name"], f"{one['status'].get('podIP')}:8000") for one in found]

    def ask(self, replica: Replica, path: str, *headers: tuple[str, str], host: str = HOST) -> Any:
        """One answer of one replica."""
        return HttpProber().ask(replica, Probe(host, path, headers))

    def answers(self, app: str) -> bool:
        replicas = self.gateways()
        return len(replicas) == REPLICAS and all(
            self.ask(one, f"/api/{app}/health").status == HTTPStatus.OK for one in replicas
        )

    def _endpoints(self) -> list[dict[str, Any]]:
        spec = {"controllerName": self.controller}
        listener = {"name": "web", "port": 8000, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}
        return [
            {"apiVersion": f"{API}/v1", "kind": "GatewayClass", "metadata": {"name": self.gateway}, "spec": spec},
            {
                "apiVersion": f"{API}/v1",
                "kind": "Gateway",
                "metadata": {"name": "edge", "namespace": self.gateway},
                "spec": {"gatewayClassName": self.gateway, "listeners": [listener]},
            },
        ]


def _is_shop(one: dict[str, Any]) -> bool:
    meta = one["metadata"]
    return "shop" in {meta.get("namespace"), meta["name"] if one["kind"] == "Namespace" else ""}
