"""Rules and small Spring files for the tests of the dialect."""

from gatewayctl.domain.routing import CanaryRule, Files, Header, SourceFile

NEW = "spring.cloud.gateway.server.webflux.routes"
OLD = "spring.cloud.gateway.routes"
ID = "gatewayctl-orders-canary"


def a_rule(app="orders", value="always", stamp="r-1", **changes) -> CanaryRule:
    """Orders' canary rule."""
    what = {"service": "orders", "canary": "orders-canary", "header": Header("x-canary", value), **changes}
    return CanaryRule(app=app, stamp=stamp, **what)


def one(text: str, name: str = "application.yml") -> Files:
    """A gateway with one file."""
    return (SourceFile(name, text),)


ORDERS = "- id: orders\n  uri: http://orders:8080\n  predicates:\n  - Path=/api/orders/**\n"
WEB = "- id: web\n  uri: http://web\n  predicates:\n  - Path=/**\n"


def listed(*routes: str, key: str = NEW) -> str:
    """A file with one list of routes, each the lines of an item at column 0."""
    return f"{key}:\n" + "".join(routes)
