"""The routes of a share: what they look like in every spelling of a file, how they are read back, what is refused."""

import json

import pytest
import yaml

from gatewayctl.domain.platform import Replica, RuleProof
from gatewayctl.domain.routing import STAMP_HEADER, RouteView, SourceFile, share_routes
from gatewayctl.gateways.registry import gateway
from gatewayctl.gateways.springcloud.readback import SpringCloudReadback
from tests.gateways.samples import catch_refusal, insert, text_of
from tests.gateways.springcloud.samples import ID, NEW, OLD, ORDERS, WEB, a_rule, listed, one

DIALECT = gateway("spring-cloud-gateway").dialect
SHARE, REST = f"{ID}-share", f"{ID}-share-rest"


def insert_and_undo(files, **changes):
    """The files with the rule; checks that a second insert changes nothing and that the edit can be undone."""
    rule = a_rule(**changes)
    after = insert(DIALECT, files, rule)
    assert DIALECT.remove(after, rule.app).apply(after) == files
    assert DIALECT.insert(after, rule).stages == ()
    return after


def test_the_share_stands_between_the_route_for_marked_requests_and_stables():
    header_only = text_of(insert(DIALECT, one(listed(WEB, ORDERS)), a_rule()))
    share = (
        f'- id: "{REST}"\n  uri: "no://op"\n  predicates:\n'
        f'  - "Weight={SHARE}.10, 90"\n  - "Before=1970-01-01T00:00:00Z"\n'
        f'- id: "{SHARE}"\n  uri: "http://orders-canary:8080"\n  predicates:\n  - Path=/api/orders/**\n'
        f'  - "Weight={SHARE}.10, 10"\n  filters:\n  - "SetResponseHeader={STAMP_HEADER}, r-1"\n'
        '  metadata:\n    gatewayctl: "r-1"\n'
    )

    text = text_of(insert_and_undo(one(listed(WEB, ORDERS)), share=10))

    assert text == header_only.replace(ORDERS, share + ORDERS)


def test_order_filters_and_metadata_are_copied_for_the_canary_only():
    stable = (
        "- id: orders\n  order: -7\n  uri: http://orders\n  predicates: [Path=/a, 'Method=GET']\n"
        "  filters: [StripPrefix=1]\n  metadata: {a: b}\n"
    )

    _, rest, share, again = yaml.safe_load(text_of(insert_and_undo(one(listed(stable)), share=100)))[NEW]

    assert rest["predicates"] == [f"Weight={SHARE}.100, 0", "Before=1970-01-01T00:00:00Z"]
    assert share["predicates"] == [*again["predicates"], f"Weight={SHARE}.100, 100"]
    assert share["filters"] == [*again["filters"], f"SetResponseHeader={STAMP_HEADER}, r-1"]
    assert (share["order"], share["metadata"]) == (-7, {"a": "b", "gatewayctl": "r-1"})


def test_each_route_of_the_service_has_a_group_of_its_own_and_each_share_another_one():
    second = ORDERS.replace("id: orders", "id: more").replace("/api/", "/v2/")

    def groups(share):
        routes = yaml.safe_load(text_of(insert_and_undo(one(listed(ORDERS, second)), share=share)))[NEW]
        return [one["predicates"][-1] for one in routes if one["id"] in {SHARE, f"{SHARE}-2"}]

    assert groups(1) == [f"Weight={SHARE}.1, 1", f"Weight={SHARE}-2.1, 1"]
    assert groups(50) == [f"Weight={SHARE}.50, 50", f"Weight={SHARE}-2.50, 50"]


