"""The cluster IPs of Services, for gateways whose rules need an address."""

from gatewayctl.adapters.kubernetes.client.api import Api
from gatewayctl.adapters.kubernetes.client.json import items, name_of, part
from gatewayctl.adapters.kubernetes.client.paths import services
from gatewayctl.domain.errors import EnvironmentFailed


class KubernetesAddresses:
    """Implements ports.Address with a Service's cluster IP, which does not change while the Service exists."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api, self._namespace = api, namespace

    def __call__(self, workload: str) -> str:
        """The cluster IP of the Service of that name. Raises EnvironmentFailed."""
        hint = "set canary_host in gatewayctl.yaml"
        for service in items(self._api.get(services(self._namespace)), "items"):
            if name_of(service) == workload:
                address = str(part(service, "spec").get("clusterIP") or "None")
                if address == "None":
                    raise EnvironmentFailed(
                        f"Service {workload} is headless: it has no IP address of its own", hint=hint
                    )
                return address
        raise EnvironmentFailed(f"there is no Service {workload} in namespace {self._namespace}", hint=hint)
