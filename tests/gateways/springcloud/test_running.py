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
from tests.gateways.springcloud.running import Load, ask, get, post, running_gateways, until

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
def shop(request, tmp_path_factory):
    with running_gateways(tmp_path_factory.mktemp("spring"), request.param) as running:
        yield running


@pytest.fixture(autouse=True)
def _start_without_rule(shop):
    shop.publish(shop.first())
    shop.refresh()
    until(lambda: all(proof.routes + proof.mismatched == 0 for proof in proofs(shop)), "the rule to be gone")


def rule(shop, stamp="r-1"):
    host = f"{shop.canary.host}:{shop.canary.port}"
    return CanaryRule("orders", shop.stable.host, f"{shop.stable.host}-canary", Header(*MARK), stamp, host)


def proofs(shop, stamp="r-1"):
    return [LIVE.rule_of(replica, rule(shop, stamp)) for replica in shop.replicas]


def publish_rule(shop, text=None, stamp="r-1"):
    """The rule in a file, on every replica; seconds from write to live on the last one."""
    before = shop.publish(text or shop.first())
    change = DIALECT.insert(before, rule(shop, stamp))
    start = time.monotonic()
    shop.publish(change.apply(before)[0].text)
    activation = SpringCloudActivation(post, time.monotonic)

    def live():
        refusals = [activation.activate(replica) for replica in shop.replicas]
        return not any(refusals) and all(proof.routes == len(change.covered) for proof in proofs(shop, stamp))

    until(live, "the rule to be live")
    return time.monotonic() - start


def test_marked_requests_reach_the_canary_on_every_replica_and_are_stamped(shop, record_property):
    record_property("write to live", publish_rule(shop))

    for replica in shop.replicas:
        assert ask(replica, "/api/orders/1", MARK) == (200, "canary", "r-1")
        assert ask(replica, "/api/orders/1") == (200, "stable", "")


@pytest.mark.shows("spring-cloud-gateway", "odd requests")
@pytest.mark.parametrize("case", ODD)
def test_odd_requests_are_answered_as_the_limits_say(shop, case):
    publish_rule(shop)

    for replica in shop.replicas:
        _, body, _ = ask(replica, "/api/orders/1", *ODD[case])
        assert Attribution[body.upper()] in DIALECT.limits.allowed(case)


def test_a_header_is_split_at_commas_which_is_why_the_limits_allow_it(shop):
    publish_rule(shop)

    bodies = {
        ask(shop.replicas[0], "/api/orders/1", *ODD[case])[1] for case in (LeakCase.SENT_TWICE, LeakCase.COMMA_LIST)
    }

    assert bodies == {"canary"}


@pytest.mark.shows("spring-cloud-gateway", "precedence")
def test_the_canary_wins_with_stables_own_order_and_loses_where_stable_would_lose(shop):
    text = (
        NEW
        + shop.route("wide", "/api/**", "order: 3")
        + shop.route("orders", "/api/orders/**", "order: -2")
        + shop.route("last", "/v2/**", "order: 7")
    )
    publish_rule(shop, text)

    for replica in shop.replicas:
        assert ask(replica, "/api/orders/1", MARK)[1] == "canary"
        assert ask(replica, "/v2/x", MARK)[1] == "canary"
    ids = [one["route_id"] for one in json.loads(get(shop.replicas[0], "/actuator/gateway/routes"))]
    assert [one for one in ids if not one.startswith("gatewayctl-")] == ["orders", "wide", "last"]


@pytest.mark.shows("spring-cloud-gateway", "precedence")
def test_an_earlier_wider_route_keeps_what_it_had(shop):
    text = NEW + shop.route("wide", "/**", "order: -5").replace(shop.stable.host, f"{shop.canary.host}")
    text += shop.route("orders", "/api/orders/**")
    publish_rule(shop, text)

    # The wide route answers from the canary's address, without a stamp: stable never had these requests.
    assert ask(shop.replicas[0], "/api/orders/1", MARK) == (200, "canary", "")


@pytest.mark.shows("spring-cloud-gateway", "edits under load")
def test_twenty_refreshes_under_load_fail_no_request(shop, record_property):
    slowest = 0.0
    with Load(shop.replicas, "/api/orders/1") as load:
        for turn in range(10):
            slowest = max(slowest, publish_rule(shop, stamp=f"r-{turn}"))
            shop.publish(shop.first())
            shop.refresh()
            until(lambda: not any(proof.routes + proof.mismatched for proof in proofs(shop)), "the rule to be gone")
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
def test_a_bad_file_keeps_the_old_routes_and_is_never_taken_for_live(shop, fault):
    publish_rule(shop)
    bad = DIALECT.insert(shop.publish(shop.first()), rule(shop, "r-2")).apply(shop.publish(shop.first()))[0].text

    shop.publish(bad + fault)
    shop.refresh()

    for proof, replica in zip(proofs(shop, "r-2"), shop.replicas, strict=True):
        assert (proof.routes, proof.mismatched) == (0, 1)
        assert "the stamp is r-1, not r-2" in proof.detail
        assert ask(replica, "/api/orders/1", MARK) == (200, "canary", "r-1")
        assert ask(replica, "/api/orders/1") == (200, "stable", "")


def test_routes_under_the_prefix_of_before_are_never_taken_for_live(shop):
    before = shop.publish(shop.first().replace("server.webflux.", ""))
    change = DIALECT.insert(before, rule(shop))
    shop.publish(change.apply(before)[0].text)

    shop.refresh()

    assert [(proof.routes, proof.mismatched) for proof in proofs(shop)] == [(0, 0), (0, 0)]
    assert any("4.3 reads it when it starts and never again, 5.0 not at all" in note for note in change.notes)


@pytest.mark.shows("spring-cloud-gateway", "canary gone")
def test_a_canary_that_is_gone_harms_marked_requests_only_and_a_refresh_still_works(shop):
    text = shop.first()
    gone = CanaryRule("orders", shop.stable.host, "x", Header(*MARK), "r-1", f"{shop.canary.host}:1")
    before = shop.publish(text)
    shop.publish(DIALECT.insert(before, gone).apply(before)[0].text)
    shop.refresh()

    for replica in shop.replicas:
        until(lambda r=replica: LIVE.rule_of(r, gone).routes == 1, "the rule to be live")
        assert ask(replica, "/api/orders/1", MARK)[0] == 500
        assert ask(replica, "/api/orders/1") == (200, "stable", "")


def test_a_route_that_is_tried_before_the_canary_is_seen(shop):
    text = DIALECT.insert(shop.publish(shop.first()), rule(shop)).apply(shop.publish(shop.first()))[0].text
    shop.publish(text + shop.route("early", "/api/orders/**", "order: -1"))

    shop.refresh()

    for proof in proofs(shop):
        assert (proof.routes, proof.mismatched) == (0, 1)
        assert "the route early is tried before it" in proof.detail


def test_removal_gives_every_request_back_to_stable(shop):
    publish_rule(shop)

    shop.publish(shop.first())
    shop.refresh()

    until(lambda: not any(proof.routes + proof.mismatched for proof in proofs(shop)), "the rule to be gone")
    for replica in shop.replicas:
        assert ask(replica, "/api/orders/1", MARK) == (200, "stable", "")
