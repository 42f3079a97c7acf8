"""Istio: its control plane watches the objects, and each gateway's Envoy shows the routes that it runs."""

from gatewayctl.gateways.istio.checker import IstioChecker
from gatewayctl.gateways.istio.dialect import IstioDialect
from gatewayctl.gateways.istio.readback import IstioReadback
from gatewayctl.gateways.istio.resource import VIRTUAL_SERVICE
from gatewayctl.gateways.product import GatewayProduct, Watches

PRODUCT = GatewayProduct(
    kind="istio",
    edits="VirtualService objects, versions v1, v1beta1 and v1alpha3",
    checked="by reading them again; in a cluster also by a dry run",
    plain_dialect=IstioDialect(),
    readback=IstioReadback,
    checker=IstioChecker,
    loads=Watches(),
    resource=VIRTUAL_SERVICE,
)
