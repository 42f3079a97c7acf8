"""The real product's own opinion of files, asked before they are published."""

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
    said = checker.check(*with_rule("test.x: 1\n" + listed(WEB, ORDERS + PLACEHOLDERS)))

    assert (said.ok, said.checked, said.detail) == (True, True, "")


@pytest.mark.shows("spring-cloud-gateway", "own check")
@pytest.mark.jvm
def test_a_route_that_the_product_does_not_bind_is_refused_with_its_words(checker):
    before, after = with_rule(listed(WEB, ORDERS))

    said = checker.check(before, one(after[0].text.replace("SetResponseHeader", "SetResponseHeadr")))

    assert (said.ok, said.checked) == (False, True)
    assert "SetResponseHeadr" in said.detail


@pytest.mark.jvm
def test_filters_of_ones_own_are_no_fault_of_the_edit(checker):
    said = checker.check(*with_rule(listed(ORDERS + "  filters: [OurOwn=1]\n")))

    assert (said.ok, said.checked) == (True, False)
    assert "with or without the rule" in said.detail
    assert "OurOwn" in said.detail


def test_without_a_program_nothing_is_claimed(monkeypatch):
    monkeypatch.delenv(PROGRAM, raising=False)

    said = SpringCloudChecker().check(*with_rule(listed(ORDERS)))

    assert (said.ok, said.checked) == (True, False)
    assert said.detail.startswith("not checked: ")
