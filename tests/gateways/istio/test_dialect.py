"""What the canary's routes look like in all kinds of VirtualServices, and that they are removed byte for byte."""

import pytest
import yaml

from gatewayctl.domain.routing import STAMP_HEADER, RouteView, SourceFile
from gatewayctl.gateways.istio.dialect import IstioDialect
from gatewayctl.gateways.registry import gateway
from tests.gateways.istio.samples import API, DIALECT, a_rule, insert_and_undo, notes, one, routes_of, to, vs

OURS = {"x-canary": {"exact": "always"}}
STAMP = {"response": {"set": {STAMP_HEADER: "r-1"}}}
NAME, SHARE = "gatewayctl-orders-canary", "gatewayctl-orders-canary-share"

GOLDEN = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: shop
  namespace: shop
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  http:
  # Everything about orders
  - match:
    - uri:
        prefix: /api/orders   # the shop
      method: {exact: GET}
    timeout: 5s
    retries: {attempts: 1, perTryTimeout: 2s}
    route:
    - destination:
        host: orders.shop.svc.cluster.local
        subset: v1
        port: {number: 8080}
  - route:
    - destination: {host: web}
"""
CANARY = """\
        host: "orders-canary.shop.svc.cluster.local"
        port: {number: 8080}
"""
TOP = """\
    - uri:
        prefix: /api/orders
      method: {exact: GET}
"""
MIDDLE = """\
    timeout: 5s
    retries: {attempts: 1, perTryTimeout: 2s}
    route:
    - destination:
"""
HEADER = f"""\
  - name: "{NAME}"
    match:
{TOP}      headers:
        "x-canary":
          exact: "always"
{MIDDLE}{CANARY}      headers:
        response:
          set:
            "x-gatewayctl-release": "r-1"
"""
DIVIDED = f"""\
  - name: "{SHARE}"
    match:
{TOP}{MIDDLE}        host: orders.shop.svc.cluster.local
        subset: v1
        port: {{number: 8080}}
      weight: 95
    - destination:
{CANARY}      weight: 5
      headers:
        response:
          set:
            "x-gatewayctl-release": "r-1"
