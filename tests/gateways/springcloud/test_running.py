"""Real gateways of both versions: what is live after a refresh, who is answered by the canary, and what goes wrong."""

import json
import time

import pytest

from gatewayctl.domain.evidence import Attribution, LeakCase
from gatewayctl.domain.routing import CanaryRule, Header
from gatewayctl.gateways.registry import gateway
from gatewayctl.gateways.springcloud.activation import SpringCloudActivation
from gatewayctl.gateways.springcloud.readback import SpringCloudReadback
from tests.gateways.springcloud.product import VERSIONS
from tests.gateways.springcloud.running import Load, asked, gateways, get, post, until

pytestmark = pytest.mark.jvm

DIALECT = gateway("spring-cloud-gateway").dialect
LIVE = SpringCloudReadback(get)
MARK = ("x-canary", "always")
NEW = "spring.cloud.gateway.server.webflux.routes:\n"
ODD = {
    LeakCase.NO_HEADER: (),
    LeakCase.WRONG_VALUE: (("x-canary", "other"),),
    LeakCase.EMPTY_VALUE: (("x-canary", ""),),
    LeakCase.OTHER_CASE: (("x-canary", "ALWAYS"),),
    LeakCase.SENT_TWICE: (("x-canary", "other"), MARK),
    LeakCase.COMMA_LIST: (("x-canary", "other, always"),),
}


@pytest.fixture(scope="module", params=VERSIONS)
def town(request, tmp_path_factory):
    with gateways(tmp_path_factory.mktemp("spring"), request.param) as made:
        yield made


@pytest.fixture(autouse=True)
def _as_at_first(town):
    town.publish(town.first())
    town.refresh()
    until(lambda: all(proof.routes + proof.mismatched == 0 for proof in proofs(town)), "the rule to be gone")


def rule(town, stamp="r-1"):
    host = f"{town.canary.host}:{town.canary.port}"
    return CanaryRule("orders", town.stable.host, f"{town.stable.host}-canary", Header(*MARK), stamp, host)


def proofs(town, stamp="r-1"):
    return [LIVE.rule_of(replica, rule(town, stamp)) for replica in town.replicas]


def routed(town, text=None, stamp="r-1"):
    """The rule in a file, on every replica; seconds from write to live on the last one."""
    before = town.publish(text or town.first())
    change = DIALECT.insert(before, rule(town, stamp))
    start = time.monotonic()
    town.publish(change.apply(before)[0].text)
    activation = SpringCloudActivation(post, time.monotonic)

    def live():
        told = [activation.activate(replica) for replica in town.replicas]
        return not any(told) and all(proof.routes == len(change.covered) for proof in proofs(town, stamp))

    until(live, "the rule to be live")
    return time.monotonic() - start


def test_marked_requests_reach_the_canary_on_every_replica_and_are_stamped(town, record_property):
    record_property("write to live", routed(town))

    for replica in town.replicas:
        assert asked(replica, "/api/orders/1", MARK) == (200, "canary", "r-1")
        assert asked(replica, "/api/orders/1") == (200, "stable", "")


@pytest.mark.shows("spring-cloud-gateway", "odd requests")
@pytest.mark.parametrize("case", ODD)
def test_odd_requests_are_answered_as_the_limits_say(town, case):
    routed(town)

    for replica in town.replicas:
        _, body, _ = asked(replica, "/api/orders/1", *ODD[case])
        assert Attribution[body.upper()] in DIALECT.limits.allowed(case)


def test_a_header_is_split_at_commas_which_is_why_the_limits_allow_it(town):
    routed(town)

    bodies = {
        asked(town.replicas[0], "/api/orders/1", *ODD[case])[1] for case in (LeakCase.SENT_TWICE, LeakCase.COMMA_LIST)
    }

    assert bodies == {"canary"}


@pytest.mark.shows("spring-cloud-gateway", "precedence")
def test_the_canary_wins_with_stables_own_order_and_loses_where_stable_would_lose(town):
    text = (
        NEW
        + town.route("wide", "/api/**", "order: 3")
        + town.route("orders", "/api/orders/**", "order: -2")
        + town.route("last", "/v2/**", "order: 7")
    )
    routed(town, text)

    for replica in town.replicas:
        assert asked(replica, "/api/orders/1", MARK)[1] == "canary"
        assert asked(replica, "/v2/x", MARK)[1] == "canary"
    ids = [one["route_id"] for one in json.loads(get(town.replicas[0], "/actuator/gateway/routes"))]
    assert [one for one in ids if not one.startswith("gatewayctl-")] == ["orders", "wide", "last"]


