"""Rules and small nginx files for the tests of the dialect."""

from gatewayctl.domain.routing import CanaryRule, Files, Header, SourceFile
from gatewayctl.gateways.registry import gateway

DIALECT = gateway("nginx").dialect


def a_rule(app="orders", value="always", stamp="r-1", **changes) -> CanaryRule:
    """Orders' canary rule, its Service's address known."""
    what = {
        "service": "orders",
        "canary": "orders-canary",
        "header": Header("x-canary", value),
        "canary_host": "10.0.0.9",
        **changes,
    }
    return CanaryRule(app=app, stamp=stamp, **what)


def one(text: str, name: str = "shop.conf") -> Files:
    """A gateway with one file."""
    return (SourceFile(name, text),)


def http(inside: str) -> str:
    """A whole configuration with one server that holds `inside`."""
    return f"events {{}}\nhttp {{\n  server {{\n    listen 80;\n{inside}  }}\n}}\n"


def location(inside: str, where: str = "/api/") -> str:
    """One location of `http`; `inside` are directives on one line each."""
    lines = "".join(f"      {line}\n" for line in inside.splitlines())
    return http(f"    location {where} {{\n{lines}    }}\n")


def inserted(files: Files, rule: CanaryRule | None = None) -> Files:
    """`files` with the rule in."""
    return DIALECT.insert(files, rule or a_rule()).apply(files)
