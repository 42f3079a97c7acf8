"""A Service's address, or why it has none that a rule could hold."""

import pytest

from gatewayctl.adapters.kubernetes.gateway.service_address import KubernetesAddresses
from gatewayctl.domain.errors import EnvironmentFailed


class Listing:
    """The one answer of an API server that is asked for Services."""

    def __init__(self, *services):
        self.services, self.asked = services, []

    def get(self, path):
        self.asked.append(path)
        return {
            "items": [{"metadata": {"name": name}, "spec": {"clusterIP": address}} for name, address in self.services]
        }


def test_the_cluster_ip_of_the_service_of_that_name():
    api = Listing(("orders", "10.0.0.1"), ("orders-canary", "10.0.0.2"))

    assert KubernetesAddresses(api, "shop")("orders-canary") == "10.0.0.2"
    assert api.asked == ["/api/v1/namespaces/shop/services"]


@pytest.mark.parametrize(
    ("address", "ports", "known"),
    [
        ("10.0.0.2", [8080], "10.0.0.2:8080"),
        ("fd00::2", [80], "[fd00::2]:80"),
        ("10.0.0.2", [80, 9090], "10.0.0.2"),
    ],
)
def test_the_only_port_of_a_service_is_part_of_its_address(address, ports, known):
    spec = {"clusterIP": address, "ports": [{"port": port} for port in ports]}
    api = Listing()
    api.get = lambda path: {"items": [{"metadata": {"name": "orders-canary"}, "spec": spec}]}

    assert KubernetesAddresses(api, "shop")("orders-canary") == known


@pytest.mark.parametrize(
    ("services", "reason"),
    [
        ([("orders-canary", "None")], "Service orders-canary is headless"),
        ([("orders-canary", "")], "Service orders-canary is headless"),
        ([("orders", "10.0.0.1")], "there is no Service orders-canary in namespace shop"),
    ],
)
def test_without_one_the_configuration_has_to_name_it(services, reason):
    with pytest.raises(EnvironmentFailed, match=reason) as why:
        KubernetesAddresses(Listing(*services), "shop")("orders-canary")

    assert "canary_host" in why.value.hint