@pytest.mark.shows("spring-cloud-gateway", "precedence")
def test_an_earlier_wider_route_keeps_what_it_had(town):
    text = NEW + town.route("wide", "/**", "order: -5").replace(town.stable.host, f"{town.canary.host}")
    text += town.route("orders", "/api/orders/**")
    routed(town, text)

    # The wide route answers from the canary's address, without a stamp: stable never had these requests.
    assert asked(town.replicas[0], "/api/orders/1", MARK) == (200, "canary", "")


@pytest.mark.shows("spring-cloud-gateway", "edits under load")
def test_twenty_refreshes_under_load_fail_no_request(town, record_property):
    slowest = 0.0
    with Load(town.replicas, "/api/orders/1") as load:
        for turn in range(10):
            slowest = max(slowest, routed(town, stamp=f"r-{turn}"))
            town.publish(town.first())
            town.refresh()
            until(lambda: not any(proof.routes + proof.mismatched for proof in proofs(town)), "the rule to be gone")
            enough = load.count + 10
            until(lambda enough=enough: load.count >= enough, "requests after the edits")

    assert load.failed == []
    record_property("slowest write to live", slowest)


@pytest.mark.parametrize(
    "fault",
    [
        "  - Nonsense=1\n",
        "  - Header=x, [\n",
        "  bad: [\n",
    ],
)
def test_a_bad_file_keeps_the_old_routes_and_is_never_taken_for_live(town, fault):
    routed(town)
    bad = DIALECT.insert(town.publish(town.first()), rule(town, "r-2")).apply(town.publish(town.first()))[0].text

    town.publish(bad + fault)
    town.refresh()

    for proof, replica in zip(proofs(town, "r-2"), town.replicas, strict=True):
        assert (proof.routes, proof.mismatched) == (0, 1)
        assert "the stamp is r-1, not r-2" in proof.detail
        assert asked(replica, "/api/orders/1", MARK) == (200, "canary", "r-1")
        assert asked(replica, "/api/orders/1") == (200, "stable", "")


def test_routes_under_the_prefix_of_before_are_never_taken_for_live(town):
    before = town.publish(town.first().replace("server.webflux.", ""))
    change = DIALECT.insert(before, rule(town))
    town.publish(change.apply(before)[0].text)

    town.refresh()

    assert [(proof.routes, proof.mismatched) for proof in proofs(town)] == [(0, 0), (0, 0)]
    assert any("4.3 reads it when it starts and never again, 5.0 not at all" in note for note in change.notes)


@pytest.mark.shows("spring-cloud-gateway", "canary gone")
def test_a_canary_that_is_gone_harms_marked_requests_only_and_a_refresh_still_works(town):
    text = town.first()
    gone = CanaryRule("orders", town.stable.host, "x", Header(*MARK), "r-1", f"{town.canary.host}:1")
    before = town.publish(text)
    town.publish(DIALECT.insert(before, gone).apply(before)[0].text)
    town.refresh()

    for replica in town.replicas:
        until(lambda r=replica: LIVE.rule_of(r, gone).routes == 1, "the rule to be live")
        assert asked(replica, "/api/orders/1", MARK)[0] == 500
        assert asked(replica, "/api/orders/1") == (200, "stable", "")


def test_a_route_that_is_tried_before_the_canary_is_seen(town):
    text = DIALECT.insert(town.publish(town.first()), rule(town)).apply(town.publish(town.first()))[0].text
    town.publish(text + town.route("early", "/api/orders/**", "order: -1"))

    town.refresh()

    for proof in proofs(town):
        assert (proof.routes, proof.mismatched) == (0, 1)
        assert "the route early is tried before it" in proof.detail


def test_removal_gives_every_request_back_to_stable(town):
    routed(town)

    town.publish(town.first())
    town.refresh()

    until(lambda: not any(proof.routes + proof.mismatched for proof in proofs(town)), "the rule to be gone")
    for replica in town.replicas:
        assert asked(replica, "/api/orders/1", MARK) == (200, "stable", "")
