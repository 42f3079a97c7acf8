"""The read-back against a real Envoy: routes by RDS and inline in LDS, endpoints, requests in flight."""

import json
import threading

import pytest

from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.evidence import Attribution, LeakCase
from gatewayctl.domain.platform import Replica
from gatewayctl.domain.routing import SourceFile
from gatewayctl.gateways.envoy.product import PRODUCT
from gatewayctl.gateways.envoy.readback import EnvoyReadback
from tests.gateways.envoy.running import NET, publish_stages, running_envoy, running_upstreams, static_cluster
from tests.gateways.envoy.samples import LISTENER, MANAGER, ORDERS, ROUTER, a_rule, rds
from tests.gateways.loopback import free_port, until

DIALECT = PRODUCT.dialect
ROUTES = "    - match: { prefix: /a/ }\n      route: { cluster: orders }\n" + ORDERS
REPLICA = Replica("gw-0", "", "")


@pytest.fixture(scope="module")
def shop():
    with running_upstreams(f"{NET}.1", f"{NET}.2") as (stable, canary):
        yield stable, canary


def rule_for(canary, **changes):
    return a_rule(canary_host=canary.host, **changes)


def by_rds(stable):
    return SourceFile("rds.yaml", rds(ROUTES)), static_cluster("orders", stable.host, stable.port)


def inline_in_lds(stable, host, port):
    routes = "\n".join(f"          {line}" for line in rds(ROUTES).split("  virtual_hosts:\n")[1].split("\n"))
    return (
        SourceFile(
            "lds.yaml",
            f'resources:\n- "@type": {LISTENER}\n  name: http\n'
            f"  address: {{ socket_address: {{ address: {host}, port_value: {port} }} }}\n"
            f'  filter_chains:\n  - filters:\n    - name: http\n      typed_config:\n        "@type": {MANAGER}\n'
            f'        stat_prefix: http\n        http_filters: [{{ name: r, typed_config: {{ "@type": {ROUTER} }} }}]\n'
            f"        route_config:\n          name: shop\n          virtual_hosts:\n{routes}\n",
        ),
        static_cluster("orders", stable.host, stable.port),
    )


@pytest.mark.sandbox
def test_a_rule_by_rds_is_proven_replaced_and_proven_gone(tmp_path, shop):
    stable, canary = shop
    files, rule, other = by_rds(stable), rule_for(canary), rule_for(canary, value="r-2", stamp="r-2")
    with running_envoy(tmp_path, files) as running:
        live = EnvoyReadback(running.admin)
        assert live.rule_of(running.replica, rule).routes == 0

        files = publish_stages(running, files, DIALECT.insert(files, rule))
        until(lambda: live.rule_of(running.replica, rule).routes == 2, "the rule on both routes")
        assert live.rule_of(running.replica, rule).mismatched == 0
        assert running.ask("/a/x", ("x-canary", "always")) == (200, "canary", "r-1")
        assert running.ask("/a/x") == (200, "stable", "")

        seen_by_other = live.rule_of(running.replica, other)
        assert (seen_by_other.routes, seen_by_other.mismatched) == (0, 2)
        assert "the header x-canary is always, not r-2" in seen_by_other.detail

        files = publish_stages(running, files, DIALECT.insert(files, other))
        until(lambda: live.rule_of(running.replica, other).routes == 2, "the other rule")
        assert live.rule_of(running.replica, other).mismatched == 0

        publish_stages(running, files, DIALECT.remove(files, "orders"))
        until(lambda: not live.rule_of(running.replica, other).routes, "the rule to go")
        assert live.rule_of(running.replica, other).mismatched == 0
        assert running.ask("/a/x", ("x-canary", "r-2")) == (200, "stable", "")


@pytest.mark.sandbox
def test_a_rule_inline_in_a_listener_is_proven_gone_while_the_old_listener_drains(tmp_path, shop):
    stable, canary = shop
    rule = rule_for(canary)
    # The listener's own address is in the file, so it has to be known before Envoy starts.
    port = free_port(f"{NET}.10")
    files = inline_in_lds(stable, f"{NET}.10", port)
    with running_envoy(tmp_path, files, port) as running:
        live = EnvoyReadback(running.admin)
        files = publish_stages(running, files, DIALECT.insert(files, rule), awaited=rule.canary)
        until(lambda: live.rule_of(running.replica, rule).routes == 2, "the rule on both routes")
        until(lambda: running.ask("/", ("x-canary", "always"))[1] == "canary", "the canary to answer")

        publish_stages(running, files, DIALECT.remove(files, "orders"))

        until(lambda: not live.rule_of(running.replica, rule).routes, "the rule to go")
        assert live.rule_of(running.replica, rule).mismatched == 0
        assert rule.name in running.admin(running.replica, "/config_dump?mask=static_route_configs")