"""


@pytest.mark.parametrize(("share", "ours"), [(0, HEADER), (5, HEADER + DIVIDED)])
def test_the_canarys_routes_are_directly_above_stables_and_are_copies_of_it(share, ours):
    text = insert_and_undo(GOLDEN, a_rule(share=share))

    assert text == GOLDEN.replace("  # Everything about orders\n", f"{ours}  # Everything about orders\n")


def test_every_match_of_every_route_is_copied_and_names_are_unique_in_an_object():
    two = (
        "  - match:\n    - uri: {exact: /a}\n    - uri: {prefix: /b}\n      headers: {v: {exact: '2'}}\n"
        "    route: [{destination: {host: orders}}]\n" + to("orders", "/c") + to("web", "/d")
    )

    first, second, _, third, fourth, *_ = routes_of(insert_and_undo(vs(two), a_rule(share=20)))

    assert [one["name"] for one in (first, second, third, fourth)] == [NAME, SHARE, f"{NAME}-2", f"{SHARE}-2"]
    assert first["match"] == [
        {"uri": {"exact": "/a"}, "headers": OURS},
        {"uri": {"prefix": "/b"}, "headers": {"v": {"exact": "2"}, **OURS}},
    ]
    assert second["match"] == [{"uri": {"exact": "/a"}}, {"uri": {"prefix": "/b"}, "headers": {"v": {"exact": "2"}}}]


@pytest.mark.parametrize("match", ["", "    match: []\n", "    match:\n"])
def test_the_header_route_of_a_route_without_a_match_takes_every_path_and_its_share_has_no_match(match):
    text = vs(f"  - route:\n    - destination: {{host: orders}}\n{match}")

    header, share, _ = routes_of(insert_and_undo(text, a_rule(share=1)))

    assert header["match"] == [{"headers": OURS}]
    assert "match" not in share


@pytest.mark.parametrize(
    ("stable", "share", "weights"),
    [
        (["90"], 1, [99, 1]),
        (["90"], 100, [0, 100]),
        (["90", "10"], 50, [45, 5, 50]),
        (["90", "10"], 10, [81, 9, 10]),
        (["1", "1"], 30, [35, 35, 30]),
        (["1", "2"], 1, [33, 66, 1]),
        (["1", "1"], 1, [99, 99, 2]),
        (["0", "7"], 100, [0, 0, 100]),
    ],
)
def test_a_share_is_exact_and_keeps_the_ratio_of_stables_subsets(stable, share, weights):
    listed = "".join(f"    - destination: {{host: orders, subset: s{w}}}\n      weight: {w}\n" for w in stable)
    text = insert_and_undo(vs(f"  - route:\n{listed}"), a_rule(share=share))

    header, divided, _ = routes_of(text)

    assert [one["weight"] for one in divided["route"]] == weights
    assert [one.get("headers") for one in divided["route"]] == [None] * len(stable) + [STAMP]
    assert [one["destination"]["host"] for one in divided["route"]] == ["orders"] * len(stable) + ["orders-canary"]
    assert header["route"] == [{"destination": {"host": "orders-canary"}, "headers": STAMP}]
    assert [view.share for view in DIALECT.routes(one(text))] == [0, share, 0]


def test_what_shapes_requests_and_answers_is_copied_and_the_stamp_joins_the_headers_of_the_destination():
    more = (
        "    rewrite: {uri: /}\n    timeout: 3s\n    retries: {attempts: 0}\n    corsPolicy: {allowCredentials: true}\n"
        "    fault: {delay: {fixedDelay: 1s}}\n    mirror: {host: audit}\n    headers: {request: {remove: [cookie]}}\n"
    )
    route = (
        "  - match: [{uri: {prefix: /o}}]\n"
        + more
        + "    route:\n    - destination: {host: orders, port: {number: 80}}\n"
        + "      headers:\n        response:\n          remove: [server]\n          set: {z-last: a, y: b}\n"
    )

    ours, stable = routes_of(insert_and_undo(vs(route)))

    for key in ("rewrite", "timeout", "retries", "corsPolicy", "fault", "mirror", "headers"):
        assert ours[key] == stable[key]
    assert ours["route"] == [
        {
            "destination": {"host": "orders-canary", "port": {"number": 80}},
            "headers": {"response": {"remove": ["server"], "set": {"z-last": "a", "y": "b", STAMP_HEADER: "r-1"}}},
        }
    ]


@pytest.mark.parametrize(
    ("host", "service", "canary", "written"),
    [
        ("orders", "orders", "", "orders-canary"),
        ("orders", "orders.shop", "", "orders-canary"),
        ("orders.back.svc.cluster.local", "orders", "", "orders-canary.back.svc.cluster.local"),
        ("orders.back.svc.cluster.local", "orders.back.svc.cluster.local", "", "orders-canary.back.svc.cluster.local"),
        ("orders.back.svc.cluster.local", "orders.back", "trial.back", "trial.back.svc.cluster.local"),
        ("orders.$(ns).svc.cluster.local", "orders", "", "orders-canary.$(ns).svc.cluster.local"),
        ("orders.prod.internal", "orders.prod.internal", "", "orders-canary.prod.internal"),
        ("api.example.com", "api.example.com", "next.example.com", "next.example.com"),
    ],
)
def test_the_canarys_host_is_spelled_as_stables(host, service, canary, written):
    rule = a_rule(service=service, canary=canary or f"{service}-canary")

    ours = routes_of(insert_and_undo(vs(to(host)), rule))[0]

    assert ours["route"][0]["destination"]["host"] == written


def test_a_subset_is_written_where_it_is_named_and_stable_may_be_one_subset():
    http = to("orders, subset: v1", "/a") + to("orders, subset: v2", "/b")
    rule = a_rule(service="orders/v1", canary="orders/next", share=50)

    header, share, _, other = routes_of(insert_and_undo(vs(http), rule))

    assert header["route"][0]["destination"] == {"host": "orders", "subset": "next"}
    assert [one["destination"]["subset"] for one in share["route"]] == ["v1", "next"]
    assert other["route"] == [{"destination": {"host": "orders", "subset": "v2"}}]
    assert notes(vs(http), rule) == (
        "shop.yaml:10: a DestinationRule has to define the subset next before this rule is written",
    )


def test_of_a_split_the_canary_takes_all_marked_requests():
    split = "  - route:\n" + "".join(
        f"    - destination: {{host: {host}}}\n      weight: {weight}\n"
        for host, weight in (("other", 40), ("orders", 60))
    )

    ours = routes_of(insert_and_undo(vs(split)))[0]

    assert ours["route"] == [{"destination": {"host": "orders-canary"}, "headers": STAMP}]
    assert "this route also sends to other (weight 40)" in notes(vs(split))[0]


def test_routes_that_get_no_request_have_no_canary():
    idle = (
        "  - match: [{uri: {prefix: /i}}]\n    route:\n"
        "    - {destination: {host: orders}, weight: 0}\n    - {destination: {host: web}, weight: 1}\n"
    )
    http = idle + to("orders", "/a") + to("web") + to("orders", "/never")

    change = DIALECT.insert(one(vs(http)), a_rule())

    assert [view.match for view in change.covered] == ["prefix /a"]


def test_a_route_that_only_sidecars_use_has_no_canary():
    inside = "  - match: [{uri: {prefix: /i}, gateways: [mesh]}]\n    route: [{destination: {host: orders}}]\n"

    change = DIALECT.insert(one(vs(inside + to("orders"), gateways="[mesh, edge]")), a_rule())

    assert [view.match for view in change.covered] == ["prefix /"]
    assert change.notes == ("VirtualService shop/shop: sidecars use it, too; a release proves gateway replicas",)


def test_routes_of_ours_are_shown_with_header_share_and_target():
    text = insert_and_undo(vs(to("orders, subset: v1", "/o")), a_rule(share=7))

    assert DIALECT.routes(one(text)) == (
        RouteView("shop.yaml", 10, "shop/shop", "prefix /o", "orders-canary", NAME, "x-canary: always"),
        RouteView("shop.yaml", 22, "shop/shop", "prefix /o", "orders-canary", SHARE, share=7),
        RouteView("shop.yaml", 34, "shop/shop", "prefix /o", "orders/v1"),
    )


LIST = f"""\
apiVersion: v1
kind: List
items:
- apiVersion: {API}
  kind: VirtualService
  metadata: {{name: shop}}
  spec:
    hosts: [a]
    http:
    - route: [{{destination: {{host: orders}}}}]
