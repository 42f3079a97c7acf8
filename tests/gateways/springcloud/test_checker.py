"""A real Spring Cloud Gateway checks files before they are published."""

import pytest

from gatewayctl.gateways.registry import gateway
from gatewayctl.gateways.springcloud.checker import PROGRAM, SpringCloudChecker
from tests.gateways.springcloud.product import VERSIONS, gateway_jar
from tests.gateways.springcloud.samples import ORDERS, WEB, a_rule, listed, one

DIALECT = gateway("spring-cloud-gateway").dialect
PLACEHOLDERS = "  metadata: {a: '${SOMEWHERE}', b: '${test.x}'}\n"


@pytest.fixture(params=[pytest.param(one, marks=[] if one == "5.0" else [pytest.mark.all]) for one in VERSIONS])
def checker(request):
    return SpringCloudChecker(str(gateway_jar(request.param)))


def with_rule(text):
    before = one(text)
    return before, DIALECT.insert(before, a_rule()).apply(before)


@pytest.mark.shows("spring-cloud-gateway", "own check")
@pytest.mark.jvm
def test_an_edit_is_bound_by_the_real_product(checker):
    result = checker.check(*with_rule("test.x: 1\n" + listed(WEB, ORDERS + PLACEHOLDERS)))

    assert (result.ok, result.checked, result.detail) == (True, True, "")


@pytest.mark.shows("spring-cloud-gateway", "own check")
@pytest.mark.jvm
def test_a_route_that_the_product_does_not_bind_is_refused_with_its_reason(checker):
    before, after = with_rule(listed(WEB, ORDERS))

    result = checker.check(before, one(after[0].text.replace("SetResponseHeader", "SetResponseHeadr")))

    assert (result.ok, result.checked) == (False, True)
    assert "SetResponseHeadr" in result.detail


@pytest.mark.jvm
def test_unknown_filters_are_not_the_fault_of_the_edit(checker):
    result = checker.check(*with_rule(listed(ORDERS + "  filters: [OurOwn=1]\n")))

    assert (result.ok, result.checked) == (True, False)
    assert "with or without the rule" in result.detail
    assert "OurOwn" in result.detail


def test_without_a_jar_nothing_is_checked(monkeypatch):
    monkeypatch.delenv(PROGRAM, raising=False)

    result = SpringCloudChecker().check(*with_rule(listed(ORDERS)))

    assert (result.ok, result.checked) == (True, False)
    assert result.detail.startswith("not checked: ")
