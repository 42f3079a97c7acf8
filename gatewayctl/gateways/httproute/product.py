"""The Gateway API: a controller watches the objects, and nothing shows what each of its replicas runs."""

from gatewayctl.gateways.httproute.checker import HttpRouteChecker
from gatewayctl.gateways.httproute.dialect import HttpRouteDialect
from gatewayctl.gateways.httproute.resource import HTTPROUTE
from gatewayctl.gateways.no_readback import NoReadback
from gatewayctl.gateways.product import GatewayProduct, Watches

PRODUCT = GatewayProduct(
    kind="httproute",
    edits="HTTPRoute objects, versions v1 and v1beta1",
    checked="against the limits of the API; in a cluster also by a dry run",
    plain_dialect=HttpRouteDialect(),
    readback=NoReadback,
    checker=HttpRouteChecker,
    loads=Watches(),
    resource=HTTPROUTE,
)
