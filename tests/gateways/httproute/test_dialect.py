"""What the rule looks like in HTTPRoutes of every kind, what is said beside it, and how it goes again."""

import pytest
import yaml

from gatewayctl.domain.evidence import Attribution, LeakCase
from gatewayctl.domain.routing import STAMP_HEADER, Header, RouteView, SourceFile
from gatewayctl.gateways.httproute.dialect import HttpRouteDialect
from gatewayctl.gateways.registry import GATEWAYS, gateway
from tests.gateways.httproute.samples import a_rule, httproute, one, to

DIALECT = gateway("httproute").dialect
OURS = {"type": "Exact", "name": "x-canary", "value": "always"}
STAMP = {"name": STAMP_HEADER, "value": "r-1"}


def inserted(text, rule=None):
    """The edited text; what every edit promises is checked on the way."""
    files = one(text)
    rule = rule or a_rule()
    after = DIALECT.insert(files, rule).apply(files)
    assert after != files
    assert DIALECT.insert(after, rule).stages == ()
    assert DIALECT.remove(after, rule.app).apply(after) == files
    return after[0].text


def rules_of(text):
    return yaml.safe_load(text)["spec"]["rules"]


def notes(text, rule=None):
    return DIALECT.insert(one(text), rule or a_rule()).notes


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


def test_the_canarys_rule_stands_below_all_others_and_is_stables_copy_with_a_header_a_service_and_a_stamp():
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

    text = inserted(GOLDEN)

    assert text == GOLDEN + ours


def test_every_match_of_every_rule_is_mirrored_and_names_stay_unique_in_a_route():
    two = (
        "  - matches:\n    - path: {value: /a}\n    - path: {value: /b}\n      headers: [{name: v, value: '2'}]\n"
        "    backendRefs: [{name: orders, port: 80}]\n" + to("orders", "/c") + to("web", "/d")
    )

    _, _, _, first, second = rules_of(inserted(httproute(two)))

    assert (first["name"], second["name"]) == ("gatewayctl-orders-canary", "gatewayctl-orders-canary-2")
    assert first["matches"] == [
        {"path": {"value": "/a"}, "headers": [OURS]},
        {"path": {"value": "/b"}, "headers": [{"name": "v", "value": "2"}, OURS]},
    ]
    assert second["matches"][0]["headers"] == [OURS]


