"""Envoy's own statistics: on a real Envoy they count what its upstreams really got; and what is no evidence is none."""

import json
import math
from itertools import pairwise

import pytest

from gatewayctl.domain.platform import Replica
from gatewayctl.domain.routing import SourceFile
from gatewayctl.domain.signals import Counters, Version
from gatewayctl.gateways.envoy.product import PRODUCT
from gatewayctl.gateways.envoy.statistics import EDGES, read_statistics
from tests.gateways.envoy.running import NET, publish_stages, running_envoy, static_cluster
from tests.gateways.envoy.samples import ORDERS, a_rule, rds
from tests.gateways.loopback import free_port, until
from tests.gateways.many_requests import CountingUpstream, count_answers

DIALECT = PRODUCT.dialect
REPLICA = Replica("gw-0", "", "")
RULE = a_rule()
SHARED = a_rule(share=50)
RETRYING = (
    "    - match: { prefix: /retried }\n      route:\n        cluster: orders\n"
    '        retry_policy: { retry_on: "5xx", num_retries: 1, retry_back_off: { base_interval: 0.001s } }\n'
)
MARK = "x-canary: always"


@pytest.fixture
def versions():
    port = free_port(f"{NET}.1")
    both = CountingUpstream("stable", f"{NET}.1", port), CountingUpstream("canary", f"{NET}.2", port)
    yield both
    for one in both:
        one.stop()


def routes_and_stable(stable):
    return SourceFile("rds.yaml", rds(RETRYING + ORDERS)), static_cluster("orders", stable.host, stable.port)


@pytest.fixture
def running(tmp_path, versions):
    """An Envoy that sends half of the unmarked requests to the canary."""
    stable, canary = versions
    files = routes_and_stable(stable)
    with running_envoy(tmp_path, files) as envoy:
        rule = a_rule(canary_host=canary.host, share=50)
        publish_stages(envoy, files, DIALECT.insert(files, rule), rule.canary)
        live = PRODUCT.readback(envoy.admin)
        until(lambda: live.rule_of(envoy.replica, rule).shares == 2, "the share")
        stable.requests = 0  # the ones that asked whether Envoy was ready
        yield envoy


def read(envoy, rule=RULE):
    return read_statistics(envoy.admin, envoy.replica, rule)


def ask(envoy, number, *headers, path="/"):
    return count_answers(f"{envoy.host}:{envoy.port}", number, *headers, path=path)


@pytest.mark.sandbox
def test_requests_errors_and_durations_of_each_version_are_those_it_had(running, versions):
    stable, canary = versions
    canary.status = lambda number: 503 if number % 10 == 0 else 200
    before = read(running)

    seen = ask(running, 1000)

    after = read(running)
    assert after[Version.STABLE].requests - before[Version.STABLE].requests == stable.requests
    assert after[Version.STABLE].errors == 0
    assert after[Version.CANARY].requests == canary.requests > 300
    assert after[Version.CANARY].errors == canary.requests // 10 == seen[503, "canary"]
    assert stable.requests + canary.requests == 1000
    # Durations are shown at Envoy's next flush.
    until(lambda: read(running)[Version.CANARY].buckets[-1][1] == canary.requests, "durations of all answers")
    assert not read(running)[Version.CANARY].of_successes


@pytest.mark.sandbox
def test_retries_hide_no_error_and_double_none(running, versions):
    _, canary = versions
    canary.status = lambda number: (503, 200, 0, 200, 0, 503)[(number - 1) % 6]

    seen = ask(running, 90, MARK, path="/retried")

    # Of three requests one ends well after a 503, one after a lost connection, and one fails twice.
    assert seen == {(200, "canary"): 60, (503, "canary"): 30}
    counted = read(running)[Version.CANARY]
    assert (counted.requests, counted.errors) == (180, 120) == (canary.requests, canary.requests * 4 / 6)


@pytest.mark.sandbox
def test_durations_are_in_the_buckets_where_they_belong(running, versions):
    _, canary = versions
    canary.delay = 0.05

    ask(running, 20, MARK)

    until(lambda: read(running)[Version.CANARY].buckets[-1][1] == 20, "durations of all answers")
    counted = read(running)[Version.CANARY]
    assert dict(counted.buckets)[0.047] == 0
    assert counted.seconds >= 20 * 0.05
    assert counted.seconds <= 20 * next(edge for edge, count in counted.buckets if count == 20)


@pytest.mark.sandbox
def test_a_version_that_is_away_has_errors_and_one_that_nobody_knows_is_left_out(running, versions):
    versions[1].status = lambda number: 0

    assert set(ask(running, 10, MARK)) != {(200, "canary")}

    counted = read(running)[Version.CANARY]
    assert (counted.requests, counted.errors) == (10, 10)
    assert set(read(running, a_rule(canary="nobody", share=50))) == {Version.STABLE}
    assert read(running, a_rule(service="nobody")) == {}


