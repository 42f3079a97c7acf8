"""Shares on real gateways of both versions: how many unmarked requests the canary gets, and on and off under load."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from gatewayctl.gateways.registry import gateway
from gatewayctl.gateways.springcloud.readback import SpringCloudReadback
from tests.gateways.many_requests import fits
from tests.gateways.samples import a_rule
from tests.gateways.springcloud.product import VERSIONS
from tests.gateways.springcloud.running import Load, ask, get, running_gateways, until

pytestmark = pytest.mark.jvm

DIALECT = gateway("spring-cloud-gateway").dialect
READBACK = SpringCloudReadback(get)
MARK = ("x-canary", "always")
PATH = "/api/orders/1"
STABLE, CANARY = (200, "stable", ""), (200, "canary", "r-1")
REQUESTS, AT_ONCE = 2_500, 24  # to each of two replicas


@pytest.fixture(scope="module", params=VERSIONS)
def shop(request, tmp_path_factory):
    with running_gateways(tmp_path_factory.mktemp("spring"), request.param) as running:
        yield running


def publish(shop, share):
    """Write the rule with this share, and return once every replica is proven to have exactly it."""
    host = f"{shop.canary.host}:{shop.canary.port}"
    service = {"service": shop.stable.host, "canary": f"{shop.stable.host}-canary"}
    rule = a_rule(canary_host=host, share=share, **service)
    files = shop.publish(shop.first())
    shop.publish(DIALECT.insert(files, rule).apply(files)[0].text)
    wanted = (1, 1 if share else 0, 0)

    def is_live():
        shop.refresh()
        proofs = [READBACK.rule_of(replica, rule) for replica in shop.replicas]
        return all((one.routes, one.shares, one.mismatched) == wanted for one in proofs)

    until(is_live, f"a share of {share} % to be live")


def count(replica, number, *headers):
    """Who answered `number` requests."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return Counter(pool.map(lambda _: ask(replica, PATH, *headers), range(number)))


@pytest.mark.shows("spring-cloud-gateway", "share")
@pytest.mark.parametrize("share", [1, 10, 50, 100])
def test_the_canary_gets_the_share_on_each_replica_and_every_marked_request(shop, share, record_property):
    publish(shop, share)

    seen = [count(replica, REQUESTS) for replica in shop.replicas]
    marked = [count(replica, 100, MARK) for replica in shop.replicas]

    for one in (*seen, seen[0] + seen[1]):
        assert set(one) <= {STABLE, CANARY}
        record_property("of the canary", f"{one[CANARY]} of {one.total()}")
        assert fits(share / 100, one[CANARY], one.total()), one
    assert marked == [{CANARY: 100}, {CANARY: 100}]


@pytest.mark.shows("spring-cloud-gateway", "share under load")
def test_a_share_goes_on_and_off_by_refreshes_under_load_and_no_request_fails(shop):
    publish(shop, 0)
    with Load(shop.replicas, PATH) as load, Load(shop.replicas, PATH, MARK) as marked:
        for share in (1, 50, 0, 100, 0, 10, 100, 50, 10, 0):
            publish(shop, share)
            enough = load.count + 10, marked.count + 10
            until(
                lambda enough=enough: load.count >= enough[0] and marked.count >= enough[1], "requests after the edit"
            )
            if not share:
                assert [count(replica, 50) for replica in shop.replicas] == [{STABLE: 50}, {STABLE: 50}]

    assert load.failed == marked.failed == []
    assert (load.bodies, marked.bodies) == ({"stable", "canary"}, {"canary"})
