"""What a canary rule looks like in Spring's files, where it is inserted, and the notes on it."""

import pytest
import yaml

from gatewayctl.domain.evidence import Attribution, LeakCase
from gatewayctl.domain.routing import STAMP_HEADER, RouteView, SourceFile
from gatewayctl.gateways.registry import gateway
from tests.gateways.springcloud.samples import ID, NEW, OLD, ORDERS, WEB, a_rule, listed, one

DIALECT = gateway("spring-cloud-gateway").dialect
PROFILES = f"""\
{OLD}:
- id: a
  uri: http://orders
  predicates: [Path=/a]
---
spring.config.activate.on-profile: prod
{OLD}:
- id: b
  uri: http://orders
  predicates: [Path=/b]
"""


def insert_and_undo(text, **changes):
    """The text with the rule; checks that a second insert changes nothing and that the edit can be undone."""
    rule, before = a_rule(**changes), one(text)
    after = DIALECT.insert(before, rule).apply(before)
    assert DIALECT.remove(after, rule.app).apply(after) == before
    assert DIALECT.insert(after, rule).stages == ()
    return after[0].text


def routes_in(text):
    return yaml.safe_load(text)[NEW]


def test_the_canary_stands_directly_above_stable_and_is_its_copy():
    assert insert_and_undo(listed(WEB, ORDERS)) == listed(
        WEB,
        f'- id: "{ID}"\n  uri: "http://orders-canary:8080"\n  predicates:\n  - Path=/api/orders/**\n'
        '  - "Header=x-canary, always"\n'
        f'  filters:\n  - "SetResponseHeader={STAMP_HEADER}, r-1"\n  metadata:\n    gatewayctl: "r-1"\n',
        ORDERS,
    )


def test_order_filters_metadata_and_long_forms_are_copied_as_they_are_written():
    stable = (
        "- id: orders\n  order: -7\n  uri: http://orders\n"
        "  predicates:\n  - name: Path\n    args:\n      patterns: [/a/**, /b]\n  - Method=GET,POST\n"
        "  filters:\n  - RewritePath=/a/(?<rest>.*), /$\\{rest}\n  - name: Retry\n    args: {retries: 1, x: on}\n"
        "  metadata:\n    response-timeout: 30000\n"
    )

    canary, again = routes_in(insert_and_undo(listed(stable)))

    assert canary.pop("id") == ID
    assert canary.pop("uri") == "http://orders-canary"
    assert canary["predicates"].pop() == "Header=x-canary, always"
    assert canary["filters"].pop() == f"SetResponseHeader={STAMP_HEADER}, r-1"
    assert canary["metadata"].pop("gatewayctl") == "r-1"
    assert {"id": "orders", "uri": "http://orders", **canary} == again


FLOW = "- { id: orders, uri: 'http://orders', predicates: [ Path=/a, 'Method=GET,PUT' ] }\n"
JSON = f'{{"{NEW}": [{{"id": "orders", "uri": "http://orders", "predicates": ["Path=/a"]}}]}}\n'


def test_flow_style_stays_flow_style():
    line = insert_and_undo(listed(FLOW)).splitlines()[1]

    assert line == (
        f'- {{ id: "{ID}", uri: "http://orders-canary", predicates: [Path=/a, \'Method=GET,PUT\', '
        f'"Header=x-canary, always"], filters: ["SetResponseHeader={STAMP_HEADER}, r-1"], '
        'metadata: { gatewayctl: "r-1" } }'
    )


def test_json_stays_json():
    assert '"filters": ["SetResponseHeader' in insert_and_undo(JSON)
    assert '"metadata": {"gatewayctl": "r-1"}' in insert_and_undo(JSON)


