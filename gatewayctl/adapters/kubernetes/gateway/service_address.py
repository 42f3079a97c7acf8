"""The cluster IPs of Services, for gateways whose rules need an address."""

from collections.abc import Sequence

from gatewayctl.adapters.kubernetes.client.api import Api, Object
from gatewayctl.adapters.kubernetes.client.json import items, name_of, part
from gatewayctl.adapters.kubernetes.client.paths import services
from gatewayctl.domain.errors import EnvironmentFailed


class KubernetesAddresses:
    """Implements ports.Address with a Service's cluster IP, which does not change while the Service exists."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api, self._namespace = api, namespace

    def __call__(self, workload: str) -> str:
        """The cluster IP of the Service of that name, with its port if it has only one. Raises EnvironmentFailed."""
        hint = "set canary_host in gatewayctl.yaml"
        for service in items(self._api.get(services(self._namespace)), "items"):
            if name_of(service) == workload:
                address = str(part(service, "spec").get("clusterIP") or "None")
                if address == "None":
                    raise EnvironmentFailed(
                        f"Service {workload} is headless: it has no IP address of its own", hint=hint
                    )
                return _with_port(address, items(part(service, "spec"), "ports"))
        raise EnvironmentFailed(f"there is no Service {workload} in namespace {self._namespace}", hint=hint)


def _with_port(address: str, ports: Sequence[Object]) -> str:
    """The gateway's files may not tell the port; with several nobody knows which one the gateway uses."""
    if len(ports) != 1:
        return address
    host = f"[{address}]" if ":" in address else address
    return f"{host}:{ports[0]['port']}"