PROPERTIES = (
    f"# Web first.\n{NEW}[0].id=web\n{NEW}[0].uri=http://web:80\n{NEW}[0].predicates[0]=Path=/web/**\n"
    f"{NEW}[1].id=orders\n{NEW}[1].uri=http://orders:8080\n{NEW}[1].predicates[0]=Path=/api/orders/**\n"
)
INDENTED = "".join(f"    {line}\n" for line in PROPERTIES.splitlines())
YAML_BLOCK = "".join(f"    {line}\n" for line in listed(ORDERS).splitlines())
INDENTED_LIST = "".join(f"    {line}\n" for line in ORDERS.splitlines())
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n"
FILES = {
    "YAML": one(listed(ORDERS)),
    "old prefix": one(listed(ORDERS, key=OLD)),
    "flow": one(listed("- { id: orders, uri: 'http://orders', predicates: [ Path=/a ] }\n")),
    "one text": one(listed("- orders=http://orders:8080, Path=/orders/**\n")),
    "JSON": one(f'{{"{NEW}": [{{"id": "orders", "uri": "http://orders", "predicates": ["Path=/a"]}}]}}\n'),
    "CRLF": one(listed(WEB, ORDERS).replace("\n", "\r\n").rstrip()),
    "dots": one(f"spring.cloud:\n  gateway.server:\n    webflux.routes:\n{INDENTED_LIST}"),
    "properties": one(PROPERTIES, "application.properties"),
    "old properties": one(PROPERTIES.replace(NEW, OLD), "application.properties"),
    "YAML in a ConfigMap": one(f"{CONFIG_MAP}  application.yml: |\n{YAML_BLOCK}"),
    "properties in a ConfigMap": one(f"{CONFIG_MAP}  application.properties: |\n{INDENTED}"),
    "profiles": (SourceFile("application.yml", listed(ORDERS)), SourceFile("application-p.yml", listed(WEB, ORDERS))),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("share", [1, 50, 100])
def test_a_share_is_written_in_every_spelling_and_changed_and_removed_byte_for_byte(name, share):
    files = FILES[name]
    after = insert_and_undo(files, share=share)

    views = share_routes(DIALECT.routes(after), "orders")
    assert [(view.share, view.target, view.header) for view in views] == [(share, "orders-canary", "")]
    other = insert(DIALECT, after, a_rule(share=7))
    assert other == insert(DIALECT, files, a_rule(share=7))
    assert insert(DIALECT, other, a_rule()) == insert(DIALECT, files, a_rule())


def test_a_share_is_shown_and_the_route_for_the_rest_is_not():
    views = DIALECT.routes(insert_and_undo(one(listed(WEB, ORDERS)), share=25))

    assert [view.name for view in views] == ["web", ID, SHARE, "orders"]
    assert views[2] == RouteView("application.yml", 20, NEW, "Path=/api/orders/**", "orders-canary", SHARE, share=25)


def test_a_weight_that_somebody_broke_is_shown_as_no_share():
    text = text_of(insert_and_undo(one(listed(ORDERS)), share=25)).replace(".25, 25", ".25, x")

    assert [view.share for view in share_routes(DIALECT.routes(one(text)), "orders")] == [0]


@pytest.mark.parametrize(
    "predicate",
    [f"'Weight={SHARE}.10, 5'", f"{{name: Weight, args: {{weight.weight: 5, weight.group: {SHARE}.10}}}}"],
)
def test_a_route_of_others_in_the_group_of_the_share_is_refused(predicate):
    taken = f"- id: x\n  uri: http://web\n  predicates: [Path=/x, {predicate}]\n"

    why = catch_refusal(DIALECT, one(listed(ORDERS, taken)), a_rule(share=10))

    assert (why.line, f"in the group {SHARE}.10" in why.reason) == (8, True)
    assert DIALECT.insert(one(listed(ORDERS, taken)), a_rule(share=20)).stages, "another share has another group"


PATHS = "Lambda && Paths: [/api/orders/**], match trailing slash: true"
STABLE = {"predicate": f"({PATHS})", "route_id": "orders", "filters": [], "uri": "http://orders:80", "order": 5}
MARKED = {
    "predicate": f"(({PATHS}) && Header: x-canary regexp=always)",
    "metadata": {"gatewayctl": "r-1"},
    "route_id": ID,
    "filters": [f"[[SetResponseHeader {STAMP_HEADER} = 'r-1'], order = 2]"],
    "uri": "http://orders-canary:80",
    "order": 5,
}
LIVE = {**MARKED, "route_id": SHARE, "predicate": f"(({PATHS}) && Weight: {SHARE}.10 10)"}
LIVE_REST = {
    "predicate": f"((Lambda && Weight: {SHARE}.10 90) && Before: 1970-01-01T00:00Z)",
    "route_id": REST,
    "filters": [],
    "uri": "no://op",
    "order": 0,
}


def proof(*routes, share=10):
    live = SpringCloudReadback(lambda replica, path: json.dumps(routes))
    return live.rule_of(Replica("gw-0", "127.0.0.1:1", "127.0.0.1:2"), a_rule(share=share))


def test_a_live_share_is_counted_beside_the_rule():
    assert proof(MARKED, LIVE_REST, LIVE, STABLE) == RuleProof(asked=True, routes=1, shares=1)


def test_a_rule_without_its_share_is_counted_alone():
    assert proof(MARKED, STABLE) == RuleProof(asked=True, routes=1)


@pytest.mark.parametrize(
    ("routes", "share", "detail"),
    [
        ((MARKED, LIVE_REST, LIVE, STABLE), 20, "its share is not 20 %"),
        ((MARKED, LIVE_REST, LIVE, STABLE), 0, "the rule has no share"),
        ((MARKED, LIVE, STABLE), 10, f"the group {SHARE}.10 has other routes than those of the share"),
        ((MARKED, LIVE_REST, LIVE, {**LIVE, "route_id": "x"}, STABLE), 10, "has other routes than those of the share"),
        (
            (MARKED, {**LIVE_REST, "predicate": f"(({PATHS}) && Weight: {SHARE}.10 90)"}, LIVE, STABLE),
            10,
            "has other routes than those of the share",
        ),
        ((LIVE_REST, LIVE, MARKED, STABLE), 10, f"the route {ID} is tried after it"),
        ((MARKED, STABLE, LIVE_REST, LIVE), 10, "the route orders is tried before it"),
        ((MARKED, LIVE_REST, {**LIVE, "metadata": {"gatewayctl": "r-0"}}, STABLE), 10, "the stamp is r-0, not r-1"),
        ((MARKED, LIVE_REST, {**LIVE, "uri": "http://orders:80"}, STABLE), 10, "its uri is http://orders:80"),
    ],
)
def test_a_live_share_that_is_not_the_rules_is_mismatched(routes, share, detail):
    found = proof(*routes, share=share)

    assert (found.routes, found.shares, found.mismatched) == (1, 0, 1)
    assert detail in found.detail