def test_routes_of_one_application_get_ids_of_their_own_and_are_one_rule():
    second = ORDERS.replace("id: orders", "id: more").replace("/api/", "/v2/")

    after = one(insert_and_undo(listed(ORDERS, second)))

    assert [route["id"] for route in routes_in(after[0].text)] == [ID, "orders", f"{ID}-2", "more"]
    assert [view.name for view in DIALECT.routes(after)] == [ID, "orders", ID, "more"]


@pytest.mark.parametrize(
    "key",
    [
        "spring:\n  cloud:\n    gateway:\n      server:\n        webflux:\n          routes:\n",
        "spring:\n  cloud:\n    gateway.server.webflux:\n          routes:\n",
        "spring.cloud:\n  gateway.server:\n          webflux.routes:\n",
        "spring:\n  cloud:\n    gateway:\n      discovery: {locator: {enabled: false}}\n          \n      routes:\n",
        "Spring:\n  cloud:\n    gateway:\n      server:\n        web-flux:\n          routes:\n",
    ],
)
def test_routes_are_found_whatever_the_key_looks_like(key):
    text = key + "".join(f"          {line}\n" for line in ORDERS.splitlines())

    assert ID in insert_and_undo(text)


def test_lists_called_routes_elsewhere_are_left_alone():
    decoy = (
        "\nknife4j.gateway.routes:\n- name: orders\n  uri: http://orders\nrouting: {routes: [{uri: 'http://orders'}]}\n"
    )

    assert insert_and_undo(listed(ORDERS) + decoy).endswith(decoy)


def test_windows_line_ends_comments_and_a_missing_last_one_stay():
    text = ("# café\n" + listed(WEB, "# about orders\n" + ORDERS)).replace("\n", "\r\n").rstrip()

    after = insert_and_undo(text)

    assert "\n" not in after.replace("\r\n", "")
    assert after.index(ID) < after.index("# about orders")


def test_anchors_are_not_repeated_and_aliases_are_written_out():
    text = listed(
        "- &o\n  id: orders\n  uri: http://orders\n  predicates: &p\n  - Path=/a\n",
        "- id: more\n  uri: http://orders\n  predicates: *p\n",
    )

    after = insert_and_undo(text)

    assert after.count("&p") == after.count("*p") == after.count("&o") == 1
    assert routes_in(after)[2]["predicates"] == ["Path=/a", "Header=x-canary, always"]


def test_a_list_that_both_prefixes_share_is_edited_once():
    text = f"{NEW}: &routes\n{ORDERS}{OLD}: *routes\n"

    assert insert_and_undo(text).count(ID) == 1


def test_a_config_map_is_edited_in_its_text():
    lines = "".join(f"    {line}\n" for line in listed(ORDERS).splitlines())
    text = f"apiVersion: v1\nkind: ConfigMap\ndata:\n  note: x\n  application.yml: |\n{lines}"

    assert f'    - id: "{ID}"\n' in insert_and_undo(text)


