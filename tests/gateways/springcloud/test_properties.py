"""Routes in `.properties`: a rule gives later routes other numbers, and taking it away gives them back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule, Files, Header, SourceFile
from gatewayctl.gateways.registry import gateway
from gatewayctl.gateways.springcloud.checker import SpringCloudChecker
from gatewayctl.gateways.springcloud.java_properties import escape, lines_of, read_properties
from tests.gateways.springcloud.product import VERSIONS, gateway_jar

DIALECT = gateway("spring-cloud-gateway").dialect
RULE = CanaryRule("orders", "orders", "orders-canary", Header("x-canary", "always"), "r-1")
P = "spring.cloud.gateway.server.webflux.routes"
FILE = f"""\
server.port=8000
shop.orders=http://orders:8080

# Web first.
{P}[0].id=web
{P}[0].uri=http://web:80
{P}[0].predicates[0]=Path=/web/**
! orders (team checkout)
{P}[1].id=orders
{P}[1].uri = ${{shop.orders}}
{P}[1].predicates[0]=Path=/api/orders/**,\\
    /orders/**
{P}[1].predicates[1].name=Method
{P}[1].predicates[1].args.methods=GET,POST
{P}[1].filters[0]=RewritePath=/api/(?<rest>.*), /$\\\\{{rest}}
{P}[1].order=2
{P}[1].metadata.connect-timeout=200
{P}[2].id=payments
{P}[2].uri=http://payments:8080
{P}[2].predicates[0]=Path=/api/payments/**
management.server.port=9901"""


def one(text: str, name: str = "application.properties") -> Files:
    return (SourceFile(name, text),)


def insert(files: Files, rule: CanaryRule = RULE) -> str:
    return DIALECT.insert(files, rule).apply(files)[0].text


def test_the_rule_stands_above_stables_route_and_later_routes_count_on():
    after = insert(one(FILE))

    lines = after.splitlines()
    at = lines.index("! orders (team checkout)")
    assert lines[:7] == FILE.splitlines()[:7]
    assert lines[7:at] == [
        f"{P}[1].id=gatewayctl-orders-canary",
        f"{P}[1].uri=http://orders-canary:8080",
        f"{P}[1].predicates[0]=Path=/api/orders/**,/orders/**",
        f"{P}[1].predicates[1].name=Method",
        f"{P}[1].predicates[1].args.methods=GET,POST",
        f"{P}[1].predicates[2]=Header=x-canary, always",
        f"{P}[1].filters[0]=RewritePath=/api/(?<rest>.*), /$\\\\{{rest}}",
        f"{P}[1].filters[1]=SetResponseHeader=x-gatewayctl-release, r-1",
        f"{P}[1].order=2",
        f"{P}[1].metadata.connect-timeout=200",
        f"{P}[1].metadata.gatewayctl=r-1",
    ]
    moved = FILE.replace("[2].", "[3].").replace("routes[1].", "routes[2].").splitlines()
    assert lines[at:] == moved[7:]


@pytest.mark.parametrize("change", [str, lambda text: text.replace("\n", "\r\n"), lambda text: f"{text}\n\n"])
def test_what_is_inserted_is_removed_byte_for_byte_and_inserted_once(change):
    before = one(change(FILE))

    after = DIALECT.insert(before, RULE).apply(before)

    assert DIALECT.insert(after, RULE).stages == ()
    assert DIALECT.remove(after, "orders").apply(after) == before
    assert after[0].text.count("\r\n") in (0, len(after[0].text.splitlines()) - 1)


def test_another_rule_of_the_same_owner_takes_its_place():
    first = one(insert(one(FILE)))

    again = one(insert(first, CanaryRule("orders", "orders", "orders-canary", Header("x-canary", "qa"), "r-2")))

    assert again[0].text.count("gatewayctl-orders-canary") == 1
    assert "Header=x-canary, qa" in again[0].text
    assert DIALECT.remove(again, "orders").apply(again) == one(FILE)


def test_two_applications_have_their_rules_beside_each_other_and_go_in_any_order():
    other = CanaryRule("payments", "payments", "payments-canary", Header("x-canary", "always"), "r-9")
    both = one(insert(one(insert(one(FILE))), other))

    first_out = DIALECT.remove(both, "orders").apply(both)

    assert [view.name for view in DIALECT.routes(both)] == [
        "web",
        "gatewayctl-orders-canary",
        "orders",
        "gatewayctl-payments-canary",
        "payments",
    ]
    assert first_out == one(insert(one(FILE), other))
    assert DIALECT.remove(first_out, "payments").apply(first_out) == one(FILE)


def test_routes_are_listed_with_the_lines_in_which_they_begin():
    assert [(view.line, view.name, view.target) for view in DIALECT.routes(one(FILE))] == [
        (5, "web", "web"),
        (9, "orders", "orders"),
        (18, "payments", "payments"),
    ]


def test_ten_routes_become_eleven_and_ten_again():
    text = "".join(
        f"{P}[{number}].id=r{number}\n{P}[{number}].uri=http://s{number}\n{P}[{number}].predicates[0]=Path=/{number}\n"
        for number in range(10)
    )
    after = insert(one(text), CanaryRule("s0", "s0", "s0-canary", Header("x-canary", "always"), "r-1"))

    assert f"{P}[10].id=r9\n" in after
    assert DIALECT.remove(one(after), "s0").apply(one(after)) == one(text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (FILE.replace("[2].", "[3]."), ":18: there is no route 2 before this one"),
        (FILE.replace("predicates[1]", "predicates[2]"), ":9: a list of this route has a gap"),
        (FILE.replace("[1].order=2", "[1].id=other"), ":16: spring.cloud.gateway.server.webflux.routes[1].id is set"),
        (FILE.replace(f"{P}[2].id", "spring.cloud.gateway.routes[2].id"), ":18: routes under two prefixes in one file"),
        (FILE.replace(f"{P}[2].id", "spring.cloud.gateway.server.webflux.rou\\\n  tes[2].id"), ":18: the key of this"),
        (FILE.replace(f"{P}[1].id=orders\n", ""), ":9: this route has no id"),
        (FILE.replace("http://orders:8080", "lb://orders"), ":9: the canary's address cannot be derived"),
        ("server.port=80\n", "application.properties: holds no routes of Spring Cloud Gateway"),
    ],
)
def test_what_cannot_be_edited_safely_is_refused_with_its_line(text, fault):
    with pytest.raises(Refused) as caught:
        DIALECT.insert(one(text), RULE)

    assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a=b", [("a", "=", "b")]),
        ("  a : b c ", [("a", " : ", "b c ")]),
        ("a b=c", [("a", " ", "b=c")]),
        ("a\\=b = c", [("a=b", " = ", "c")]),
        ("a=1\\\n   2\\\\\nb=3", [("a", "=", "12\\"), ("b", "=", "3")]),
        ("# a=b\n!c=d\n\n \t\ne", [("e", "", "")]),
        ("a=\\u00e9\\t|", [("a", "=", "é\t|")]),
        ("a=1\\", [("a", "=", "1")]),
    ],
)
def test_lines_are_read_by_javas_rules(text, found):
    assert [(entry.key, entry.separator, entry.value) for entry in read_properties(lines_of(text))] == found


@given(st.text(st.characters(blacklist_categories=["Cs"]), max_size=30))
def test_a_value_that_was_written_is_read_as_it_was(value):
    (entry,) = read_properties(lines_of(f"key={escape(value)}\n"))

    assert entry.value == value


@pytest.mark.jvm
@pytest.mark.parametrize("version", VERSIONS)
def test_a_real_gateway_binds_the_routes_with_the_rule_in(version):
    before = one(FILE)

    result = SpringCloudChecker(str(gateway_jar(version))).check(before, one(insert(before)))

    assert (result.ok, result.checked) == (True, True), result.detail
