"""The shop behind two Traefiks that serve an HTTPRoute."""

from typing import Any

import yaml

from tests.cluster.images import TRAEFIK
from tests.e2e.route_cluster import API, REPLICAS, RIGHTS, RouteCluster
from tests.e2e.shop_cluster import kubectl


class TraefikCluster(RouteCluster):
    """Traefik reads the routes of both namespaces itself, in each replica."""

    @property
    def controller(self) -> str:
        return "traefik.io/gateway-controller"

    @property
    def selector(self) -> str:
        return "app=gateway"

    def install(self) -> None:
        kubectl("apply", "-f", "-", given=yaml.safe_dump_all(self._objects()))

    def _objects(self) -> list[dict[str, Any]]:
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
        return [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": names},
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "traefik", "namespace": self.gateway}},
            {"apiVersion": f"{RIGHTS}/v1", "kind": "ClusterRole", "metadata": names, "rules": rules},
            {
                "apiVersion": f"{RIGHTS}/v1",
                "kind": "ClusterRoleBinding",
                "metadata": names,
                "roleRef": {"apiGroup": RIGHTS, "kind": "ClusterRole", **names},
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
