"""Every gateway kind, by its name on the command line and in the configuration file."""

from importlib import import_module

from gatewayctl.domain.errors import UsageFault
from gatewayctl.gateways.product import GatewayProduct

# The module that holds the product as PRODUCT; imported only when its kind is needed: most commands need no dialect.
GATEWAYS = {
    "envoy": "gatewayctl.gateways.envoy.product",
    "nginx": "gatewayctl.gateways.nginx.product",
    "spring-cloud-gateway": "gatewayctl.gateways.springcloud.product",
    "httproute": "gatewayctl.gateways.httproute.product",
    "ingress-nginx": "gatewayctl.gateways.ingressnginx.product",
}


def gateway(kind: str) -> GatewayProduct:
    """The product of this kind. Raises UsageFault for a kind that does not exist."""
    if kind not in GATEWAYS:
        raise UsageFault(f"unknown gateway kind {kind!r}", hint=f"use one of: {', '.join(sorted(GATEWAYS))}")
    product: GatewayProduct = import_module(GATEWAYS[kind]).PRODUCT
    return product
