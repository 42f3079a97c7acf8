"""The shop behind Spring Cloud Gateways, which read their routes when they are told to."""

from dataclasses import dataclass
from typing import Any

from gatewayctl.adapters.kubernetes.client.paths import config_maps
from tests.cluster.images import SPRING
from tests.e2e.shop_cluster import ROOT, ShopCluster

FILES = ROOT / "gateway-config" / "spring-cloud-gateway"
_TEXTS = {
    "gateway-bootstrap": {"application.yml": (FILES / "application.yml").read_text()},
    "gateway-routes": {"routes.yml": (FILES / "routes.yml").read_text()},
}


@dataclass
class SpringCluster(ShopCluster):
    """The example with Spring Cloud Gateway in place of Envoy."""

    def manifests(self) -> list[dict[str, Any]]:
        """As they are, with another product in the gateway's Deployment and its ConfigMaps."""
        found = super().manifests()
        for one in found:
            kind, name = one["kind"], one["metadata"]["name"]
            if kind == "ConfigMap" and name in _TEXTS:
                one["data"] = _TEXTS[name]
            if (kind, name) == ("Deployment", "gateway"):
                one["spec"]["template"]["spec"]["containers"] = [_container()]
        return found

    def configure(self) -> None:
        """The example's, for another product, which cannot tell what is in flight."""
        super().configure()
        text = self.config.read_text().replace("kind: envoy", "kind: spring-cloud-gateway")
        text = text.replace("key: rds.yaml", "key: routes.yml")
        self.config.write_text(text.replace("timings: {ready: 1m}", "timings: {ready: 1m, drain: 3s}"))

    def routes(self) -> str:
        return str(self.api.get(config_maps(self.gateway, "gateway-routes"))["data"]["routes.yml"])


def _container() -> dict[str, Any]:
    return {
        "name": "gateway",
        "image": SPRING,
        "imagePullPolicy": "IfNotPresent",
        "args": ["--spring.config.location=file:/etc/spring/application.yml"],
        "ports": [{"name": "traffic", "containerPort": 8000}, {"name": "admin", "containerPort": 9901}],
        "readinessProbe": {"httpGet": {"path": "/actuator/health", "port": "admin"}, "periodSeconds": 1},
        "lifecycle": {"preStop": {"sleep": {"seconds": 3}}},
        "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "640Mi"}},
        "volumeMounts": [
            {"name": "bootstrap", "mountPath": "/etc/spring", "readOnly": True},
            {"name": "routes", "mountPath": "/etc/gateway", "readOnly": True},
        ],
    }