@pytest.mark.parametrize(
    ("uri", "changes", "canary"),
    [
        ("http://orders", {}, "http://orders-canary"),
        ("https://orders.shop.svc:8443/x", {}, "https://orders-canary.shop.svc:8443/x"),
        ("http://orders.shop.svc.cluster.local", {}, "http://orders-canary.shop.svc.cluster.local"),
        ("http://orders:${PORT:8080}", {}, "http://orders-canary:${PORT:8080}"),
        ("http://orders:${A:${B:1}}", {}, "http://orders-canary:${A:${B:1}}"),
        ("${ORDERS:http://orders:81}", {}, "http://orders-canary:81"),
        ("http://${ORDERS:orders}:81", {}, "http://orders-canary:81"),
        ("http://orders:80", {"canary": "orders-next"}, "http://orders-next:80"),
        ("http://orders.shop.svc:80", {"canary": "orders-next"}, "http://orders-next.shop.svc:80"),
        ("http://orders:80", {"canary_host": "10.0.0.7"}, "http://10.0.0.7:80"),
        ("http://orders:80", {"canary_host": "fd00::7"}, "http://[fd00::7]:80"),
        ("lb://orders", {"canary_host": "orders-canary:8080"}, "http://orders-canary:8080"),
        ("lb:ws://orders", {"canary_host": "orders-canary"}, "ws://orders-canary"),
        ("lb://ORDERS", {"canary_host": "c:1"}, "http://c:1"),
        ("grayLb://orders", {"canary_host": "c:8080"}, "http://c:8080"),
        ("grayLb:wss://orders", {"canary_host": "c"}, "wss://c"),
        ("HTTPS://orders", {"canary_host": "c:1"}, "HTTPS://c:1"),
        ("lb://orders", {"canary_uri": "lb://orders-canary"}, "lb://orders-canary"),
        ("grayLb://orders", {"canary_uri": "grayLb://orders-v2"}, "grayLb://orders-v2"),
        ("http://orders:80/x", {"canary_uri": "lb:ws://orders-canary"}, "lb:ws://orders-canary"),
    ],
)
def test_the_canarys_uri_follows_from_stables(uri, changes, canary):
    text = listed(f"- id: o\n  uri: {uri}\n  predicates: [Path=/]\n")

    assert routes_in(insert_and_undo(text, **changes))[0]["uri"] == canary


def test_a_uri_that_another_property_holds_is_looked_up():
    text = "test:\n  host: orders\n  uri: http://${test.host}:9\n" + listed(
        "- id: o\n  uri: ${test.uri}\n  predicates: [Path=/]\n"
    )

    assert routes_in(insert_and_undo(text))[0]["uri"] == "http://orders-canary:9"


def test_a_uri_with_unknown_placeholders_is_a_name_as_it_is_written():
    text = listed("- id: o\n  uri: ${ORDERS_URI}\n  predicates: [Path=/]\n")
    service = "${ORDERS_URI}"

    after = insert_and_undo(text, app=service, service=service, canary=f"{service}-canary", canary_host="c:1")

    assert routes_in(after)[0]["id"] == "gatewayctl-ORDERS_URI-canary"
    assert routes_in(after)[0]["uri"] == "http://c:1"


def test_a_covered_route_is_described():
    (covered,) = DIALECT.insert(one(listed(WEB, ORDERS)), a_rule()).covered

    assert covered == RouteView("application.yml", 6, NEW, "Path=/api/orders/**", "orders", "orders")


def test_canary_rules_are_shown_with_their_header():
    views = DIALECT.routes(one(insert_and_undo(listed(WEB, ORDERS))))

    assert [(view.match, view.target, view.name, view.header) for view in views] == [
        ("Path=/**", "web", "web", ""),
        ("Path=/api/orders/**", "orders-canary", ID, "x-canary: always"),
        ("Path=/api/orders/**", "orders", "orders", ""),
    ]


def test_of_several_lists_every_one_gets_the_rule_and_one_counts():
    after = one(insert_and_undo(PROFILES))

    assert [view.name for view in DIALECT.routes(after)] == [f"{ID} in {OLD}", "a", ID, "b"]


def test_files_of_profiles_are_edited_as_one_change():
    files = (SourceFile("application.yml", listed(ORDERS)), SourceFile("application-prod.yml", listed(ORDERS, WEB)))

    change = DIALECT.insert(files, a_rule())

    assert [[file.name for file in stage] for stage in change.stages] == [["application.yml", "application-prod.yml"]]
    after = change.apply(files)
    assert DIALECT.remove(after, "orders").apply(after) == files


def test_a_list_that_a_later_document_replaces_gets_no_canary():
    text = PROFILES.replace("spring.config.activate.on-profile: prod\n", "")

    change = DIALECT.insert(one(text), a_rule())

    assert [view.match for view in change.covered] == ["Path=/b"]
    assert any("application.yml:2: the route a is switched off or replaced" in note for note in change.notes)