@pytest.mark.sandbox
def test_a_listener_that_names_an_unknown_cluster_is_rejected_and_the_proof_says_so(tmp_path, shop):
    stable, canary = shop
    port = free_port(f"{NET}.10")
    files, rule = inline_in_lds(stable, f"{NET}.10", port), rule_for(canary)
    with running_envoy(tmp_path, files, port) as running:
        live = EnvoyReadback(running.admin)
        routes, clusters = DIALECT.insert(files, rule).apply(files)[0], files[1]

        running.mount.publish((routes, clusters))

        until(lambda: "orders-canary" in live.rule_of(running.replica, rule).detail, "the rejection")
        assert live.rule_of(running.replica, rule).routes == 0
        assert "the last update was rejected" in live.rule_of(running.replica, rule).detail


@pytest.mark.sandbox
def test_an_upstream_is_ready_when_the_replica_has_a_healthy_endpoint_of_it(tmp_path, shop):
    stable, _ = shop
    with running_envoy(tmp_path, by_rds(stable)) as running:
        live = EnvoyReadback(running.admin)

        assert live.upstream_ready(running.replica, "orders").endpoints == 1
        unknown = live.upstream_ready(running.replica, "order")
        assert (unknown.asked, unknown.endpoints) == (True, 0)
        assert unknown.detail == "the gateway does not know the cluster order"


@pytest.mark.sandbox
def test_a_request_is_in_flight_until_it_is_answered(tmp_path, shop):
    stable, _ = shop
    with running_envoy(tmp_path, by_rds(stable)) as running:
        live = EnvoyReadback(running.admin)
        assert live.in_flight(running.replica, "orders") == 0
        assert live.in_flight(running.replica, "unknown") == 0

        stable.go.clear()
        asking = threading.Thread(target=running.ask, args=("/slow",))
        asking.start()
        until(lambda: live.in_flight(running.replica, "orders") == 1, "the request to be in flight")
        stable.go.set()
        asking.join()

        until(lambda: live.in_flight(running.replica, "orders") == 0, "the request to end")


@pytest.mark.shows("envoy", "odd requests")
@pytest.mark.sandbox
def test_odd_requests_are_answered_as_the_limits_say(tmp_path, shop):
    stable, canary = shop
    files, rule = by_rds(stable), rule_for(canary)
    odd = {
        LeakCase.NO_HEADER: (),
        LeakCase.WRONG_VALUE: (("x-canary", "alwayz"),),
        LeakCase.EMPTY_VALUE: (("x-canary", ""),),
        LeakCase.OTHER_CASE: (("x-canary", "ALWAYS"),),
        LeakCase.SENT_TWICE: (("x-canary", "never"), ("x-canary", "always")),
        LeakCase.COMMA_LIST: (("x-canary", "always, never"),),
    }
    with running_envoy(tmp_path, files) as running:
        publish_stages(running, files, DIALECT.insert(files, rule))
        until(lambda: running.ask("/", ("x-canary", "always"))[1] == "canary", "the canary to answer")

        answers = {case: Attribution(running.ask("/", *headers)[1]) for case, headers in odd.items()}

    assert [case for case, who in answers.items() if who not in DIALECT.limits.allowed(case)] == []
    assert answers[LeakCase.SENT_TWICE] is Attribution.CANARY  # why this case has to allow both


def theirs(match):
    """A route of somebody else, which answers by itself."""
    return f"    - match: {{ {match} }}\n      direct_response: {{ status: 200, body: {{ inline_string: theirs }} }}\n"


