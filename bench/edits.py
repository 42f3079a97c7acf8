"""How long an edit of a gateway's file takes, by its number of routes, beside merely parsing the same text.

The baseline is the fastest YAML parser there is in Python (libyaml's): nothing that reads the file can beat it, so the
ratio says what exactness costs. What an edit includes: find, insert, parse again, compare, try the removal.
"""

import gc
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import yaml

from bench.figures import Figure, Target, figure
from bench.measuring import Broken, in_turns, progress, timed
from bench.size import Size
from gatewayctl.domain.routing import CanaryRule, Files, Header, SourceFile
from gatewayctl.gateways.registry import gateway
from gatewayctl.ports import Dialect

_ROUTES = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
_HEAD = f"""\
# Owned by many teams.
resources:
- "@type": {_ROUTES}
  name: shop
  virtual_hosts:
  - name: shop
    domains: ["*"]
    routes:
"""
_VIRTUAL_SERVICE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: shop
spec:
  hosts: [shop.example]
  gateways: [edge]
  http:
"""
_ROUTE = """\
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: shop-{}
spec:
  parentRefs:
  - name: edge
  rules:
"""
_MINE = 3  # routes of the application that is released; all others belong to neighbours
_NEIGHBOURS = 100
_RULE = CanaryRule("orders", "orders", "orders-canary", Header("x-canary", "r-1a2b3c"), "r-1a2b3c")


@dataclass(frozen=True, slots=True)
class Sample:
    """Files of one gateway product with a given number of routes, `orders` among their upstreams."""

    kind: str
    files: Callable[[int], Files]


def _upstreams(routes: int) -> Iterator[tuple[int, str]]:
    """Who each route sends to."""
    mine = {round((number + 0.5) * routes / _MINE) for number in range(_MINE)}
    for number in range(routes):
        yield number, "orders" if number in mine else f"neighbour-{number % _NEIGHBOURS}"


def envoy(routes: int) -> Files:
    """A RouteConfiguration as teams write it: block style, comments, a few lines for each route."""
    lines = [_HEAD]
    for number, cluster in _upstreams(routes):
        lines.append(
            f'    - match: {{ prefix: "/api/{number}/" }}\n'
            f"      route:\n        cluster: {cluster}\n        timeout: 10s    # agreed with its team\n"
        )
    return (SourceFile("rds.yaml", "".join(lines)),)


def spring_cloud(routes: int) -> Files:
    """A list of routes as teams write it: an id, a path, a filter, a comment."""
    lines = ["# Owned by many teams.\nspring.cloud.gateway.server.webflux:\n  routes:\n"]
    for number, host in _upstreams(routes):
        lines.append(
            f"    - id: route-{number}\n      uri: http://{host}:8080    # agreed with its team\n"
            f"      predicates:\n        - Path=/api/{number}/**\n      filters:\n        - StripPrefix=2\n"
        )
    return (SourceFile("routes.yml", "".join(lines)),)


def httproute(routes: int) -> Files:
    """HTTPRoutes of eight rules each, as many as it takes; one object cannot hold more than sixteen."""
    lines = []
    for number, service in _upstreams(routes):
        if number % 8 == 0:
            lines.append(_ROUTE.format(number))
        lines.append(
            f"  - matches:\n    - path:\n        type: PathPrefix\n        value: /api/{number}\n"
            f"    backendRefs:\n    - name: {service}    # agreed with its team\n      port: 8080\n"
        )
    return (SourceFile("routes.yaml", "".join(lines)),)


def istio(routes: int) -> Files:
    """One VirtualService with an HTTP route for each route, as teams write it."""
    lines = [_VIRTUAL_SERVICE]
    for number, host in _upstreams(routes):
        lines.append(
            f"  - match:\n    - uri:\n        prefix: /api/{number}/\n    timeout: 10s    # agreed with its team\n"
            f"    route:\n    - destination:\n        host: {host}\n"
        )
    return (SourceFile("routes.yaml", "".join(lines)),)


def ingress_nginx(routes: int) -> Files:
    """One Ingress with a path for each route."""
    lines = [
        (
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: shop\nspec:\n"
            "  ingressClassName: nginx\n  rules:\n  - host: shop.example.com\n    http:\n      paths:\n"
        )
    ]
    for number, service in _upstreams(routes):
        lines.append(
            f"      - path: /api/{number}\n        pathType: Prefix\n        backend:\n          service:\n"
            f"            name: {service}    # agreed with its team\n            port:\n              number: 8080\n"
        )
    return (SourceFile("ingress.yaml", "".join(lines)),)


def nginx(routes: int) -> Files:
    """A server with a location for each route, as teams write it."""
    lines = ["# Owned by many teams.\nserver {\n    listen 8080;\n"]
    for number, host in _upstreams(routes):
        lines.append(
            f"    location /api/{number}/ {{\n"
            f"        proxy_pass http://{host}:8080;    # agreed with its team\n"
            "        proxy_read_timeout 10s;\n    }\n"
        )
    return (SourceFile("shop.conf", "".join([*lines, "}\n"])),)


SAMPLES = (
    Sample("envoy", envoy),
    Sample("nginx", nginx),
    Sample("spring-cloud-gateway", spring_cloud),
    Sample("httproute", httproute),
    Sample("istio", istio),
    Sample("ingress-nginx", ingress_nginx),
)


def edits(size: Size) -> Iterator[Figure]:
    """Insert and remove a rule, for each gateway product and number of routes; and how the time grows."""
    for sample in SAMPLES:
        taken = {}
        for routes in size.routes:
            progress(f"edit {sample.kind}: {routes:,} routes")
            taken[routes] = _taken(sample, routes, size.file_rounds)
            ours, parser = taken[routes]
            row = figure(f"edit {sample.kind}, {routes:,} routes", "s", ours, ("yaml C parser", parser))
            yield replace(row, target=Target(p95=1.0) if routes == 10_000 else Target())
        yield _growth(sample.kind, taken)


def _taken(sample: Sample, routes: int, rounds: int) -> tuple[list[float], ...]:
    """Seconds of ours and of the parser; what is not YAML has Envoy's file of as many routes beside it."""
    dialect, files = gateway(sample.kind).dialect, sample.files(routes)
    parsed = [file.text for file in (envoy(routes) if sample.kind == "nginx" else files)]

    def ours() -> float:
        unseen = _unseen(files)
        gc.freeze()  # nor has a new process the leavings of earlier rounds, for its collector to walk through
        return timed(lambda: _there_and_back(dialect, unseen))

    def parser() -> float:
        gc.freeze()
        return timed(lambda: [list(yaml.load_all(text, yaml.CSafeLoader)) for text in parsed])

    return in_turns(rounds, ours, parser)


def _unseen(files: Files) -> Files:
    """The same files with another last comment: what a dialect remembers of a text does not help with it."""
    return tuple(replace(file, text=f"{file.text}# {secrets.token_hex(8)}\n") for file in files)


def _there_and_back(dialect: Dialect, files: Files) -> None:
    routed = dialect.insert(files, _RULE).apply(files)
    if dialect.remove(routed, _RULE.app).apply(routed) != files or routed == files:
        raise Broken("the edit was not undone byte for byte")


def _growth(kind: str, taken: dict[int, tuple[list[float], ...]]) -> Figure:
    few, many = sorted(taken)[-2:]
    times = many // few
    ours, parser = (
        [after / before for before, after in zip(taken[few][which], taken[many][which], strict=True)]
        for which in (0, 1)
    )
    row = figure(f"edit {kind}, time of {many:,} over {few:,} routes", "×", ours, ("yaml C parser", parser))
    return replace(row, target=Target(median=1.25 * times), note=f"{times}× is linear")
