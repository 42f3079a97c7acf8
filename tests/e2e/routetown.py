"""The shop behind two Traefiks that serve an HTTPRoute: the same two applications, another gateway."""

import copy
import json
import re
from http import HTTPStatus
from typing import Any

import yaml

from gatewayctl.adapters.kubernetes.paths import http_routes, pods
from gatewayctl.adapters.traffic.http import HttpProber
from gatewayctl.domain.platform import Probe, Replica
from tests.cluster.gateway_api import definitions
from tests.cluster.images import TRAEFIK
from tests.e2e.town import Town, kubectl

API = "gateway.networking.k8s.io"
HOST = "shop.example.com"
REPLICAS = 2


def a_rule(service: str, path: str, **match: Any) -> dict[str, Any]:
    """A rule of the route as a person writes it."""
    where = {"path": {"type": "PathPrefix", "value": path}, **match}
    return {"matches": [where], "backendRefs": [{"name": service, "port": 8080}]}


class RouteTown(Town):
    """Both namespaces; the route is called `shop`."""

    def build(self) -> None:
        """Bring in the Gateway API's kinds and the objects, and wait until both replicas serve both applications."""
        for file in definitions():
            kubectl("apply", "--server-side", "--force-conflicts", "-f", str(file))
        kubectl("wait", "--for=condition=Established", "--timeout=60s", f"crd/httproutes.{API}", f"crd/gateways.{API}")
        self.apply([one for one in self.manifests() if _is_shop(one)])
        kubectl("apply", "-f", "-", given=yaml.safe_dump_all([*self._traefik(), *self._entrance(), self.first_route()]))
        self.settle(lambda: self.ready(self.gateway, "gateway") == REPLICAS, "two gateway replicas")
        for app in self.apps:
            self.settle(lambda app=app: self.ready(self.shop, app) >= 1, app)
            self.settle(lambda app=app: self.answers(app), f"{app} to be reached through each replica")
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
        """Write the town's gatewayctl.yaml: the example's, with another gateway."""
        super().configure()
        text = re.sub(r"kind: envoy", "kind: httproute", self.config.read_text())
        text = re.sub(r"config: \{configMap[^}]*\}", f"routes: [{self.shop}/shop]", text)
        self.config.write_text(re.sub(r"\n  admin: \d+", "", text))

    def remove(self) -> None:
        super().remove()
        self.api.delete(f"/apis/{API}/v1/gatewayclasses/{self.gateway}")
        for kind in ("clusterroles", "clusterrolebindings"):
            self.api.delete(f"/apis/rbac.authorization.k8s.io/v1/{kind}/{self.gateway}")

    def spec(self) -> dict[str, Any]:
        """What the route says now."""
        return copy.deepcopy(self.api.get(http_routes(self.shop, "shop"))["spec"])

    def routes(self) -> str:
        return json.dumps(self.spec(), sort_keys=True)

    def gateways(self) -> list[Replica]:
        """Both replicas, by their addresses."""
        found = self.api.get(pods(self.gateway), labelSelector="app=gateway")["items"]
        return [Replica(one["metadata"]["name"], f"{one['status'].get('podIP')}:8000") for one in found]

    def ask(self, replica: Replica, path: str, *headers: tuple[str, str], host: str = HOST) -> Any:
        """One answer of one replica."""
        return HttpProber().ask(replica, Probe(host, path, headers))

    def answers(self, app: str) -> bool:
        replicas = self.gateways()
        return len(replicas) == REPLICAS and all(
            self.ask(one, f"/api/{app}/health").status == HTTPStatus.OK for one in replicas
        )

    def _entrance(self) -> list[dict[str, Any]]:
        spec = {"controllerName": "traefik.io/gateway-controller"}
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

    def _traefik(self) -> list[dict[str, Any]]:
        names = {"name": self.gateway}
        rules = [
            {
                "apiGroups": [""],
                "resources": ["namespaces", "services", "secrets", "configmaps"],
                "verbs": ["list", "watch", "get"],
            },
            {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list", "watch", "get"]},
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch", "get"]},
            {"apiGroups": [API], "resources": ["*"], "verbs": ["list", "watch", "get", "update", "patch"]},
        ]
        account = {"kind": "ServiceAccount", "name": "traefik", "namespace": self.gateway}
        group = "rbac.authorization.k8s.io"
        return [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": names},
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "traefik", "namespace": self.gateway}},
            {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": names, "rules": rules},
            {
                "apiVersion": f"{group}/v1",
                "kind": "ClusterRoleBinding",
                "metadata": names,
                "roleRef": {"apiGroup": group, "kind": "ClusterRole", **names},
                "subjects": [account],
            },
            self._deployment(),
        ]

    def _deployment(self) -> dict[str, Any]:
        labels = {"app": "gateway"}
        container = {
            "name": "traefik",
            "image": TRAEFIK,
            "imagePullPolicy": "IfNotPresent",
            "args": [
                "--entrypoints.web.address=:8000",
                "--entrypoints.traefik.address=:8080",
                "--ping=true",
                "--providers.kubernetesgateway=true",
                f"--providers.kubernetesgateway.namespaces={self.shop},{self.gateway}",
                "--global.checknewversion=false",
                "--global.sendanonymoususage=false",
                "--log.level=INFO",
            ],
            "ports": [{"name": "traffic", "containerPort": 8000}, {"name": "ping", "containerPort": 8080}],
            "readinessProbe": {"httpGet": {"path": "/ping", "port": "ping"}, "periodSeconds": 1},
        }
        pod = {"serviceAccountName": "traefik", "containers": [container], "terminationGracePeriodSeconds": 5}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "gateway", "namespace": self.gateway},
            "spec": {
                "replicas": REPLICAS,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        }


def _is_shop(one: dict[str, Any]) -> bool:
    meta = one["metadata"]
    return "shop" in {meta.get("namespace"), meta["name"] if one["kind"] == "Namespace" else ""}
