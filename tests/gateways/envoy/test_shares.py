"""Where the share's route is put beside the routes of other rules, and which shares are refused."""

from dataclasses import replace

import pytest

from gatewayctl.domain.routing import SourceFile
from gatewayctl.gateways.envoy.product import PRODUCT
from tests.gateways.envoy.samples import ORDERS, a_rule, one, rds
from tests.gateways.samples import catch_refusal, insert

DIALECT = PRODUCT.dialect
FILES = one(rds(ORDERS))
ORDERS_10 = a_rule(share=10)
OTHER = a_rule(app="web", value="web", service="orders", canary="web-canary")


def listed(files):
    return [(view.name, view.share) for view in DIALECT.routes(files)]


def test_the_share_is_between_the_header_rule_and_stables_route():
    assert listed(insert(DIALECT, FILES, ORDERS_10)) == [
        ("gatewayctl-orders-canary", 0),
        ("gatewayctl-orders-canary-share", 10),
        ("", 0),
    ]


def test_a_header_rule_goes_above_the_share_of_another_rule_of_the_service():
    """I2: below it, a tenth of its marked requests would go to the other canary."""
    both = insert(DIALECT, insert(DIALECT, FILES, ORDERS_10), OTHER)

    assert listed(both) == [
        ("gatewayctl-orders-canary", 0),
        ("gatewayctl-web-canary", 0),
        ("gatewayctl-orders-canary-share", 10),
        ("", 0),
    ]
    assert DIALECT.remove(both, "web").apply(both) == insert(DIALECT, FILES, ORDERS_10)


def test_a_second_share_of_the_requests_of_one_route_is_refused():
    """Envoy draws one random number for each request: the lower share would get nothing."""
    refusal = catch_refusal(DIALECT, insert(DIALECT, FILES, ORDERS_10), replace(OTHER, share=5))

    assert refusal.line == 31
    assert "gatewayctl-orders-canary-share sends a share of the requests of this route to another canary" in str(
        refusal
    )


def test_a_share_of_another_application_with_a_path_below_is_no_obstacle():
    routes = "    - match: { prefix: /web }\n      route: { cluster: web }\n" + ORDERS

    both = insert(DIALECT, insert(DIALECT, one(rds(routes)), a_rule("web", share=50)), ORDERS_10)

    assert [share for _, share in listed(both)] == [0, 50, 0, 0, 10, 0]


def test_the_canary_of_a_share_is_no_stable_version_of_another_rule():
    files = insert(DIALECT, FILES, ORDERS_10)

    refusal = catch_refusal(DIALECT, files, a_rule("x", service="orders-canary", canary="x-canary"))

    assert "this route of orders-canary takes only a share of its requests" in str(refusal)


@pytest.mark.parametrize(
    ("fraction", "share"),
    [
        ("{ numerator: 25, denominator: HUNDRED }", 25),
        ("{ numerator: 250, denominator: TEN_THOUSAND }", 2),
        ("{ numerator: 500000, denominator: MILLION }", 50),
        ("{ numerator: 25 }", 25),
        ("{ numerator: many }", 0),
        ("{ numerator: 25, denominator: DOZEN }", 0),
    ],
)
def test_a_share_that_somebody_edited_is_listed_as_it_is(fraction, share):
    text = insert(DIALECT, FILES, ORDERS_10)[0].text
    edited = text.replace('{ numerator: 10, denominator: "HUNDRED" }', fraction)
    assert edited != text

    assert listed((SourceFile("rds.yaml", edited),))[1] == ("gatewayctl-orders-canary-share", share)


def test_a_match_with_settings_of_its_own_keeps_them_beside_the_share():
    header = "headers: [{ name: x-tier, string_match: { exact: gold } }]"
    routes = f"    - match: {{ prefix: /, {header} }}\n      route: {{ cluster: orders }}\n"

    text = insert(DIALECT, one(rds(routes)), ORDERS_10)[0].text

    fraction = 'runtime_fraction: { default_value: { numerator: 10, denominator: "HUNDRED" } }'
    assert f"match: {{ prefix: /, {header}, {fraction} }}" in text
