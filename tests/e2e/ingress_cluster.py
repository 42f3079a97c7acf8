"""The shop behind two Traefiks that serve Ingresses with the annotations of ingress-nginx."""

import json
import re
from typing import Any

from gatewayctl.adapters.kubernetes.client.paths import custom_objects
from gatewayctl.gateways.ingressnginx.resource import INGRESS
from tests.e2e.route_cluster import HOST
from tests.e2e.traefik_cluster import TraefikCluster

_PROVIDER = "--providers.kubernetesingressnginx"


def ingresses(namespace: str, name: str = "") -> str:
    """Where the API server has one Ingress, or the list of them."""
    return custom_objects(INGRESS.api_version, namespace, INGRESS.plural, name)


class IngressCluster(TraefikCluster):
    """The Ingress is called `shop`, and its class like the gateway's namespace."""

    @property
    def controller(self) -> str:
        """The name by which an IngressClass is for a product that reads these annotations."""
        return "k8s.io/ingress-nginx"

    @property
    def gateway_class(self) -> str:
        return f"/apis/{INGRESS.api_version}/ingressclasses/{self.gateway}"

    def first_route(self) -> dict[str, Any]:
        """The Ingress as it is at the beginning; Helm owns it, which must not matter."""
        paths = [
            {
                "path": f"/api/{app}",
                "pathType": "Prefix",
                "backend": {"service": {"name": app, "port": {"number": 8080}}},
            }
            for app in self.apps
        ]
        return {
            "apiVersion": INGRESS.api_version,
            "kind": INGRESS.kind,
            "metadata": {
                "name": "shop",
                "namespace": self.shop,
                "annotations": {"meta.helm.sh/release-name": "shop"},
            },
            "spec": {"ingressClassName": self.gateway, "rules": [{"host": HOST, "http": {"paths": paths}}]},
        }

    def configure(self) -> None:
        """Write gatewayctl.yaml for Ingresses."""
        super().configure()
        self.config.write_text(re.sub("kind: httproute", "kind: ingress-nginx", self.config.read_text()))

    def spec(self) -> dict[str, Any]:
        """What all Ingresses of the shop say now, by name."""
        found = self.api.get(ingresses(self.shop))["items"]
        return {one["metadata"]["name"]: [one["metadata"].get("annotations"), one["spec"]] for one in found}

    def routes(self) -> str:
        return json.dumps(self.spec(), sort_keys=True)

    def _endpoints(self) -> list[dict[str, Any]]:
        names = {"name": self.gateway}
        spec = {"controller": self.controller}
        return [{"apiVersion": INGRESS.api_version, "kind": "IngressClass", "metadata": names, "spec": spec}]

    def _objects(self) -> list[dict[str, Any]]:
        objects = super()._objects()
        for one in objects:
            if one["kind"] == "ClusterRole":
                one["rules"].append(
                    {
                        "apiGroups": [INGRESS.group],
                        "resources": ["ingresses", "ingressclasses"],
                        "verbs": ["list", "watch", "get"],
                    }
                )
        return objects

    def _deployment(self) -> dict[str, Any]:
        made = super()._deployment()
        [container] = made["spec"]["template"]["spec"]["containers"]
        others = [one for one in container["args"] if "kubernetesgateway" not in one]
        container["args"] = [
            *others,
            f"{_PROVIDER}=true",
            f"{_PROVIDER}.watchnamespace={self.shop}",
            f"{_PROVIDER}.ingressclass={self.gateway}",
            f"{_PROVIDER}.httpentrypoint=web",
        ]
        return made
