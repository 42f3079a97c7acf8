"""One small gateway per product for the contract of dialects, and what every edit has to promise."""

from dataclasses import dataclass, replace

from gatewayctl.domain.routing import CanaryRule, Files, Header, SourceFile
from gatewayctl.gateways.registry import gateway
from gatewayctl.gateways.reversible import Reversible
from gatewayctl.ports import Dialect
from tests.fakes.toy import StamplessToyDialect, ToyDialect


@dataclass(frozen=True, slots=True)
class Sample:
    """Files of one gateway that route to `orders` and to `web`, and `broken`: text whose `line` has to be refused.

    `fake` is the dialect of a gateway that only tests have.
    """

    kind: str
    files: Files
    broken: str
    line: int
    fake: Dialect | None = None

    @property
    def dialect(self) -> Dialect:
        """How its files are spelled."""
        return self.fake or gateway(self.kind).dialect


def _sample(kind: str, name: str, text: str, broken: str, line: int) -> Sample:
    return Sample(kind, (SourceFile(name, text),), broken, line)


_ENVOY = """\
# Owned by many teams.
resources:
- "@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration
  name: shop
  virtual_hosts:
  - name: shop
    domains: ["*"]
    routes:
    - match: { prefix: /api/orders/ }
      route: { cluster: orders }    # agreed with its team
    - match: { prefix: / }
      route: { cluster: web }
"""
_NGINX = """\
# Owned by many teams.
server {
  listen 80;
  location /api/orders/ {
    proxy_set_header Host $host;
    proxy_pass http://orders;    # agreed with its team
  }
  location / {
    proxy_set_header Host $host;
    proxy_pass http://web;
  }
}
"""
_SPRING = """\
# Owned by many teams.
spring.cloud.gateway.server.webflux.routes:
- id: orders
  uri: http://orders    # agreed with its team
  predicates:
  - Path=/api/orders/**
- id: web
  uri: http://web
  predicates:
  - Path=/**
"""
_HTTPROUTE = """\
# Owned by many teams.
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: shop
spec:
  rules:
  - matches:
    - path: { type: PathPrefix, value: /api/orders/ }
    backendRefs:
    - name: orders    # agreed with its team
      port: 80
  - matches:
    - path: { type: PathPrefix, value: / }
    backendRefs:
    - name: web
      port: 80
"""
_INGRESS = """\
# Owned by many teams.
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
spec:
  ingressClassName: nginx
  rules:
  - http:
      paths:
      - path: /api/orders/
        pathType: Prefix
        backend: { service: { name: orders, port: { number: 80 } } }    # agreed with its team
      - path: /
        pathType: Prefix
        backend: { service: { name: web, port: { number: 80 } } }
"""

SAMPLES = (
    _sample("envoy", "rds.yaml", _ENVOY, _ENVOY.replace("{ prefix: / }", "{ prefix: / }}"), 11),
    _sample("httproute", "route.yaml", _HTTPROUTE, _HTTPROUTE.replace("/ }", "/ }}"), 9),
    _sample("ingress-nginx", "ingress.yaml", _INGRESS, _INGRESS.replace("name: web", "name: web }"), 16),
    _sample("nginx", "shop.conf", _NGINX, _NGINX.replace("listen 80;", "listen {{ port }};"), 3),
    _sample("spring-cloud-gateway", "routes.yml", _SPRING, _SPRING.replace("- id: orders\n  uri", "- uri"), 3),
)

_TOYS = "# Owned by many teams.\n/api/orders/ -> orders\n/ -> web\n"
_TOY_SAMPLE = _sample("fake toy", "routes.txt", _TOYS, _TOYS.replace("/ -> web", "{{ path }} -> web"), 3)
FAKES = (
    replace(_TOY_SAMPLE, fake=Reversible(ToyDialect())),
    replace(_TOY_SAMPLE, kind="fake toy without a stamp", fake=Reversible(StamplessToyDialect())),
)


def a_rule(app: str = "orders", value: str = "always", stamp: str = "r-1") -> CanaryRule:
    """An application's canary rule, the address of its Service known."""
    return CanaryRule(app, app, f"{app}-canary", Header("x-canary", value), stamp, canary_host="10.0.0.9")


def insert_reversibly(dialect: Dialect, before: Files, rule: CanaryRule) -> Files:
    """`before` with the rule; fails where it cannot be taken out byte for byte, or a second insert changes anything."""
    after = dialect.insert(before, rule).apply(before)

    assert after != before
    assert dialect.remove(after, rule.app).apply(after) == before
    assert dialect.insert(after, rule).stages == ()
    return after