@pytest.mark.parametrize("matches", ["", "    matches: []\n", "    matches:\n"])
def test_a_rule_without_matches_is_mirrored_for_every_path(matches):
    rules = f"  - backendRefs:\n    - name: orders\n      port: 80\n{matches}"

    ours = rules_of(inserted(httproute(rules)))[-1]

    assert ours["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}, "headers": [OURS]}]


def test_filters_timeouts_retry_and_session_are_copied_and_a_response_modifier_takes_the_stamp_in():
    more = (
        "    filters:\n"
        "    - type: URLRewrite\n      urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}\n"
        "    - type: ResponseHeaderModifier\n      responseHeaderModifier:\n"
        "        add: [{name: a, value: b}]\n        set:\n        - {name: c, value: d}\n"
        "    retry: {attempts: 2}\n    sessionPersistence: {sessionName: s}\n"
    )

    stable, ours = rules_of(inserted(httproute(to("orders", more=more))))

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

    ours = rules_of(inserted(httproute(to("orders", more=more))))[-1]

    assert ours["filters"][0]["responseHeaderModifier"] == {"set": [STAMP]}


def test_filters_of_the_backend_and_its_namespace_are_copied():
    rules = (
        "  - backendRefs:\n    - kind: Service\n      name: orders\n      namespace: back\n      port: 80\n"
        "      filters:\n      - {type: RequestHeaderModifier, requestHeaderModifier: {remove: [cookie]}}\n"
    )

    stable, ours = rules_of(inserted(httproute(rules)))

    assert ours["backendRefs"] == [{**stable["backendRefs"][0], "name": "orders-canary"}]
    assert notes(httproute(rules)) == (
        "route.yaml:8: a backend in another namespace: its ReferenceGrant must allow orders-canary too",
    )


SPLIT = "  - backendRefs:\n    - {name: orders, port: 80, weight: 90}\n    - {name: other, port: 81, weight: 10}\n"


def test_of_a_split_the_canary_takes_all_marked_requests():
    ours = rules_of(inserted(httproute(SPLIT)))[-1]

    assert ours["backendRefs"] == [{"name": "orders-canary", "port": 80, "weight": 90}]
    assert notes(httproute(SPLIT)) == (
        (
            "route.yaml:8: this rule also sends to other (weight 10): "
            "requests with x-canary: always all go to orders-canary"
        ),
    )


def test_a_rule_whose_share_of_the_app_is_nothing_is_not_the_apps():
    idle = "  - backendRefs:\n    - {name: orders, port: 80, weight: 0}\n    - {name: other, port: 81}\n"

    change = DIALECT.insert(one(httproute(to("orders", "/a") + idle)), a_rule())

    assert [view.line for view in change.covered] == [8]


def test_a_mesh_route_is_edited_and_said_to_be_one():
    parents = "  parentRefs: [{group: '', kind: Service, name: orders, port: 80}]\n"

    assert "attached to a Service" in " ".join(notes(httproute(to("orders"), spec=parents)))


def test_a_named_rule_keeps_its_name_and_policies_by_that_name_are_told():
    text = httproute(to("orders", name="main"))

    assert [rule["name"] for rule in rules_of(inserted(text))] == ["main", "gatewayctl-orders-canary"]
    assert "policies attached to the rule main by name" in notes(text)[0]


NEIGHBOUR = "      headers: [{name: version, value: v2}]\n"
QUERY = "      queryParams: [{name: v, value: '2'}]\n"


def test_a_rule_that_loses_marked_requests_to_the_canary_is_told():
    text = httproute(to("orders") + to("other", more=QUERY))

    what = "prefix / + 1 query parameter"
    beaten = f"requests with x-canary: always that also match this rule ({what}) go to orders-canary"
    assert notes(text) == (f"route.yaml:13: {beaten}: one more header outranks it",)


@pytest.mark.parametrize(
    "rules",
    [
        to("other", more=NEIGHBOUR) + to("orders"),  # a tie goes to the first, and ours is the last
        to("orders") + to("other", more=NEIGHBOUR),
        to("orders") + to("other", "/longer"),
        to("orders") + to("other", more="      method: GET\n"),
        to("orders") + to("orders", more=QUERY),
        to("orders") + to("other", more="      headers: [{name: X-Canary, value: never}]\n"),
        to("orders") + to("other", more="      headers: [{name: a, value: b}, {name: version, value: v2}]\n"),
    ],
)
def test_a_rule_that_decides_as_before_needs_no_word(rules):
    assert notes(httproute(rules)) == ()


def test_a_route_of_other_hosts_is_no_rival():
    first = httproute(to("orders"), spec="  hostnames: [a.example]\n")
    second = httproute(to("other", more=NEIGHBOUR), "web", "  hostnames: [b.example]\n")

    assert notes(f"{first}---\n{second}") == ()
    assert len(notes(f"{first}---\n{second.replace('b.example', 'a.example')}")) == 1


def test_a_route_of_another_gateway_is_no_rival():
    first = httproute(to("orders"), spec="  parentRefs: [{name: edge}]\n")
    second = httproute(to("other", more=NEIGHBOUR), "web", "  parentRefs: [{name: inner}]\n")

    assert notes(f"{first}---\n{second}") == ()
    assert len(notes(f"{first}---\n{second.replace('inner', 'edge')}")) == 1


def test_other_objects_that_name_stable_alone_are_told():
    policy = (
        "apiVersion: gateway.networking.k8s.io/v1\nkind: BackendTLSPolicy\nmetadata: {name: tls}\n"
        "spec: {targetRefs: [{group: '', kind: Service, name: orders}]}\n"
    )
    grpc = (
        "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {name: rpc}\n"
        "spec: {rules: [{backendRefs: [{name: orders, port: 80}]}]}\n"
    )

    assert notes(f"{httproute(to('orders'))}---\n{policy}---\n{grpc}") == (
        "BackendTLSPolicy tls names orders and not orders-canary",
        "GRPCRoute rpc sends to orders too: its requests stay with it",
    )


def test_the_header_of_a_canary_rule_is_shown_beside_its_match():
    text = inserted(httproute(to("orders", "/o")))

    assert DIALECT.routes(one(text)) == (
        RouteView("route.yaml", 8, "shop/shop", "prefix /o", "orders"),
        RouteView(
            "route.yaml", 13, "shop/shop", "prefix /o", "orders-canary", "gatewayctl-orders-canary", "x-canary: always"
        ),
    )


def test_only_the_rule_of_the_asked_app_is_removed_and_two_apps_share_a_route():
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


def test_a_rule_with_another_header_or_stamp_takes_the_place_of_the_first():
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
def test_every_way_of_writing_a_route_is_edited_and_restored(text):
    changed = inserted(text)

    assert "orders-canary" in changed
    assert ("\r\n" in text) == ("\r\n" in changed)
    assert list(yaml.safe_load_all(changed))


def test_a_service_is_named_with_its_namespace_where_there_are_two():
    rules = (
        "  - matches: [{path: {value: /a}}]\n    backendRefs: [{name: orders, namespace: a, port: 80}]\n"
        "  - matches: [{path: {value: /b}}]\n    backendRefs: [{name: orders, namespace: b, port: 80}]\n"
    )
    rule = a_rule(service="orders.b", canary="orders-canary.b")

    ours = rules_of(inserted(httproute(rules), rule))[-1]

    assert ours["backendRefs"] == [{"name": "orders-canary", "namespace": "b", "port": 80}]


def test_a_header_sent_twice_may_match_by_either_value_and_nothing_else_is_allowed_to():
    assert DIALECT.limits.allowed(LeakCase.SENT_TWICE) == {Attribution.CANARY, Attribution.STABLE}
    assert DIALECT.limits.allowed(LeakCase.COMMA_LIST) == {Attribution.STABLE}


def test_the_registry_knows_the_product():
    assert "httproute" in GATEWAYS
    assert isinstance(gateway("httproute").plain_dialect, HttpRouteDialect)


def test_the_header_is_the_plans():
    ours = rules_of(inserted(httproute(to("orders")), a_rule(header=Header("x-team", "blue"))))[-1]

    assert ours["matches"][0]["headers"] == [{"type": "Exact", "name": "x-team", "value": "blue"}]
