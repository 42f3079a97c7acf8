"""Rules and small nginx files for the tests of the dialect."""

from gatewayctl.domain.routing import CanaryRule, Files
from gatewayctl.gateways.registry import gateway
from tests.gateways import samples

DIALECT = gateway("nginx").dialect
UPSTREAM = "upstream orders {\n  server orders:8080;\n  keepalive 8;\n}\n"
WITH_UPSTREAM = UPSTREAM + "server {\n  location / {\n    proxy_pass http://orders;\n  }\n}\n"


def a_rule(app="orders", value="always", stamp="r-1", **changes) -> CanaryRule:
    """The canary rule of orders, with the address of the canary's Service."""
    return samples.a_rule(app, value, stamp, **{"canary_host": "10.0.0.9", **changes})


def one(text: str, name: str = "shop.conf") -> Files:
    """A gateway with one file."""
    return samples.one_file(text, name)


def http(inside: str) -> str:
    """A whole configuration with one server that holds `inside`."""
    return f"events {{}}\nhttp {{\n  server {{\n    listen 80;\n{inside}  }}\n}}\n"


def location(inside: str, where: str = "/api/") -> str:
    """A configuration with one location; `inside` are its directives, one to a line."""
    lines = "".join(f"      {line}\n" for line in inside.splitlines())
    return http(f"    location {where} {{\n{lines}    }}\n")


def insert(files: Files, rule: CanaryRule | None = None) -> Files:
    """The files with the rule of orders, or with another rule."""
    return samples.insert(DIALECT, files, rule or a_rule())


def insert_in_http(text: str, rule: CanaryRule) -> str:
    """The content of an http block with the rule."""
    return insert(one(f"http {{{text}}}"), rule)[0].text.removeprefix("http {").rpartition("}")[0]


def find_added_lines(before: str, after: str) -> list[str]:
    """The lines that an insert added; fails if it changed anything else."""
    rest = iter(after.split("\n"))
    new = []
    for line in before.split("\n"):
        for other in rest:
            if other == line:
                break
            new.append(other)
        else:
            raise AssertionError(f"lost: {line}")
    return [*new, *rest]
