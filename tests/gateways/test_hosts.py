"""Which host names get `-canary` in them, and which do not because nobody knows the canary's."""

import pytest

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import SourceFile
from gatewayctl.gateways.hosts import Underivable, canary_host
from gatewayctl.gateways.registry import gateway
from tests.gateways.envoy.samples import ORDERS, cds, dns_cluster, rds
from tests.gateways.samples import a_rule, one_file

PUBLIC = "orders-7f3c.a.run.app"


@pytest.mark.parametrize(
    ("host", "canary"),
    [
        ("orders", "orders-canary"),
        ("orders.shop", "orders-canary.shop"),
        ("orders.dev", "orders-canary.dev"),
        ("orders.shop.svc", "orders-canary.shop.svc"),
        ("orders.shop.svc.cluster.local", "orders-canary.shop.svc.cluster.local"),
        ("orders.shop.svc.k8s.example.com.", "orders-canary.shop.svc.k8s.example.com."),
        ("orders.prod.local", "orders-canary.prod.local"),
        ("Orders.Service.Consul", "Orders-canary.Service.Consul"),
    ],
)
def test_a_name_in_a_cluster_gets_the_canarys_suffix(host, canary):
    assert canary_host(host) == canary


@pytest.mark.parametrize(
    "host",
    [PUBLIC, "orders.example.com", "example.com", "example.com.", "ORDERS.EXAMPLE.ORG", "svc.example.com"],
)
def test_a_public_host_name_is_not_guessed(host):
    with pytest.raises(Underivable, match="is a public host name"):
        canary_host(host)


SPRING = """\
spring:
  cloud:
    gateway:
      routes:
        - id: orders
          uri: https://HOST
          predicates: [Path=/orders/**]
"""
NGINX = "http {\n  server {\n    listen 80;\n    location / {\n      proxy_pass https://HOST;\n    }\n  }\n}\n"
ENVOY = (SourceFile("rds.yaml", rds(ORDERS)), SourceFile("cds.yaml", cds(dns_cluster("orders", PUBLIC, 443))))
FILES = {
    "envoy": (ENVOY, "orders"),
    "nginx": (one_file(NGINX.replace("HOST", PUBLIC), "nginx.conf"), PUBLIC),
    "spring-cloud-gateway": (one_file(SPRING.replace("HOST", PUBLIC), "application.yaml"), PUBLIC),
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("canary", ["", "orders-next"], ids=["by-convention", "named"])
def test_every_product_asks_for_the_canarys_host_beside_a_public_one(kind, canary):
    files, service = FILES[kind]
    rule = a_rule(service=service, canary=canary or f"{service}-canary")

    with pytest.raises(Refused, match="is a public host name") as caught:
        gateway(kind).dialect.insert(files, rule)

    assert "--canary-host" in caught.value.hint


@pytest.mark.parametrize("kind", FILES)
def test_every_product_takes_the_host_that_is_given(kind):
    files, service = FILES[kind]
    rule = a_rule(service=service, canary=f"{service}-canary", canary_host="orders-next.a.run.app")

    after = gateway(kind).dialect.insert(files, rule).apply(files)

    assert any("orders-next.a.run.app" in file.text for file in after)
