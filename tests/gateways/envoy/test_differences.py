"""Where the canary's requests differ from stable's although the route is a copy, a note says so, once for each kind."""

import pytest

from gatewayctl.domain.routing import SourceFile
from gatewayctl.gateways.registry import gateway
from tests.gateways.envoy.samples import LISTENER, MANAGER, ORDERS, a_rule, cds, dns_cluster, one, rds
from tests.gateways.samples import catch_refusal

DIALECT = gateway("envoy").dialect
CLUSTERS = SourceFile("cds.yaml", cds(dns_cluster("orders", "orders.shop.svc")))
LIMIT = "{ actions: [{ destination_cluster: {} }] }"
TLS = "  transport_socket: { name: tls, typed_config: { SETTING } }\n"


def notes_of(routes: str, *others: SourceFile):
    return DIALECT.insert((*one(rds(routes)), *(others or (CLUSTERS,))), a_rule()).notes


def route_with(setting: str, path: str = "/") -> str:
    return f"    - match: {{ prefix: {path} }}\n      route: {{ cluster: orders, {setting} }}\n"


def clusters_with(setting: str) -> SourceFile:
    return SourceFile("cds.yaml", cds(dns_cluster("orders", "orders.shop.svc") + TLS.replace("SETTING", setting)))


def test_a_plain_route_has_nothing_to_tell():
    assert notes_of(ORDERS + route_with("auto_host_rewrite: false, host_rewrite_literal: shop.example.com")) == ()


@pytest.mark.parametrize(
    ("routes", "place"),
    [
        (route_with(f"rate_limits: [{LIMIT}]"), "rds.yaml:9"),
        (route_with(f"rate_limits: [{LIMIT}]", "/a") + route_with(f"rate_limits: [{LIMIT}]"), "rds.yaml:9 and 1 more"),
        (ORDERS + f"    rate_limits:\n    - {LIMIT}\n", "rds.yaml:11"),
    ],
)
def test_a_rate_limit_by_cluster_counts_the_canary_apart(routes, place):
    assert notes_of(routes) == (f"{place}: a rate limit by destination_cluster counts orders-canary apart from orders",)


def test_a_rate_limit_of_another_service_is_not_told():
    other = f"    - match: {{ prefix: /w }}\n      route: {{ cluster: web, rate_limits: [{LIMIT}] }}\n"

    assert notes_of(other + ORDERS) == ()


def test_a_filter_and_a_mirror_that_send_to_the_service_stay_with_stable():
    mirror = "request_mirror_policies: [{ cluster: orders }, { cluster: web }]"
    filters = (
        f'resources:\n- "@type": {LISTENER}\n  name: l\n  filter_chains:\n  - filters:\n    - name: h\n'
        f'      typed_config:\n        "@type": {MANAGER}\n        rds: {{ route_config_name: shop }}\n'
        "        http_filters:\n        - name: authz\n          typed_config:\n"
        "            grpc_service: { envoy_grpc: { cluster_name: orders } }\n"
    )

    notes = notes_of(route_with(mirror), CLUSTERS, SourceFile("lds.yaml", filters))

    assert notes == (
        "lds.yaml:13 and 1 more: sends to orders by its name, whatever route a request takes: that stays with stable",
    )


@pytest.mark.parametrize("literal", ["orders", "orders.shop.svc", "orders.shop.svc:8080", "orders.example.com"])
def test_a_host_that_names_stable_is_told(literal):
    (note,) = notes_of(route_with(f"host_rewrite_literal: '{literal}'"))

    assert note.startswith("rds.yaml:9: the canary gets the Host of orders:")


def test_a_host_that_follows_the_address_is_told():
    (note,) = notes_of(route_with("auto_host_rewrite: true"))

    assert note == "rds.yaml:9: auto_host_rewrite: the canary's Host is its own address, and not stable's"


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("sni: orders.shop.svc", "TLS to the canary asks for the name (SNI) of orders: it needs that certificate"),
        ("auto_host_sni: true", "auto_host_sni: TLS to the canary asks for its own address as name (SNI)"),
    ],
)
def test_a_name_in_tls_is_told_where_the_cluster_is_copied(setting, told):
    by_hand = cds(dns_cluster("orders-canary", "c"), dns_cluster("orders", "o") + TLS.replace("SETTING", setting))

    (note,) = notes_of(ORDERS, clusters_with(setting))
    (other,) = notes_of(ORDERS, SourceFile("cds.yaml", by_hand))

    assert note == f"cds.yaml:9: {told}"
    assert "SNI" not in other


def test_a_share_that_a_header_chooses_is_a_split_with_another_cluster():
    shares = "{name: orders, weight: 90}, {cluster_header: x-to, weight: 10}"
    files = one(
        rds(
            "    - match: {prefix: /}\n      route: {weighted_clusters: {clusters: [SHARES]}}\n".replace(
                "SHARES", shares
            )
        )
    )

    refusal = catch_refusal(DIALECT, files, a_rule())

    assert "splits its requests by weight between orders and (cluster_header x-to)" in str(refusal)
