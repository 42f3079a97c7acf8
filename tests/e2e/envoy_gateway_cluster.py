"""The shop behind a real Envoy Gateway: its controller in a Pod, and two Envoys that this has made for its Gateway.

Objects are those that its chart would make, and no more than a Gateway needs. The images are of this machine: the
Envoy is the one that the tests have anyway, and the controller, which also ends Envoys gently, is built for them.
"""

from typing import Any

import yaml

from gatewayctl.adapters.kubernetes.client.api import NotFound
from tests.cluster.envoy_gateway import IMAGE, definitions
from tests.cluster.images import GATEWAY
from tests.e2e.route_cluster import REPLICAS, RIGHTS, RouteCluster
from tests.e2e.shop_cluster import kubectl

_NAME = "envoy-gateway"  # by which its Envoys look for the controller, and it for its certificate
_XDS, _HEALTH = 18000, 8081


class EnvoyGatewayCluster(RouteCluster):
    """The controller and its Envoys are in one namespace, as they are by default."""

    @property
    def controller(self) -> str:
        return "gateway.envoyproxy.io/gatewayclass-controller"

    @property
    def selector(self) -> str:
        return "gateway.envoyproxy.io/owning-gateway-name=edge"

    def install(self) -> None:
        for file in definitions():
            kubectl("apply", "--server-side", "--force-conflicts", "-f", str(file))
        kubectl("apply", "-f", "-", given=yaml.safe_dump_all([*self._account(), self._certificates()]))
        kubectl("-n", self.gateway, "wait", "--for=condition=complete", "--timeout=60s", "job/certificates")
        kubectl("apply", "-f", "-", given=yaml.safe_dump_all(self._running()))
        kubectl("-n", self.gateway, "rollout", "status", "--timeout=60s", f"deployment/{_NAME}")

    def remove(self) -> None:
        """The controller keeps its class by a finalizer as long as there is a Gateway, and goes with its namespace."""
        super().remove()
        try:
            self.api.merge(self.gateway_class, {"metadata": {"finalizers": None}})
        except NotFound:
            return  # the controller was faster, or there never was a class

    def _account(self) -> list[dict[str, Any]]:
        """Who the controller is. The namespaces are gone with the test, so it may do everything."""
        account = {"kind": "ServiceAccount", "name": _NAME, "namespace": self.gateway}
        return [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.gateway}},
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": _NAME, "namespace": self.gateway}},
            {
                "apiVersion": f"{RIGHTS}/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": self.gateway},
                "roleRef": {"apiGroup": RIGHTS, "kind": "ClusterRole", "name": "cluster-admin"},
                "subjects": [account],
            },
        ]

    def _certificates(self) -> dict[str, Any]:
        """What the controller and its Envoys know each other by, made by itself as Secrets of its namespace."""
        pod = self._pod("certgen", "--disable-topology-injector")
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "certificates", "namespace": self.gateway},
            "spec": {"template": {"spec": {**pod, "restartPolicy": "OnFailure"}}},
        }

    def _running(self) -> list[dict[str, Any]]:
        names = {"name": _NAME, "namespace": self.gateway}
        labels = {"app": _NAME}
        ports = [{"name": "xds", "port": _XDS}]
        return [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": names,
                "data": {"settings.yaml": yaml.safe_dump(self._settings())},
            },
            {"apiVersion": "v1", "kind": "Service", "metadata": names, "spec": {"selector": labels, "ports": ports}},
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": names,
                "spec": {
                    "selector": {"matchLabels": labels},
                    "template": {"metadata": {"labels": labels}, "spec": self._server()},
                },
            },
        ]

    def _settings(self) -> dict[str, Any]:
        """The controller's configuration: only what would be fetched or waited for otherwise is not its default."""
        deployment = {"name": "gateway", "replicas": REPLICAS, "container": {"image": GATEWAY}}
        kubernetes = {"envoyDeployment": deployment, "envoyService": {"type": "ClusterIP"}}
        return {
            "apiVersion": "gateway.envoyproxy.io/v1alpha1",
            "kind": "EnvoyGateway",
            "gateway": {"controllerName": self.controller},
            "provider": {
                "type": "Kubernetes",
                "kubernetes": {
                    "shutdownManager": {"image": IMAGE},
                    "proxyTopologyInjector": {"disabled": True},
                    "leaderElection": {"disable": True},
                },
            },
            "envoyProxy": {
                "shutdown": {"drainTimeout": "2s", "minDrainDuration": "1s"},
                "provider": {"type": "Kubernetes", "kubernetes": kubernetes},
            },
        }

    def _server(self) -> dict[str, Any]:
        """The controller's Pod."""
        pod = self._pod("server", "--config-path=/settings/settings.yaml")
        mounts = {"settings": "/settings", "certificates": "/certs", "wasm": "/var/lib/eg/wasm"}
        pod["containers"][0] |= {
            "readinessProbe": {"httpGet": {"path": "/readyz", "port": _HEALTH}, "periodSeconds": 1},
            "volumeMounts": [{"name": name, "mountPath": path} for name, path in mounts.items()],
        }
        volumes = [
            {"name": "settings", "configMap": {"name": _NAME}},
            {"name": "certificates", "secret": {"secretName": _NAME}},
            {"name": "wasm", "emptyDir": {}},
        ]
        return {**pod, "volumes": volumes, "terminationGracePeriodSeconds": 5}

    def _pod(self, *arguments: str) -> dict[str, Any]:
        own = {"name": "ENVOY_GATEWAY_NAMESPACE", "value": self.gateway}
        container = {"name": _NAME, "image": IMAGE, "imagePullPolicy": "IfNotPresent", "args": list(arguments)}
        return {"serviceAccountName": _NAME, "containers": [{**container, "env": [own]}]}
