"""The files that mutations begin with: our own examples and, where GATEWAYCTL_CORPUS names some, real ones."""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import Files, SourceFile
from gatewayctl.gateways.registry import gateway
from gatewayctl.ports import Dialect
from tests.contract.dialects import SAMPLES

_ROOT = Path(__file__).parents[2]
_OWN = {
    "envoy": ("gateway-config/rds.yaml", "gateway-config/bootstrap.yaml"),
    "nginx": ("gateway-config/nginx/nginx.conf", "gateway-config/nginx/shop.conf", "tests/gateways/nginx/shapes.conf"),
    "spring-cloud-gateway": ("gateway-config/spring-cloud-gateway/routes.yml",),
    "httproute": ("gateway-config/httproute/shop.yaml",),
    "istio": ("gateway-config/istio/shop.yaml",),
    "ingress-nginx": ("gateway-config/ingress-nginx/shop.yaml",),
}
_PROPERTIES = """\
# Owned by many teams.
spring.cloud.gateway.routes[0].id=orders
spring.cloud.gateway.routes[0].uri=http://orders
spring.cloud.gateway.routes[0].predicates[0]=Path=/api/orders/**
spring.cloud.gateway.routes[1].id = web
spring.cloud.gateway.routes[1].uri : http://web
spring.cloud.gateway.routes[1].predicates[0] = Path=/**
"""
_MARKERLESS = "no service"


@dataclass(frozen=True)
class Seed:
    """The files of one gateway before anything is mutated, and the services that its routes send to."""

    files: Files
    services: tuple[str, ...]


@cache
def seeds(kind: str) -> tuple[Seed, ...]:
    """The files for one dialect; the same ones with a rule in them, too, since a rule may be there already."""
    found = [sample.files for sample in SAMPLES if sample.kind == kind]
    found += [_read(_ROOT / name) for name in _OWN[kind]]
    if kind == "nginx":
        found.append((*_read(_ROOT / _OWN[kind][0]), *_read(_ROOT / _OWN[kind][1])))
    if kind == "spring-cloud-gateway":
        found.append((SourceFile("application.properties", _PROPERTIES),))
    if root := os.environ.get("GATEWAYCTL_CORPUS", ""):
        found += [_read(path) for path in sorted((Path(root) / kind).glob("*"))]
    dialect = gateway(kind).dialect
    return tuple(Seed(files, _services(dialect, files)) for files in found)


def _read(path: Path) -> Files:
    return (SourceFile(path.name, path.read_bytes().decode()),)


def _services(dialect: Dialect, files: Files) -> tuple[str, ...]:
    try:
        found = {target for route in dialect.routes(files) for target in route.target.split()}
    except Refused:
        found = set()
    return tuple(sorted(found)) or (_MARKERLESS,)