"""
JSON = (
    f'{{"apiVersion": "{API}", "kind": "VirtualService", "metadata": {{"name": "shop"}}, "spec": '
    '{"hosts": ["a"], "http": [{"route": [{"destination": {"host": "orders"}}]}]}}\n'
)


@pytest.mark.parametrize(
    "text",
    [
        LIST,
        JSON,
        GOLDEN.replace("\n", "\r\n"),
        "\ufeff" + GOLDEN,
        "---\n# Used in a guide\n" + GOLDEN + "...\n",
        GOLDEN.removesuffix("\n"),
        GOLDEN.replace("io/v1", "io/v1alpha3"),
        GOLDEN.replace("io/v1", "io/v1beta1"),
    ],
    ids=["List", "JSON", "CRLF", "BOM", "markers", "no final line end", "v1alpha3", "v1beta1"],
)
@pytest.mark.parametrize("share", [0, 40])
def test_an_object_in_every_style_of_yaml_is_edited_and_restored(text, share):
    changed = insert_and_undo(text, a_rule(share=share))

    assert "orders-canary" in changed
    assert ("\r\n" in text) == ("\r\n" in changed)
    assert list(yaml.safe_load_all(changed))


def test_only_the_files_that_change_are_in_the_stage():
    files = (SourceFile("a.yaml", vs(to("web"), "a", hosts="[a]")), SourceFile("b.yaml", vs(to("orders"), "b")))

    change = DIALECT.insert(files, a_rule())

    assert [[file.name for file in stage] for stage in change.stages] == [["b.yaml"]]


def test_the_registry_knows_the_product():
    assert isinstance(gateway("istio").plain_dialect, IstioDialect)
