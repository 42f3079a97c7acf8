"""Rules and small Spring files for the tests of the dialect."""

from gatewayctl.domain.routing import Files
from tests.gateways.samples import a_rule, one_file

__all__ = ["ID", "NEW", "OLD", "ORDERS", "WEB", "a_rule", "listed", "one"]

NEW = "spring.cloud.gateway.server.webflux.routes"
OLD = "spring.cloud.gateway.routes"
ID = "gatewayctl-orders-canary"


def one(text: str, name: str = "application.yml") -> Files:
    """A gateway with one file."""
    return one_file(text, name)


ORDERS = "- id: orders\n  uri: http://orders:8080\n  predicates:\n  - Path=/api/orders/**\n"
WEB = "- id: web\n  uri: http://web\n  predicates:\n  - Path=/**\n"


def listed(*routes: str, key: str = NEW) -> str:
    """A file with one list of routes, each the lines of an item at column 0."""
    return f"{key}:\n" + "".join(routes)
