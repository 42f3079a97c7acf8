"""The line that a registry would have for ToyRoutes."""

from gatewayctl.gateways.no_readback import NoReadback
from gatewayctl.gateways.registry import GatewayProduct
from tests.fakes.toyroute.dialect import ToyRouteChecker, ToyRouteDialect
from tests.fakes.toyroute.resource import TOYROUTE


def toyroute() -> GatewayProduct:
    """The product as a value."""
    return GatewayProduct("toyroute", ToyRouteDialect(), NoReadback, ToyRouteChecker, resource=TOYROUTE)