@pytest.mark.shows("envoy", "precedence")
@pytest.mark.sandbox
def test_the_canary_answers_marked_requests_where_stable_did_and_nowhere_else(tmp_path, shop):
    stable, canary = shop
    gold = "headers: [{ name: x-tier, string_match: { exact: gold } }]"
    routes = (
        theirs("prefix: /wide/")
        + "    - match: { prefix: /wide/inside }\n      route: { cluster: orders }\n"
        + theirs(f"prefix: /a/, {gold}")
        + f"    - match: {{ path: /exact, {gold} }}\n      route: {{ cluster: orders }}\n"
        + theirs("path: /exact")
        + "    - match: { safe_regex: { regex: '/r/[0-9]+' } }\n      route: { cluster: orders }\n"
        + ROUTES
        + theirs("prefix: /")
    )
    files = (SourceFile("rds.yaml", rds(routes)), static_cluster("orders", stable.host, stable.port))
    tier = ("x-tier", "gold")
    asked = [
        (path, headers)
        for path in ("/", "/a/b", "/wide/inside", "/wider", "/exact", "/r/7", "/r/x")
        for headers in ((), (tier,))
    ]
    with running_envoy(tmp_path, files) as running:
        before = {one: running.ask(one[0], *one[1])[1] for one in asked}
        publish_stages(running, files, DIALECT.insert(files, rule_for(canary)), "orders-canary")
        until(lambda: running.ask("/", ("x-canary", "always"))[1] == "canary", "the canary to answer")

        after = {one: running.ask(one[0], *one[1])[1] for one in asked}
        marked = {one: running.ask(one[0], *one[1], ("x-canary", "always"))[1] for one in asked}

    assert after == before
    assert marked == {one: "canary" if who == "stable" else who for one, who in before.items()}
    assert set(before.values()) == {"stable", "theirs"}


@pytest.mark.sandbox
def test_the_header_name_is_read_in_any_case(tmp_path, shop):
    stable, canary = shop
    files = by_rds(stable)
    with running_envoy(tmp_path, files) as running:
        publish_stages(running, files, DIALECT.insert(files, rule_for(canary)))

        until(lambda: running.ask("/", ("X-Canary", "always"))[1] == "canary", "the canary to answer")


@pytest.mark.parametrize("text", ["", "no json", "[]", "[" * 100_000, '{"configs": '])
def test_an_answer_that_is_no_json_object_is_the_environments_fault(text):
    live = EnvoyReadback(lambda replica, path: text)

    for ask in (live.upstream_ready, live.in_flight):
        with pytest.raises(EnvironmentFailed, match="gw-0 answers"):
            ask(REPLICA, "orders")
    with pytest.raises(EnvironmentFailed, match="gw-0 answers"):
        live.rule_of(REPLICA, a_rule())


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"configs": 3, "stats": 3, "cluster_statuses": 3},
        {"configs": [None, 3, {"static_listeners": "x", "dynamic_listeners": [3, {"active_state": []}]}]},
        {"configs": [{"static_listeners": [{"listener": {"filter_chains": [{"filters": [{"typed_config": 1}]}]}}]}]},
        {"stats": [{"name": "cluster.orders.upstream_rq_active", "value": "many"}], "cluster_statuses": [{"name": 3}]},
    ],
)
def test_json_of_another_shape_proves_nothing(odd):
    live = EnvoyReadback(lambda replica, path: json.dumps(odd))

    proof = live.rule_of(REPLICA, a_rule())

    assert (proof.routes, proof.mismatched) == (0, 0)
    assert live.upstream_ready(REPLICA, "orders").endpoints == 0
    assert live.in_flight(REPLICA, "orders") == 0


def a_listener(**route):
    manager = {"route_config": {"virtual_hosts": [{"routes": [route]}]}}
    listener = {"filter_chains": [{"filters": [{"typed_config": manager}]}]}
    return json.dumps({"configs": [{"static_listeners": [{"listener": listener}]}]})


WHOLE = {
    "name": "shop-orders",
    "metadata": {"filter_metadata": {"team": {"name": "shop"}, "gatewayctl": {"rule": "gatewayctl-orders-canary"}}},
    "match": {"headers": [{"name": "x-canary", "string_match": {"exact": "always"}}]},
    "route": {"cluster": "orders-canary"},
    "response_headers_to_add": [{"header": {"key": "x-gatewayctl-release", "value": "r-1"}}],
}


@pytest.mark.parametrize(
    ("source", "routes"),
    [
        ({"rds": {"route_config_name": "shop"}}, 1),
        ({"rds": {"route_config_name": "other"}}, 0),
        ({"scoped_routes": {"name": "s"}}, 1),
        ({}, 0),
    ],
)
def test_routes_by_rds_count_when_a_listener_asks_for_them(source, routes):
    chains = [{"filters": [{"typed_config": source}]}]
    config = {"route_config": {"name": "shop", "virtual_hosts": [{"routes": [WHOLE]}]}}
    answers = {
        "static_listeners": json.dumps({"configs": [{"static_listeners": [{"listener": {"filter_chains": chains}}]}]}),
        "dynamic_route_configs": json.dumps({"configs": [{"dynamic_route_configs": [config]}]}),
    }
    live = EnvoyReadback(lambda replica, path: next(text for key, text in answers.items() if key in path))

    assert live.rule_of(REPLICA, a_rule()).routes == routes


