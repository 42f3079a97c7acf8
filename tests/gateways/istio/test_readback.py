"""What a replica's Envoy says of the rule: routes as Istio makes them, and each way in which one may differ."""

import json

import pytest

from gatewayctl.domain.errors import Transient
from gatewayctl.domain.platform import Replica
from gatewayctl.gateways.istio.readback import IstioReadback
from tests.gateways.samples import a_rule

REPLICA = Replica("gateway-1", "127.0.0.1:8080", "127.0.0.1:15000")
RULE = a_rule(share=20)
HOST = "orders-canary.shop.svc.cluster.local"
CANARY, STABLE = f"outbound|80||{HOST}", "outbound|80||orders.shop.svc.cluster.local"
STAMP = [{"header": {"key": "x-gatewayctl-release", "value": "r-1"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}]


def live(name, action, headers=(), stamps=(), origin="shop"):
    matchers = [{"name": key, "string_match": {"exact": value}} for key, value in headers]
    config = f"/apis/networking.istio.io/v1/namespaces/shop/virtual-service/{origin}"
    return {
        "name": name,
        "match": {"prefix": "/", "headers": matchers},
        "route": action,
        "metadata": {"filter_metadata": {"istio": {"config": config}}},
        "response_headers_to_add": list(stamps),
    }


def header_route(name=RULE.name, value="always", cluster=CANARY, stamps=STAMP, origin="shop"):
    return live(name, {"cluster": cluster}, [("x-canary", value)], stamps, origin)


def share_route(name=RULE.share_name, ours=20, stamps=STAMP):
    weighted = [{"name": STABLE, "weight": 100 - ours}, {"name": CANARY, "weight": ours}]
    weighted[-1]["response_headers_to_add"] = list(stamps)
    return live(name, {"weighted_clusters": {"clusters": weighted}})


def proof(*routes, rule=RULE, **entry):
    hosts = [{"name": "a", "routes": list(routes)}]
    dump = {"configs": [{"route_config": {"name": "http.8080", "virtual_hosts": hosts}, **entry}]}
    return IstioReadback(lambda _, __: json.dumps(dump)).rule_of(REPLICA, rule)


def test_routes_of_one_http_route_count_once_and_those_of_another_object_apart():
    """Istio makes one Envoy route of each match and host, and adds the name of the match."""
    one = (header_route(), header_route(f"{RULE.name}.path"), share_route(), share_route())

    found = proof(*one, header_route(f"{RULE.name}-2"), header_route(origin="other"), live("web", {"cluster": STABLE}))

    assert (found.asked, found.routes, found.shares, found.mismatched, found.detail) == (True, 3, 1, 0, "")


@pytest.mark.parametrize(
    ("route", "said"),
    [
        (header_route(value="other"), "the header x-canary is other"),
        (header_route(cluster=STABLE), f"the cluster is {STABLE}"),
        (header_route(stamps=[]), "the stamp is missing, not r-1"),
        (share_route(ours=30), "the share is 30 %, not 20 %"),
        (share_route(stamps=[]), "the stamp is missing, not r-1"),
    ],
)
def test_one_wrong_envoy_route_makes_its_http_route_wrong(route, said):
    right = share_route() if route["name"] == RULE.share_name else header_route()

    found = proof(right, route)

    assert (found.routes, found.shares, found.mismatched) == (0, 0, 1)
    assert said in found.detail


def test_a_share_without_one_in_the_rule_is_wrong():
    found = proof(header_route(), share_route(), rule=a_rule())

    assert (found.routes, found.shares, found.mismatched) == (1, 0, 1)
    assert "the rule has no share" in found.detail


def test_a_share_of_100_is_read_from_the_canarys_weight_alone():
    """Istio leaves out destinations of weight 0."""
    route = share_route(ours=100)
    del route["route"]["weighted_clusters"]["clusters"][0]

    assert proof(route, rule=a_rule(share=100)).shares == 1


def test_a_rejected_update_is_told():
    assert "rejected: bad regex" in proof(header_route(), error_state={"details": "bad regex"}).detail


def test_a_replica_without_an_admin_port_cannot_be_asked():
    readback, replica = IstioReadback(lambda _, __: pytest.fail("asked")), Replica("gateway-1", "127.0.0.1:8080")

    assert not readback.rule_of(replica, RULE).asked
    assert not readback.upstream_ready(replica, "orders-canary").asked
    assert readback.in_flight(replica, "orders-canary") is None


def test_an_answer_that_is_no_json_is_trouble_that_may_pass():
    with pytest.raises(Transient, match="not JSON"):
        IstioReadback(lambda _, __: "starting").rule_of(REPLICA, RULE)


def ask(clusters, stats=()):
    held = {"/clusters": {"cluster_statuses": clusters}, "/stats": {"stats": list(stats)}}
    return IstioReadback(lambda _, path: json.dumps(held[path.partition("?")[0]]))


def test_the_endpoints_and_requests_in_flight_are_those_of_the_services_clusters():
    hosts = [{"health_status": {"eds_health_status": "HEALTHY"}}, {"health_status": {"failed_outlier_check": True}}]
    clusters = [{"name": CANARY, "host_statuses": hosts}, {"name": STABLE, "host_statuses": hosts * 2}]
    stats = [{"name": f"cluster.{one}.upstream_rq_active", "value": 3} for one in (CANARY, STABLE)]

    assert ask(clusters).upstream_ready(REPLICA, "orders-canary").endpoints == 1
    assert ask(clusters, stats).in_flight(REPLICA, "orders-canary") == 3
    assert ask(clusters).in_flight(REPLICA, "orders-canary") is None
    assert ask([]).in_flight(REPLICA, "orders-canary") == 0
    assert not ask([]).upstream_ready(REPLICA, "orders-canary").asked
