"""What is refused, where, why, and with which way out; and what the checker counts."""

import re

import pytest

from gatewayctl.domain.errors import Refused
from gatewayctl.gateways.httproute.checker import HttpRouteChecker
from gatewayctl.gateways.registry import gateway
from tests.gateways.httproute.samples import a_rule, httproute, one, to

DIALECT = gateway("httproute").dialect
CHECKER = HttpRouteChecker()
HEADER = "      headers: [{name: X-Canary, value: %s}]\n"
GRPC = (
    "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {name: rpc}\n"
    "spec: {rules: [{backendRefs: [{name: orders, port: 80}]}]}\n"
)
TWO = (
    "  - matches: [{path: {value: /a}}]\n    backendRefs: [{name: orders, namespace: a, port: 80}]\n"
    "  - matches: [{path: {value: /b}}]\n    backendRefs: [{name: orders, namespace: b, port: 80}]\n"
)


def refused(text, rule=None):
    with pytest.raises(Refused) as caught:
        DIALECT.insert(one(text), rule or a_rule())
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (httproute(to("orders"), api="networking.x-k8s.io/v1alpha1"), 1, "this version is gone"),
        (httproute(to("orders"), api="gateway.networking.k8s.io/v1alpha2"), 1, "this version is gone"),
        (GRPC, 1, "GRPCRoute rpc is not an HTTPRoute"),
        ("apiVersion: v1\nkind: Service\nmetadata: {name: orders}\n", 0, "holds no HTTPRoute of .*, only Service"),
        ("a: b\n", 0, "holds no HTTPRoute"),
        (httproute(to("web") + to("cart")), 0, "no rule sends to orders; Services with rules: cart, web"),
        (f"{httproute(to('web'))}---\n{GRPC}", 14, "only GRPCRoute rpc sends to orders"),
        (httproute(to("orders", more=HEADER % "beta")), 8, "already tests the header X-Canary"),
        (httproute(TWO), 11, "stands for Services of two namespaces"),
        (httproute("  - backendRefs: [{kind: Bucket, name: orders}]\n"), 8, "this backend is a Bucket"),
        (httproute("  - backendRefs: [{name: orders, port: 80, weight: 0}]\n"), 8, "has weight 0 here"),
        (httproute("  - backendRefs: [{name: orders, name: web}]\n"), 8, "the key name occurs twice"),
        (httproute("  - <<: *x\n"), 8, "not YAML"),
        (httproute("  - backendRefs: &x [{name: web}]\n  - <<: {backendRefs: *x}\n"), 9, "a merge key"),
        (httproute("  - backendRefs: [{name: '{{ .Values.app }}'}]\n"), 8, "left to a template"),
        (httproute("  - backendRefs: {{ .Values.refs }}\n"), 8, "template"),
        (httproute("  {{- range .Values.rules }}\n  - a: b\n  {{- end }}\n"), 9, "template"),
        (httproute("    name: orders\n"), 8, "a list of rules expected here"),
        (httproute(to("orders")) + "    backendRefs: []\n", 13, "occurs twice"),
    ],
)
def test_what_cannot_be_edited_is_refused_with_its_place_and_reason(text, line, reason):
    why = refused(text)

    assert line == why.line
    assert re.search(reason, str(why)), str(why)


@pytest.mark.parametrize(("order", "line"), [((0, 1), 13), ((1, 0), 8)])
def test_a_rule_with_the_same_header_on_the_same_path_is_refused_wherever_it_stands(order, line):
    rules = (to("orders"), to("other", more=HEADER % "always"))

    why = refused(httproute("".join(rules[place] for place in order)))

    assert (why.line, "another rule already takes requests with x-canary: always" in why.reason) == (line, True)
    assert "choose another header" in why.hint


def test_two_apps_of_one_split_cannot_share_a_header():
    split = "  - backendRefs: [{name: orders, port: 80}, {name: other, port: 81}]\n"
    files = one(httproute(split))
    after = DIALECT.insert(files, a_rule()).apply(files)

    assert "the rule gatewayctl-orders-canary already takes" in str(refused(after[0].text, a_rule("other")))


def test_a_canary_in_another_namespace_is_refused():
    why = refused(httproute(to("orders")), a_rule(service="orders.shop", canary="orders-canary.lab"))

    assert "in another namespace" in str(why)
    assert "orders-canary.shop" in why.hint


def full(rules):
    return httproute("".join(to("orders" if not index else "web", f"/{index}") for index in range(rules)))


def test_a_full_route_is_refused_and_a_second_one_is_named_as_the_way_out():
    why = refused(full(16))

    assert "has 17 rules, and the Gateway API takes 16 (it has 16, and the canary needs 1 more)" in str(why)
    assert "a second HTTPRoute with the same parentRefs and hostnames" in why.hint
    assert len(DIALECT.insert(one(full(15)), a_rule()).covered) == 1


def test_matches_headers_and_filters_are_counted_as_well():
    matches = "".join(f"    - path: {{value: /{number}}}\n" for number in range(64))
    headers = ", ".join(f"{{name: h{number}, value: a}}" for number in range(16))
    filters = ", ".join(["{type: ExtensionRef}"] * 16)

    many = f"  - matches:\n{matches}    backendRefs: [{{name: orders, port: 80}}]\n"
    assert "130 matches in all, and the Gateway API takes 128" in str(refused(httproute(many + to("web", "/w") * 2)))
    assert "has 17 headers" in str(refused(httproute(to("orders", more=f"      headers: [{headers}]\n"))))
    assert "has 17 filters" in str(refused(httproute(to("orders", more=f"    filters: [{filters}]\n"))))


def test_the_checker_counts_and_says_that_nobody_was_asked():
    good, bad = one(full(15)), one(full(17))

    assert (CHECKER.check(good, good).ok, CHECKER.check(good, good).checked) == (True, False)
    assert "no API server was asked" in CHECKER.check(good, good).detail
    assert not CHECKER.check(good, bad).ok
    assert CHECKER.check(bad, bad).ok
    assert not CHECKER.check(good, one("a: b\n")).ok


def test_a_rule_name_that_occurs_twice_is_not_within_the_limits():
    twice = one(httproute(to("orders", "/a", name="x") + to("web", "/b", name="x")))

    assert "the rule name x occurs twice" in CHECKER.check(one(full(1)), twice).detail
