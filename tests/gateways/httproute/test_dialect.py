"""What the canary's rule looks like in all kinds of HTTPRoutes, and that it is removed byte for byte."""

import pytest
import yaml

from gatewayctl.domain.evidence import Attribution, LeakCase
from gatewayctl.domain.routing import STAMP_HEADER, Header, RouteView, SourceFile
from gatewayctl.gateways.httproute.dialect import HttpRouteDialect
from gatewayctl.gateways.registry import GATEWAYS, gateway
from tests.gateways.httproute.samples import DIALECT, a_rule, httproute, insert_and_undo, notes, one, to

OURS = {"type": "Exact", "name": "x-canary", "value": "always"}
STAMP = {"name": STAMP_HEADER, "value": "r-1"}


def rules_of(text):
    return yaml.safe_load(text)["spec"]["rules"]


GOLDEN = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: shop
  namespace: shop
spec:
  parentRefs: [{name: edge}]
  rules:
  - backendRefs:
    - {name: web, port: 80}

  # Everything about orders
  - matches:
    - path:
        type: PathPrefix
        value: /api/orders   # the shop
      method: GET
    timeouts: {request: 5s}
    backendRefs:
    - name: orders
      port: 8080
      weight: 1
"""


def test_the_canarys_rule_is_below_all_others_and_copies_stables_but_for_header_backend_and_stamp():
    ours = """\
  - name: "gatewayctl-orders-canary"
    matches:
    - path:
        type: PathPrefix
        value: /api/orders
      method: GET
      headers:
      - type: Exact
        name: "x-canary"
        value: "always"
    timeouts: {request: 5s}
    filters:
    - type: ResponseHeaderModifier
      responseHeaderModifier:
        set:
        - name: "x-gatewayctl-release"
          value: "r-1"
    backendRefs:
    - name: "orders-canary"
      port: 8080
      weight: 1
"""

    text = insert_and_undo(GOLDEN)

    assert text == GOLDEN + ours


def test_every_match_of_every_rule_is_copied_and_names_stay_unique_in_a_route():
    two = (
        "  - matches:\n    - path: {value: /a}\n    - path: {value: /b}\n      headers: [{name: v, value: '2'}]\n"
        "    backendRefs: [{name: orders, port: 80}]\n" + to("orders", "/c") + to("web", "/d")
    )

    _, _, _, first, second = rules_of(insert_and_undo(httproute(two)))

    assert (first["name"], second["name"]) == ("gatewayctl-orders-canary", "gatewayctl-orders-canary-2")
    assert first["matches"] == [
        {"path": {"value": "/a"}, "headers": [OURS]},
        {"path": {"value": "/b"}, "headers": [{"name": "v", "value": "2"}, OURS]},
    ]
    assert second["matches"][0]["headers"] == [OURS]


@pytest.mark.parametrize("matches", ["", "    matches: []\n", "    matches:\n"])
def test_the_copy_of_a_rule_without_matches_is_for_every_path(matches):
    rules = f"  - backendRefs:\n    - name: orders\n      port: 80\n{matches}"

    ours = rules_of(insert_and_undo(httproute(rules)))[-1]

    assert ours["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}, "headers": [OURS]}]


def test_filters_timeouts_retry_and_session_are_copied_and_the_stamp_joins_a_response_modifier():
    more = (
        "    filters:\n"
        "    - type: URLRewrite\n      urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}\n"
        "    - type: ResponseHeaderModifier\n      responseHeaderModifier:\n"
        "        add: [{name: a, value: b}]\n        set:\n        - {name: c, value: d}\n"
        "    retry: {attempts: 2}\n    sessionPersistence: {sessionName: s}\n"
    )

    stable, ours = rules_of(insert_and_undo(httproute(to("orders", more=more))))

    assert ours["filters"][0] == stable["filters"][0]
    assert ours["filters"][1]["responseHeaderModifier"] == {
        "add": [{"name": "a", "value": "b"}],
        "set": [{"name": "c", "value": "d"}, STAMP],
    }
    assert [ours[key] for key in ("retry", "sessionPersistence")] == [{"attempts": 2}, {"sessionName": "s"}]


@pytest.mark.parametrize(
    "before",
    [
        f"{{set: [{{name: {STAMP_HEADER}, value: old}}]}}",
        f"{{add: [{{name: {STAMP_HEADER.title()}, value: old}}]}}",
        f"{{remove: [{STAMP_HEADER}]}}",
        "{}",
    ],
)
def test_whatever_stable_does_to_the_stamps_header_the_canarys_answers_carry_one_stamp(before):
    more = f"    filters: [{{type: ResponseHeaderModifier, responseHeaderModifier: {before}}}]\n"

    ours = rules_of(insert_and_undo(httproute(to("orders", more=more))))[-1]

    assert ours["filters"][0]["responseHeaderModifier"] == {"set": [STAMP]}


def test_filters_of_the_backend_and_its_namespace_are_copied():
    rules = (
        "  - backendRefs:\n    - kind: Service\n      name: orders\n      namespace: back\n      port: 80\n"
        "      filters:\n      - {type: RequestHeaderModifier, requestHeaderModifier: {remove: [cookie]}}\n"
    )

    stable, ours = rules_of(insert_and_undo(httproute(rules)))

    assert ours["backendRefs"] == [{**stable["backendRefs"][0], "name": "orders-canary"}]
    assert notes(httproute(rules)) == (
        "route.yaml:8: a backend in another namespace: its ReferenceGrant must allow orders-canary too",
    )


SPLIT = "  - backendRefs:\n    - {name: orders, port: 80, weight: 90}\n    - {name: other, port: 81, weight: 10}\n"


def test_of_a_split_the_canary_takes_all_marked_requests():
    ours = rules_of(insert_and_undo(httproute(SPLIT)))[-1]

    assert ours["backendRefs"] == [{"name": "orders-canary", "port": 80, "weight": 90}]
    assert notes(httproute(SPLIT)) == (
        (
            "route.yaml:8: this rule also sends to other (weight 10): "
            "requests with x-canary: always all go to orders-canary"
        ),
    )


def test_a_rule_where_the_app_has_weight_0_gets_no_canary():
    idle = "  - backendRefs:\n    - {name: orders, port: 80, weight: 0}\n    - {name: other, port: 81}\n"

    change = DIALECT.insert(one(httproute(to("orders", "/a") + idle)), a_rule())

    assert [view.line for view in change.covered] == [8]


def test_a_named_rule_keeps_its_name_and_a_note_names_policies_by_that_name():
    text = httproute(to("orders", name="main"))

    assert [rule["name"] for rule in rules_of(insert_and_undo(text))] == ["main", "gatewayctl-orders-canary"]
    assert "policies attached to the rule main by name" in notes(text)[0]


def test_the_header_of_a_canary_rule_is_shown_beside_its_match():
    text = insert_and_undo(httproute(to("orders", "/o")))

    assert DIALECT.routes(one(text)) == (
        RouteView("route.yaml", 8, "shop/shop", "prefix /o", "orders"),
        RouteView(
            "route.yaml", 13, "shop/shop", "prefix /o", "orders-canary", "gatewayctl-orders-canary", "x-canary: always"
        ),
    )


def test_only_the_rule_of_the_given_app_is_removed_and_two_apps_share_a_route():
    files = one(httproute(to("orders", "/o") + to("web", "/w")))
    web = a_rule("web")
    first = DIALECT.insert(files, web).apply(files)
    both = DIALECT.insert(first, a_rule()).apply(first)

    assert first == DIALECT.remove(both, "orders").apply(both)
    assert files == DIALECT.remove(first, "web").apply(first)
    assert DIALECT.remove(files, "orders").stages == ()


def test_two_apps_of_one_split_may_have_canaries_at_once_by_different_values():
    files = one(httproute(SPLIT))
    first = DIALECT.insert(files, a_rule()).apply(files)

    both = DIALECT.insert(first, a_rule("other", value="qa")).apply(first)

    assert first == DIALECT.remove(both, "other").apply(both)


def test_a_rule_with_another_header_or_stamp_replaces_the_first():
    files = one(httproute(to("orders")))
    first = DIALECT.insert(files, a_rule()).apply(files)

    second = DIALECT.insert(first, a_rule(value="qa", stamp="r-2")).apply(first)

    assert second == DIALECT.insert(files, a_rule(value="qa", stamp="r-2")).apply(files)


def test_only_the_files_that_change_are_in_the_stage():
    files = (SourceFile("a.yaml", httproute(to("web"), "a")), SourceFile("b.yaml", httproute(to("orders"), "b")))

    change = DIALECT.insert(files, a_rule())

    assert [[file.name for file in stage] for stage in change.stages] == [["b.yaml"]]


LIST = """\
apiVersion: v1
kind: List
items:
- apiVersion: gateway.networking.k8s.io/v1beta1
  kind: HTTPRoute
  metadata: {name: shop}
  spec:
    rules:
    - backendRefs: [{name: orders, port: 80}]