def test_a_note_names_a_list_without_the_service():
    text = PROFILES.replace("uri: http://orders\n  predicates: [Path=/b]", "uri: http://web\n  predicates: [Path=/b]")

    notes = DIALECT.insert(one(text), a_rule()).notes

    assert any(note.startswith("application.yml:8: this list has no route to orders") for note in notes)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (listed(ORDERS, key=OLD), "4.3 reads it when it starts and never again"),
        (
            listed(ORDERS + "  filters:\n  - CircuitBreaker=name=cb,fallbackUri=/f\n"),
            "the circuit breaker cb is shared",
        ),
        (listed(ORDERS.replace("http:", "https:")), "its certificate has to be good for its own name"),
        (listed(ORDERS.replace("orders:8080", "${H:orders}")), "a uri is a placeholder"),
        ("spring.cloud.gateway.discovery.locator.enabled: true\n" + listed(ORDERS), "the discovery locator makes"),
        (listed(ORDERS, ORDERS.replace("id: orders", "id: off\n  enabled: false")), "the route off is switched off"),
    ],
)
def test_what_the_edit_needs_is_a_note(text, note):
    assert any(note in one for one in DIALECT.insert(one(text), a_rule()).notes)


def test_a_route_that_takes_a_share_blocks_no_other_of_its_service():
    share = ORDERS.replace("id: orders", "id: share") + "  - Weight=g, 8\n"
    more = "".join(ORDERS.replace("id: orders", f"id: more-{number}") for number in range(50))
    files = one(listed(share, more))

    change = DIALECT.insert(files, a_rule())

    assert [view.name for view in change.covered] == [f"more-{number}" for number in range(50)]
    assert change.notes == (
        (
            "application.yml:2: the route share takes a share of requests by Weight: it gets no canary, "
            "and requests with the header go on as without it"
        ),
    )
    assert DIALECT.remove(change.apply(files), "orders").apply(change.apply(files)) == files


def test_a_route_without_a_uri_is_told_with_its_line():
    change = DIALECT.insert(one(listed(ORDERS, "- id: later\n  predicates: [Path=/]\n")), a_rule())

    assert change.notes == ("application.yml:6: the route later has no uri: Spring does not load a list with it",)


def test_an_edit_that_needs_nothing_has_no_notes():
    assert DIALECT.insert(one(listed(ORDERS)), a_rule()).notes == ()


def test_another_stamp_replaces_the_rule_in_place():
    text = insert_and_undo(listed(WEB, ORDERS))

    after = DIALECT.insert(one(text), a_rule(stamp="r-2")).apply(one(text))

    assert after[0].text == text.replace("r-1", "r-2")


def test_commas_in_a_header_may_match_and_nothing_else_may():
    either = frozenset({Attribution.CANARY, Attribution.STABLE})

    limits = gateway("spring-cloud-gateway").dialect.limits

    allowed = {case: limits.allowed(case) for case in LeakCase}
    assert {case for case in LeakCase if allowed[case] == either} == {LeakCase.SENT_TWICE, LeakCase.COMMA_LIST}


def test_predicates_of_another_service_in_a_form_that_is_not_read_block_nothing():
    files = one(listed(ORDERS, WEB.replace("\n  - Path=/**", " Path=/**")))

    after = DIALECT.insert(files, a_rule()).apply(files)

    shown = [route.match for route in DIALECT.routes(after) if route.target == "web"]
    assert shown == ["(predicates in a form that is not read)"]


@pytest.mark.parametrize(
    ("uri", "looked_up"),
    [
        ("lb://orders", True),
        ("grayLb://orders", True),
        ("lb:ws://${NAME:orders}", True),
        ("http://orders:8080", False),
        ("wss://orders", False),
    ],
)
def test_a_view_says_whether_a_registry_is_asked_for_the_target(uri, looked_up):
    (view,) = DIALECT.routes(one(listed(ORDERS.replace("http://orders:8080", uri))))

    assert (view.target, view.looked_up) == ("orders", looked_up)
