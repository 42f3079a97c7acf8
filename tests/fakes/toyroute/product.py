"""ToyRoutes: a gateway whose rules are API objects, as its folder would declare it."""

from gatewayctl.gateways.no_readback import NoReadback
from gatewayctl.gateways.product import GatewayProduct, Watches
from tests.fakes.toyroute.dialect import ToyRouteChecker, ToyRouteDialect
from tests.fakes.toyroute.resource import TOYROUTE

PRODUCT = GatewayProduct(
    kind="toyroute",
    edits="ToyRoute objects",
    checked="by nothing but a dry run",
    plain_dialect=ToyRouteDialect(),
    readback=NoReadback,
    checker=ToyRouteChecker,
    loads=Watches(),
    resource=TOYROUTE,
)
