"""Gateways in gatewayctl.yaml: one or several, in a sandbox or in a cluster, and the applications behind them."""

import pytest

from gatewayctl.config.load import load
from gatewayctl.domain.errors import UsageFault
from tests.config.files import CLUSTER, GOOD, faults_of, write_config


def test_a_gateway_in_a_cluster_is_read_with_its_place(tmp_path):
    spec = load(write_config(tmp_path, CLUSTER))

    assert (spec.platform.kind, spec.platform.namespace, spec.platform.context) == ("kubernetes", "shop", "")
    assert (spec.gateway.namespace, spec.gateway.selector) == ("gateway", "app=gateway")
    assert (spec.gateway.config_map, spec.gateway.keys) == ("gateway-routes", ("rds.yaml",))
    assert (spec.gateway.traffic, spec.gateway.admin) == (8000, 9901)
    assert spec.text == CLUSTER


ROUTES = CLUSTER.replace("kind: envoy", "kind: httproute").replace(
    "config: {configMap: gateway-routes, key: rds.yaml}", "routes: [shop/orders, web/front.page]"
)


def test_a_gateway_whose_routes_are_objects_names_them(tmp_path):
    spec = load(write_config(tmp_path, ROUTES))

    assert spec.gateway.routes == ("shop/orders", "web/front.page")
    assert (spec.gateway.config_map, spec.gateway.keys) == ("", ())


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            ROUTES.replace("kind: httproute", "kind: envoy"),
            "routes names HTTPRoute, Ingress or VirtualService objects: it goes with kind httproute, ingress-nginx or",
        ),
        (CLUSTER.replace("kind: envoy", "kind: httproute"), "expected routes, as namespace/name"),
        (ROUTES.replace("[shop/orders, web/front.page]", "[]"), "platform kubernetes needs gateway.routes"),
        (ROUTES.replace("web/front.page", "shop/orders"), "is named twice"),
        (ROUTES.replace("web/front.page", "front"), "gateway.routes"),
    ],
)
def test_routes_in_two_places_or_none_are_faults(tmp_path, text, fault):
    assert fault in " ".join(faults_of(tmp_path, text))


def test_a_gateway_is_in_the_namespace_of_its_applications_unless_it_names_another(tmp_path):
    spec = load(write_config(tmp_path, CLUSTER.replace("namespace: gateway, ", "")))

    assert spec.gateway.namespace == "shop"


TWO = """\
version: 1
platform: {kind: kubernetes, namespace: shop}
gateways:
  edge: {kind: envoy, replicas: {selector: app=edge}, config: {configMap: edge-routes, key: rds.yaml}}
  legacy: {kind: nginx, namespace: old, replicas: {selector: app=nginx}, config: {configMap: nginx, key: nginx.conf}}
apps:
  orders: {gateway: edge, probe: {host: shop.example.com}}
  billing: {gateway: legacy, probe: {host: old.example.com}}
  payments: {gateway: edge, probe: {host: shop.example.com}}
"""


def test_each_application_is_behind_the_gateway_it_names(tmp_path):
    spec = load(write_config(tmp_path, TWO))

    edge, legacy = spec.behind("payments"), spec.behind("billing")

    assert (edge.gateway.kind, list(edge.apps)) == ("envoy", ["orders", "payments"])
    assert (legacy.gateway.kind, legacy.gateway.namespace, list(legacy.apps)) == ("nginx", "old", ["billing"])
    assert spec.each() == (edge, legacy)
    assert edge.text == TWO


def test_with_several_gateways_there_is_no_only_one(tmp_path):
    spec = load(write_config(tmp_path, TWO))

    with pytest.raises(UsageFault, match="has 2 gateways"):
        _ = spec.gateway
    with pytest.raises(UsageFault, match="has no application stock"):
        spec.behind("stock")


def test_the_only_gateway_of_a_list_needs_no_naming(tmp_path):
    lines = [line.replace("gateway: edge, ", "") for line in TWO.splitlines() if "legacy" not in line]

    spec = load(write_config(tmp_path, "\n".join(lines)))

    assert spec.behind("orders") == spec
    assert spec.each() == (spec,)


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (
            TWO.replace("orders: {gateway: edge, ", "orders: {").replace("gateway: legacy", "gateway: nginx"),
            [
                "gatewayctl.yaml:7: apps.orders: expected gateway: the one it is behind, of edge, legacy",
                "gatewayctl.yaml:8: apps.billing.gateway: expected one of edge, legacy",
            ],
        ),
        (
            CLUSTER.replace("    probe", "    gateway: edge\n    probe"),
            ["gatewayctl.yaml:6: apps.orders.gateway: there is only one gateway, and it has no name"],
        ),
        (
            TWO.replace("gateways:", "gateway: {kind: envoy}\ngateways:"),
            ["gatewayctl.yaml:1: file: expected exactly one of gateway and gateways"],
        ),
        (
            GOOD.replace("gateway: {kind: envoy}\n", ""),
            ["gatewayctl.yaml:1: file: expected exactly one of gateway and gateways"],
        ),
        (
            TWO.replace("{kind: kubernetes, namespace: shop}", "{kind: sandbox}"),
            [
                "gatewayctl.yaml:1: file: a sandbox has one gateway: rehearse each with a gatewayctl.yaml of its own",
            ],
        ),
        (
            TWO.replace("replicas: {selector: app=nginx}, ", ""),
            ["gatewayctl.yaml:1: file: platform kubernetes needs gateways.legacy.replicas.selector"],
        ),
    ],
)
def test_applications_without_a_clear_gateway_are_faults(tmp_path, text, faults):
    assert faults_of(tmp_path, text) == faults


def test_a_canary_belongs_to_one_application(tmp_path):
    text = TWO.replace("billing: {", "billing: {stable: orders, ")

    assert faults_of(tmp_path, text) == [
        "gatewayctl.yaml:8: apps.billing: its canary orders-canary is the canary of orders"
    ]