@pytest.mark.parametrize(
    ("changes", "trouble"),
    [
        ({}, ""),
        ({"name": "gatewayctl-orders-canary", "metadata": {}}, ""),  # as versions before the mark wrote it
        ({"route": {"weighted_clusters": {"clusters": [{"name": "orders-canary"}, {"name": "orders-canary"}]}}}, ""),
        ({"match": {"prefix": "/"}}, "the header x-canary is missing, not always"),
        ({"response_headers_to_add": []}, "the stamp is missing, not r-1"),
        ({"route": {"cluster": "orders"}}, "the cluster is orders, not orders-canary"),
    ],
)
def test_a_route_with_the_rules_mark_counts_only_when_all_of_it_is_the_rule(changes, trouble):
    live = EnvoyReadback(lambda replica, path: a_listener(**{**WHOLE, **changes}))

    proof = live.rule_of(REPLICA, a_rule())

    assert (proof.routes, proof.mismatched) == ((0, 1) if trouble else (1, 0))
    assert trouble in proof.detail


SHARE = {
    **WHOLE,
    "metadata": {"filter_metadata": {"gatewayctl": {"rule": "gatewayctl-orders-canary-share"}}},
    "match": {"runtime_fraction": {"default_value": {"numerator": 10}}},
}


@pytest.mark.parametrize(
    ("share", "changes", "trouble"),
    [
        (10, {}, ""),
        (50, {}, "the share is 10 of HUNDRED, not 50 of HUNDRED"),
        (0, {}, "a route of gatewayctl-orders-canary-share is there, and the rule has no share"),
        (10, {"match": {"prefix": "/"}}, "the share is missing, not 10 of HUNDRED"),
        (
            10,
            {"match": {"runtime_fraction": {"default_value": {"numerator": 10, "denominator": "TEN_THOUSAND"}}}},
            "the share is 10 of TEN_THOUSAND, not 10 of HUNDRED",
        ),
        (
            10,
            {"match": {"runtime_fraction": {"default_value": {"numerator": 10}, "runtime_key": "mine"}}},
            "the runtime key is mine, not none",
        ),
        (10, {"response_headers_to_add": []}, "the stamp is missing, not r-1"),
        (10, {"route": {"cluster": "orders"}}, "the cluster is orders, not orders-canary"),
    ],
)
def test_a_share_counts_only_when_all_of_it_is_the_rules_share(share, changes, trouble):
    live = EnvoyReadback(lambda replica, path: a_listener(**{**SHARE, **changes}))

    proof = live.rule_of(REPLICA, a_rule(share=share))

    assert (proof.routes, proof.shares, proof.mismatched) == ((0, 0, 1) if trouble else (0, 1, 0))
    assert trouble in proof.detail


@pytest.mark.parametrize("mark", [{}, {"rule": "gatewayctl-web-canary"}, "orders", None])
def test_a_route_that_has_only_the_content_of_the_rule_is_not_the_rule(mark):
    metadata = {"filter_metadata": {"gatewayctl": mark}}
    live = EnvoyReadback(lambda replica, path: a_listener(**{**WHOLE, "metadata": metadata}))

    assert live.rule_of(REPLICA, a_rule()).named == 0


@pytest.mark.parametrize("flag", ["failed_active_health_check", "failed_outlier_check", "pending_dynamic_removal"])
def test_an_endpoint_that_gets_no_requests_is_not_ready(flag):
    hosts = [{"health_status": {"eds_health_status": "HEALTHY", flag: True}}]
    answer = json.dumps({"cluster_statuses": [{"name": "orders", "host_statuses": hosts}]})

    proof = EnvoyReadback(lambda replica, path: answer).upstream_ready(REPLICA, "orders")

    assert proof.endpoints == 0
    assert proof.detail == "the gateway knows the cluster orders, but none of its 1 endpoints is healthy"


def test_a_known_cluster_without_statistics_cannot_tell():
    answer = json.dumps({"cluster_statuses": [{"name": "orders"}], "stats": []})

    assert EnvoyReadback(lambda replica, path: answer).in_flight(REPLICA, "orders") is None


def test_the_reason_of_a_rejected_listener_update_is_shown():
    entry = {"name": "http", "error_state": {"details": "no such field"}}
    answer = json.dumps({"configs": [{"dynamic_listeners": [entry]}]})

    proof = EnvoyReadback(lambda replica, path: answer).rule_of(REPLICA, a_rule())

    assert proof.detail == "listener http: the last update was rejected: no such field"