@pytest.mark.sandbox
def test_marked_requests_are_no_part_of_a_share(running, versions):
    _, canary = versions
    canary.status = lambda number: 500 if number % 3 == 0 else 200
    assert (read(running, SHARED)[Version.CANARY].requests, read(running, SHARED)[Version.CANARY].errors) == (0, 0)

    marked = ask(running, 100, MARK)
    seen = ask(running, 200) + ask(running, 100, path="/retried")

    both, share = read(running)[Version.CANARY], read(running, SHARED)[Version.CANARY]
    assert (both.requests, both.errors) == (canary.requests, canary.requests // 3)
    assert (share.requests, share.errors) == (both.requests - 100, both.errors - marked[500, "canary"])
    answered = seen[200, "canary"] + seen[500, "canary"]
    until(lambda: read(running, SHARED)[Version.CANARY].buckets[-1][1] == answered, "durations of the share")


@pytest.mark.sandbox
def test_a_share_that_changes_goes_on_counting(running, versions):
    """A counter that falls is a look of which the judge knows nothing: that would be one at each step."""
    ask(running, 100)
    before = read(running, SHARED)[Version.CANARY].requests
    files = routes_and_stable(versions[0])
    old = DIALECT.insert(files, a_rule(canary_host=versions[1].host, share=50)).apply(files)
    more = a_rule(canary_host=versions[1].host, share=90)

    publish_stages(running, old, DIALECT.insert(old, more), more.canary)

    live = PRODUCT.readback(running.admin)
    until(lambda: live.rule_of(running.replica, more).shares == 2, "the other share")
    assert read(running, more)[Version.CANARY].requests == before > 0


def test_edges_rise_and_each_is_an_edge_of_the_bins_of_envoy():
    """Bins have two significant digits: an edge with more would divide one."""
    assert all(low < high for low, high in pairwise(EDGES))
    assert all(edge % 10 ** max(0, len(str(edge)) - 2) == 0 for edge in EDGES)
    assert max(high / low for low, high in pairwise(EDGES) if 10 <= low < 10_000) < 1.16


def an_envoy(stats, **cluster):
    """Answers as an Envoy does that knows stable's cluster."""

    def admin(replica, path):
        if path.startswith("/clusters"):
            return json.dumps({"cluster_statuses": [{"name": "orders", **cluster}]})
        return json.dumps({"stats": stats})

    return admin


def counters(**values):
    return [{"name": f"cluster.orders.upstream_rq_{name}", "value": value} for name, value in values.items()]


def durations(*bins, name="cluster.orders.upstream_rq_time"):
    totals = [{"lower_bound": low, "width": width, "count": count} for low, width, count in bins]
    return [{"histograms": {"details": [{"name": name, "totals": totals}]}}]


@pytest.mark.parametrize(
    ("stats", "expected"),
    [
        (counters(total=0, active=0), (0, 0)),
        (counters(total=3, active=3), (0, 0)),  # the first requests have no answer yet
        (counters(total=3, active=0), None),  # answers are not counted (router: dynamic_stats: false)
        (counters(completed=3), None),  # requests are left out by a stats_matcher
        ([], None),
        (counters(total=5, active=0, completed=4, retry=1), (5, 1)),
        (counters(total=5, active=0, completed=4, retry=1) + counters(**{"5xx": 2}), (5, 3)),
    ],
)
def test_only_what_is_counted_is_told(stats, expected):
    found = read_statistics(an_envoy(stats), REPLICA, RULE)

    told = {version: (one.requests, one.errors) for version, one in found.items()}
    assert told == ({} if expected is None else {Version.STABLE: expected})


def test_a_cluster_with_another_name_in_statistics_is_found_by_that_one():
    asked = []

    def admin(replica, path):
        asked.append(path)
        return an_envoy([{"name": "cluster.a_1.upstream_rq_total", "value": 0}], observability_name="a:1")(
            replica, path
        )

    assert set(read_statistics(admin, REPLICA, RULE)) == {Version.STABLE}
    assert "a_1" in asked[-1]


def test_bins_become_buckets_and_their_middles_a_sum():
    stats = counters(total=6, active=0, completed=6) + durations((0, 0, 1), (9, 0.1, 2), (160, 10, 2), (9e5, 1e4, 1))

    found = read_statistics(an_envoy(stats), REPLICA, RULE)[Version.STABLE]

    assert found.buckets is not None
    steps = [(edge, count) for (_, before), (edge, count) in pairwise(((0, 0), *found.buckets)) if count != before]
    assert steps == [(0.001, 1), (0.01, 3), (0.18, 5), (math.inf, 6)]
    assert found.seconds == pytest.approx((0.5 + 2 * 9.5 + 2 * 165 + 905_000) / 1000)
    assert len(found.buckets) == len(EDGES) + 1


def test_a_histogram_of_another_cluster_is_not_taken():
    stats = counters(total=6, active=0, completed=6) + durations((9, 0.1, 2), name="cluster.web.upstream_rq_time")

    found = read_statistics(an_envoy(stats), REPLICA, RULE)[Version.STABLE]

    assert found == Counters(6, 0, 0.0, tuple((edge, 0.0) for edge, _ in found.buckets or ()))


def test_a_share_is_counted_over_all_virtual_hosts_and_its_first_request_may_be_on_its_way():
    def admin(replica, path):
        if path.startswith("/clusters"):
            return json.dumps({"cluster_statuses": [{"name": "orders"}, {"name": "orders-canary"}]})
        return json.dumps({"stats": stats})

    route = "route.gatewayctl-orders-canary-share.upstream_rq_"
    stats = [{"name": f"vhost.{host}.{route}total", "value": 1} for host in ("a", "b.example")]
    stats.append({"name": "cluster.orders-canary.upstream_rq_active", "value": 2})

    waiting = read_statistics(admin, REPLICA, SHARED)[Version.CANARY]
    stats += [
        {"name": f"vhost.{host}.{route}completed", "value": count} for host, count in (("a", 3), ("b.example", 4))
    ]
    stats += durations((9, 0.1, 3), name=f"vhost.a.{route}time") + durations((9, 0.1, 4), name=f"vhost.b.{route}time")
    stats.append({"name": "vhost.a.route.gatewayctl-web-canary-share.upstream_rq_completed", "value": 90})
    counted = read_statistics(admin, REPLICA, SHARED)[Version.CANARY]

    assert (waiting.requests, counted.requests) == (0, 7)
    assert counted.buckets is not None
    assert counted.buckets[-1] == (math.inf, 7)
