"""Canary Ingresses on a real Traefik, which reads the annotations of ingress-nginx."""

import pytest

from gatewayctl.domain.routing import Files
from gatewayctl.gateways.registry import gateway
from gatewayctl.gateways.resource import INACTIVE_CLASS
from tests.gateways.ingressnginx.running import RunningTraefik, running_traefik
from tests.gateways.ingressnginx.samples import a_rule, files
from tests.gateways.loopback import send
from tests.gateways.many_requests import count_answers, fits

pytestmark = pytest.mark.sandbox

DIALECT = gateway("ingress-nginx").dialect
MARK, OTHER = "x-canary: always", "x-canary: never"
REQUESTS = 5000
SHOP = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  namespace: shop
spec:
  ingressClassName: nginx
  rules:
  - http:
      paths:
      - path: /orders
        pathType: Prefix
        backend: {service: {name: orders, port: {number: 8080}}}
      - path: /
        pathType: Prefix
        backend: {service: {name: web, port: {number: 8080}}}
"""


def with_rule(share: int = 0) -> Files:
    before = files(SHOP)
    return DIALECT.insert(before, a_rule(share=share)).apply(before)


def who(running: RunningTraefik, *headers: str, path: str = "/orders", number: int = 20) -> dict[tuple[int, str], int]:
    return dict(count_answers(running.address, number, *headers, path=path))


@pytest.mark.shows("ingress-nginx", "odd requests")
@pytest.mark.shows("ingress-nginx", "precedence")
def test_only_the_exact_value_reaches_the_canary_and_only_where_stables_path_would_get_the_request(tmp_path):
    with running_traefik(tmp_path, with_rule()) as running:
        assert who(running, MARK) == {(200, "orders-canary"): 20}
        assert who(running, MARK, path="/orders/7") == {(200, "orders-canary"): 20}
        assert who(running, MARK, path="/other") == {(200, "web"): 20}
        for odd in ("x-canary: Always", OTHER, "x-canary:", "x-canary: always, never", "x-other: always"):
            assert who(running, odd) == {(200, "orders"): 20}, odd
        assert who(running) == {(200, "orders"): 20}


@pytest.mark.shows("ingress-nginx", "share")
@pytest.mark.parametrize("share", [1, 10, 50, 100])
def test_a_share_of_the_requests_without_the_header_reaches_the_canary(tmp_path, share):
    """Trap 8: those with another value of the header are among them."""
    with running_traefik(tmp_path, with_rule(share)) as running:
        for headers in ((), (OTHER,)):
            seen = who(running, *headers, number=REQUESTS)
            canary = seen.get((200, "orders-canary"), 0)
            assert sum(seen.values()) == canary + seen.get((200, "orders"), 0) == REQUESTS
            assert fits(share / 100, canary, REQUESTS), seen
        assert who(running, MARK, number=200) == {(200, "orders-canary"): 200}
        assert who(running, path="/other") == {(200, "web"): 20}


def test_canaries_of_two_applications_in_one_ingress_do_not_disturb_each_other(tmp_path):
    both = DIALECT.insert(with_rule(), a_rule("web", "web", 100, "web-canary")).apply(with_rule())

    with running_traefik(tmp_path, both) as running:
        assert who(running, MARK) == {(200, "orders-canary"): 20}
        assert who(running) == {(200, "orders"): 20}
        assert who(running, path="/other") == who(running, MARK, path="/other") == {(200, "web-canary"): 20}


def test_traps_2_and_4_another_ingress_with_the_service_is_covered_and_no_rule_leaves_stable_alone(tmp_path):
    more = SHOP.replace("name: shop\n", "name: more\n").replace("http:", "host: more.example.com\n    http:")
    before = files(SHOP, more)
    after = DIALECT.insert(before, a_rule()).apply(before)
    (tmp_path / "on").mkdir()
    (tmp_path / "off").mkdir()

    with running_traefik(tmp_path / "on", after) as running:
        for headers, version in (((MARK,), "orders-canary"), ((), "orders")):
            seen = {who_at(running, host, *headers) for host in ("shop.example.com", "more.example.com")}
            assert seen == {version}
    with running_traefik(tmp_path / "off", DIALECT.remove(after, "orders").apply(after)) as running:
        assert who(running, MARK) == {(200, "orders"): 20}


def who_at(running: RunningTraefik, host: str, *headers: str) -> str:
    """The version that answers at a host."""
    marks = [tuple(one.split(": ")) for one in headers]
    return send(running.address, "/orders", ("Host", host), *marks).body


@pytest.mark.shows("ingress-nginx", "canary gone")
def test_trap_6_with_no_pod_of_the_canary_stable_answers_without_an_error(tmp_path):
    with running_traefik(tmp_path, with_rule(50), without=("orders-canary",)) as running:
        assert who(running, MARK) == who(running) == {(200, "orders"): 20}


def test_a_canary_that_has_not_got_its_class_yet_gets_no_request(tmp_path):
    begun = files(with_rule(100)[0].text.replace('ClassName: "nginx"', f'ClassName: "{INACTIVE_CLASS}"'))

    with running_traefik(tmp_path, begun) as running:
        assert who(running, MARK) == who(running) == {(200, "orders"): 20}