"""
JSON = (
    '{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "shop"}, "spec": '
    '{"rules": [{"backendRefs": [{"name": "orders", "port": 80}]}]}}\n'
)


@pytest.mark.parametrize(
    "text",
    [
        LIST,
        JSON,
        GOLDEN.replace("\n", "\r\n"),
        "\ufeff" + GOLDEN,
        "---\n#$ Used in:\n#$ - a guide\n" + GOLDEN + "...\n",
        GOLDEN.removesuffix("\n"),
        httproute(to("orders"), api="gateway.networking.k8s.io/v1beta1"),
    ],
    ids=["List", "JSON", "CRLF", "BOM", "markers", "no final line end", "v1beta1"],
)
def test_a_route_in_every_style_of_yaml_is_edited_and_restored(text):
    changed = insert_and_undo(text)

    assert "orders-canary" in changed
    assert ("\r\n" in text) == ("\r\n" in changed)
    assert list(yaml.safe_load_all(changed))


def test_a_service_is_named_with_its_namespace_where_there_are_two():
    rules = (
        "  - matches: [{path: {value: /a}}]\n    backendRefs: [{name: orders, namespace: a, port: 80}]\n"
        "  - matches: [{path: {value: /b}}]\n    backendRefs: [{name: orders, namespace: b, port: 80}]\n"
    )
    rule = a_rule(service="orders.b", canary="orders-canary.b")

    ours = rules_of(insert_and_undo(httproute(rules), rule))[-1]

    assert ours["backendRefs"] == [{"name": "orders-canary", "namespace": "b", "port": 80}]


def test_a_header_sent_twice_may_match_by_either_value_and_nothing_else_is_allowed_to():
    assert DIALECT.limits.allowed(LeakCase.SENT_TWICE) == {Attribution.CANARY, Attribution.STABLE}
    assert DIALECT.limits.allowed(LeakCase.COMMA_LIST) == {Attribution.STABLE}


def test_the_registry_knows_the_product():
    assert "httproute" in GATEWAYS
    assert isinstance(gateway("httproute").plain_dialect, HttpRouteDialect)


def test_the_header_is_that_of_the_canary_rule():
    ours = rules_of(insert_and_undo(httproute(to("orders")), a_rule(header=Header("x-team", "blue"))))[-1]

    assert ours["matches"][0]["headers"] == [{"type": "Exact", "name": "x-team", "value": "blue"}]
