"""What is made of the actuator's answers; they are real ones, cut down."""

import json

import pytest

from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.platform import Replica, RuleProof, UpstreamProof
from gatewayctl.gateways.springcloud.activation import EVERY, SpringCloudActivation
from gatewayctl.gateways.springcloud.readback import ROUTES, SpringCloudReadback
from tests.gateways.springcloud.samples import ID, a_rule

REPLICA = Replica("gw-0", "127.0.0.1:1", "127.0.0.1:2")
PATHS = (
    "RouteDefinitionRouteLocator$$Lambda$1220/0x00007f54a95e24e8 && Paths: [/api/orders/**], match trailing slash: true"
)
STABLE = {"predicate": f"({PATHS})", "route_id": "orders", "filters": [], "uri": "http://orders:80", "order": 5}
CANARY = {
    "predicate": f"(({PATHS.replace('1220', '99')}) && Header: x-canary regexp=always)",
    "metadata": {"gatewayctl": "r-1"},
    "route_id": ID,
    "filters": [
        "[[StripPrefix parts = 1], order = 1]",
        "[[SetResponseHeader x-gatewayctl-release = 'r-1'], order = 2]",
    ],
    "uri": "http://orders-canary:80",
    "order": 5,
}


def live(*routes):
    return SpringCloudReadback(lambda replica, path: json.dumps(routes) if path == ROUTES else "?")


def test_the_rule_is_known_by_its_whole_content_whatever_the_process_calls_its_lambdas():
    assert live(CANARY, STABLE).rule_of(REPLICA, a_rule()) == RuleProof(asked=True, routes=1)


def test_every_route_of_the_rule_counts():
    def v2(route, name):
        return {**route, "route_id": name, "predicate": route["predicate"].replace("/api/", "/v2/")}

    routes = (CANARY, STABLE, v2(CANARY, f"{ID}-2"), v2(STABLE, "more"))

    assert live(*routes).rule_of(REPLICA, a_rule()).routes == 2


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"metadata": {"gatewayctl": "r-0"}}, "the stamp is r-0, not r-1"),
        ({"metadata": {}}, "the stamp is missing"),
        ({"metadata": None}, "the stamp is missing"),
        ({"filters": []}, "no filter of it writes the stamp"),
        ({"filters": None}, "no filter of it writes the stamp"),
        ({"predicate": CANARY["predicate"].replace("always", "beta")}, "does not ask for the header x-canary: always"),
        ({"predicate": STABLE["predicate"]}, "does not ask for the header"),
        ({"predicate": CANARY["predicate"].replace("/api", "/other")}, "no live route has its other conditions"),
        ({"uri": "http://orders:80"}, "its uri is http://orders:80, not http://orders-canary:80"),
        ({"uri": "http://orders-canary:81"}, "its uri is http://orders-canary:81"),
        ({"order": 4}, "its order is 4, that of orders is 5"),
    ],
)
def test_a_route_of_the_rules_name_with_other_content_is_mismatched(changes, detail):
    proof = live({**CANARY, **changes}, STABLE).rule_of(REPLICA, a_rule())

    assert (proof.routes, proof.mismatched) == (0, 1)
    assert detail in proof.detail


def test_a_canary_behind_its_stable_route_is_mismatched():
    proof = live(STABLE, CANARY).rule_of(REPLICA, a_rule())

    assert (proof.routes, proof.mismatched) == (0, 1)
    assert "the route orders is tried before it" in proof.detail


def test_a_registered_stable_route_needs_the_address_that_was_given():
    routes = ({**CANARY, "uri": "http://c:8080"}, {**STABLE, "uri": "lb://orders"})

    assert live(*routes).rule_of(REPLICA, a_rule(canary_host="c:8080")).routes == 1
    assert "cannot be judged" in live(*routes).rule_of(REPLICA, a_rule()).detail


def test_a_canary_that_registers_itself_is_known_by_the_uri_that_was_given():
    routes = ({**CANARY, "uri": "lb://orders-canary"}, {**STABLE, "uri": "lb://orders"})

    assert live(*routes).rule_of(REPLICA, a_rule(canary_uri="lb://orders-canary")).routes == 1
    assert "its uri is lb://orders-canary, not" in live(*routes).rule_of(REPLICA, a_rule(canary_uri="lb://b")).detail


def test_rules_of_other_applications_are_not_counted():
    other = {**CANARY, "route_id": "gatewayctl-web-canary"}

    assert live(other, STABLE).rule_of(REPLICA, a_rule()) == RuleProof(asked=True)


@pytest.mark.parametrize("answer", ["", "ok", "{}", "[1]", '["a"]', '[{"id": "a"}]', "[" * 100_000])
def test_a_backend_that_answers_for_the_actuator_is_not_believed(answer):
    with pytest.raises(EnvironmentFailed, match="gw-0 answers /actuator/gateway/routes with"):
        SpringCloudReadback(lambda replica, path: answer).rule_of(REPLICA, a_rule())


def test_what_the_product_cannot_tell_is_not_made_up():
    assert live().upstream_ready(REPLICA, "orders") == UpstreamProof(asked=False)
    assert live().in_flight(REPLICA, "orders") is None


def test_a_replica_is_refreshed_now_and_then_and_the_routes_actuator_never():
    posted, times = [], iter([0.0, 0.0, 0.1, 3.1, EVERY / 2, EVERY, EVERY, 4.0, 6.1, 6.1])
    activation = SpringCloudActivation(
        lambda replica, path: posted.append((replica.name, path)) or "", lambda: next(times)
    )
    other = Replica("gw-1", "", "")

    refusals = [activation.activate(one) for one in (REPLICA, other, REPLICA, REPLICA, other, other)]

    assert refusals == [""] * 6
    assert posted == [(name, "/actuator/refresh") for name in ("gw-0", "gw-1", "gw-0", "gw-1")]
    assert activation.leftovers(REPLICA) is None
