"""Routes in one text, `id=uri,predicate,...`, as Spring reads them: the canary's is written out above them."""

import pytest

from gatewayctl.domain.errors import Refused
from gatewayctl.gateways.registry import gateway
from gatewayctl.gateways.springcloud.checker import SpringCloudChecker
from tests.gateways.springcloud.product import VERSIONS, gateway_jar
from tests.gateways.springcloud.samples import WEB, a_rule, listed, one

DIALECT = gateway("spring-cloud-gateway").dialect
TEXT = "- orders=http://orders:8080, Path=/api/orders/**, Method=GET  # short\n"
RULE = """\
- id: "gatewayctl-orders-canary"
  uri: "http://orders-canary:8080"
  predicates:
  - "Path=/api/orders/**"
  - "Method=GET"
  - "Header=x-canary, always"
  filters:
  - "SetResponseHeader=x-gatewayctl-release, r-1"
  metadata:
    gatewayctl: "r-1"
"""


def test_the_rule_is_written_out_above_the_text():
    before = one(listed(WEB, TEXT))

    after = DIALECT.insert(before, a_rule()).apply(before)

    assert after == one(listed(WEB, RULE, TEXT))
    assert DIALECT.insert(after, a_rule()).stages == ()
    assert DIALECT.remove(after, "orders").apply(after) == before


def test_in_brackets_it_goes_into_the_brackets():
    before = one('spring.cloud.gateway.routes: ["web=http://web,Path=/**", "orders=http://orders,Path=/orders/**"]\n')

    after = DIALECT.insert(before, a_rule()).apply(before)

    assert after[0].text.count("\n") == 1
    assert after[0].text.index("gatewayctl-orders-canary") < after[0].text.index("orders=http://orders,")
    assert DIALECT.remove(after, "orders").apply(after) == before


def test_it_is_listed_with_its_predicates():
    (view,) = DIALECT.routes(one(listed(TEXT)))

    assert (view.line, view.name, view.target, view.match) == (2, "orders", "orders", "Path=/api/orders/** Method=GET")


@pytest.mark.parametrize("text", ["- orders\n", "- orders=\n", "- =http://orders:8080\n"])
def test_what_spring_would_not_read_is_refused(text):
    with pytest.raises(Refused, match=r"application\.yml:2: a route expected here, found the value"):
        DIALECT.insert(one(listed(text)), a_rule())


@pytest.mark.jvm
@pytest.mark.parametrize("version", VERSIONS)
def test_a_real_gateway_binds_the_text_and_the_rule(version):
    before = one(listed(WEB, TEXT))

    result = SpringCloudChecker(str(gateway_jar(version))).check(before, DIALECT.insert(before, a_rule()).apply(before))

    assert (result.ok, result.checked) == (True, True), result.detail
