"""The rule of a share: what it looks like, whose requests it takes, and what is refused."""

import pytest
import yaml

from gatewayctl.adapters.kubernetes.routes.object_text import ObjectText
from gatewayctl.domain.routing import STAMP_HEADER, RouteView, own_routes, share_routes
from gatewayctl.gateways.httproute.resource import HTTPROUTE
from tests.gateways.httproute.samples import API, DIALECT, a_rule, httproute, insert_and_undo, one, to
from tests.gateways.samples import catch_refusal, insert, text_of

EVERY = {"type": "RegularExpression", "name": "x-forwarded-proto", "value": ".*"}
NAME = "gatewayctl-orders-canary-share"


def rules_of(text):
    return yaml.safe_load(text)["spec"]["rules"]


def share_of(text, share, **changes):
    """The data of the share's rule, and of stable's."""
    rules = rules_of(insert_and_undo(text, a_rule(share=share, **changes)))
    return next(rule for rule in rules if rule.get("name") == NAME), rules[0]


def refuse(text, **changes):
    return catch_refusal(DIALECT, one(text), a_rule(share=10, **changes))


def test_the_shares_rule_stands_below_the_canarys_and_copies_stables_but_for_a_header_and_backends():
    text = insert_and_undo(httproute(to("orders", "/o")), a_rule(share=10))

    canary, share = text.split(f'  - name: "{NAME}"\n')
    assert canary == insert_and_undo(httproute(to("orders", "/o")))
    assert share == (
        "    matches:\n    - path: {type: PathPrefix, value: /o}\n      headers:\n"
        '      - type: RegularExpression\n        name: "x-forwarded-proto"\n        value: ".*"\n'
        "    backendRefs:\n    - name: orders\n      port: 80\n      weight: 9\n"
        '    - name: "orders-canary"\n      filters:\n      - type: ResponseHeaderModifier\n'
        "        responseHeaderModifier:\n          set:\n"
        f'          - name: "{STAMP_HEADER}"\n            value: "r-1"\n'
        "      port: 80\n      weight: 1\n"
    )


@pytest.mark.parametrize(("share", "weights"), [(1, [99, 1]), (5, [19, 1]), (50, [1, 1]), (99, [1, 99]), (100, [0, 1])])
@pytest.mark.parametrize("weight", ["", "      weight: 1\n", "      weight: 700\n"])
def test_the_weights_are_the_share_whatever_the_only_backend_weighs(share, weights, weight):
    ours, _ = share_of(httproute(to("orders") + weight), share)

    assert [backend["weight"] for backend in ours["backendRefs"]] == weights
    (view,) = share_routes(
        DIALECT.routes(insert(DIALECT, one(httproute(to("orders") + weight)), a_rule(share=share))), "orders"
    )
    assert (view.share, view.target, view.header) == (share, "orders-canary", "")


def test_other_backends_of_the_rule_keep_their_part_of_the_requests():
    split = "  - backendRefs:\n    - {name: orders, port: 80, weight: 3}\n    - {name: other, port: 81, weight: 1}\n"

    ours, _ = share_of(httproute(split), 20)

    assert [(backend["name"], backend["weight"]) for backend in ours["backendRefs"]] == [
        ("orders", 12),
        ("orders-canary", 3),
        ("other", 5),
    ]


def test_filters_of_the_rule_are_kept_and_only_answers_of_the_canary_are_stamped():
    modifier = "{type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: a, value: b}]}}"
    rules = (
        f"  - filters: [{modifier}]\n    timeouts: {{request: 5s}}\n"
        f"    backendRefs: [{{name: orders, port: 80, filters: [{modifier}]}}]\n"
    )

    ours, stable = share_of(httproute(rules), 50)

    assert (ours["filters"], ours["timeouts"]) == (stable["filters"], stable["timeouts"])
    first, second = ours["backendRefs"]
    assert first == {**stable["backendRefs"][0], "weight": 1}
    assert second["filters"][0]["responseHeaderModifier"]["set"] == [
        {"name": "a", "value": "b"},
        {"name": STAMP_HEADER, "value": "r-1"},
    ]


def test_every_rule_of_the_service_gets_a_share_and_none_of_them_stands_above_one_for_marked_requests():
    text = httproute(to("orders", "/a", "      method: GET\n") + to("web", "/w") + to("orders", "/b"))

    names = [rule.get("name", "") for rule in rules_of(insert_and_undo(text, a_rule(share=1)))]

    header = "gatewayctl-orders-canary"
    assert names == ["", "", "", header, f"{header}-2", NAME, f"{NAME}-2"]


@pytest.mark.parametrize("matches", ["", "    matches: []\n", "    matches:\n"])
def test_the_share_of_a_rule_without_matches_is_for_every_path(matches):
    ours, _ = share_of(httproute(f"  - backendRefs:\n    - name: orders\n      port: 80\n{matches}"), 10)

    assert ours["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}, "headers": [EVERY]}]


def test_a_share_is_shown_with_its_percentage():
    views = DIALECT.routes(one(insert_and_undo(httproute(to("orders", "/o")), a_rule(share=25))))

    assert views[2] == RouteView("route.yaml", 29, "shop/shop", "prefix /o", "orders-canary", NAME, share=25)
    assert views[0] == RouteView("route.yaml", 8, "shop/shop", "prefix /o", "orders")


@pytest.mark.parametrize("weight", ["0", "x"])
def test_a_share_that_somebody_broke_is_shown_as_none(weight):
    text = insert_and_undo(httproute(to("orders", "/o")), a_rule(share=50)).replace(
        "weight: 1\n", f"weight: {weight}\n"
    )

    (view,) = share_routes(DIALECT.routes(one(text)), "orders")

    assert view.share == 0


def test_a_share_grows_and_goes_where_it_stands_so_that_no_rule_of_another_application_moves():
    files = one(httproute(to("orders", "/o") + to("web", "/w")))
    ours = insert(DIALECT, files, a_rule(share=1))
    both = insert(DIALECT, ours, a_rule("web", share=5))
    order = [view.name for view in DIALECT.routes(both)]

    grown = insert(DIALECT, both, a_rule(share=100))

    assert [view.name for view in DIALECT.routes(grown)] == order
    assert DIALECT.remove(grown, "web").apply(grown) == insert(DIALECT, files, a_rule(share=100))
    without = insert(DIALECT, grown, a_rule())
    assert [view.name for view in DIALECT.routes(without)] == [name for name in order if name != NAME]


@pytest.mark.parametrize("break_it", ["below", "gone"])
def test_a_canarys_rule_that_is_gone_or_below_the_share_is_put_above_it_again(break_it):
    files = one(httproute(to("orders", "/o") + to("web", "/w")))
    web = insert(DIALECT, insert(DIALECT, files, a_rule(share=10)), a_rule("web", share=10))
    data = yaml.safe_load(text_of(web))
    rules = data["spec"]["rules"]
    moved = rules.pop(2)
    rules += [moved] if break_it == "below" else []
    broken = one(yaml.safe_dump(data))

    mended = insert(DIALECT, broken, a_rule(share=10))

    names = [view.name for view in DIALECT.routes(mended)]
    assert names.index("gatewayctl-orders-canary") < names.index(NAME)
    assert len(own_routes(DIALECT.routes(mended), "orders")) == 1


HEADER = "      headers: [{name: v, value: '2'}]\n"
QUERY = "      queryParams: [{name: q, value: '1'}]\n"


@pytest.mark.parametrize(
    ("rules", "line"),
    [
        (to("orders", "/o") + to("web", "/o", QUERY), 13),
        (to("web", "/o") + to("orders", "/o"), 8),
    ],
    ids=["a query parameter", "an earlier rule"],
)
def test_a_share_that_would_take_requests_of_another_rule_is_refused(rules, line):
    why = refuse(httproute(rules))

    assert (why.line, "would also take requests that are for this rule" in why.reason) == (line, True)
    assert DIALECT.insert(one(httproute(rules)), a_rule()).stages, "the header alone is no trouble"


def test_a_share_is_refused_where_the_age_of_two_routes_decides():
    two = f"{httproute(to('orders', '/o'))}---\n{httproute(to('web', '/o', HEADER), name='other')}"

    assert "would also take requests that are for this rule" in str(refuse(two))


@pytest.mark.parametrize(
    "rules",
    [
        to("orders", "/o") + to("web", "/o", HEADER),
        to("orders", "/o") + to("web", "/o/longer"),
        to("orders", "/o") + to("web", "/o", "      method: PUT\n"),
        to("orders", "/o") + to("web", "/o"),
        to("orders", "/o", HEADER) + to("orders", "/o") + to("orders", "/o", QUERY),
    ],
    ids=["one header more", "a longer path", "a method", "a later rule", "all are the service's"],
)
def test_rules_that_keep_what_they_have_are_no_trouble(rules):
    assert NAME in insert_and_undo(httproute(rules), a_rule(share=10))


def test_a_second_canary_of_a_service_is_refused_while_the_first_one_has_a_share():
    first = text_of(insert(DIALECT, one(httproute(to("orders"))), a_rule(share=10)))
    other = a_rule("next", "next", service="orders", canary="orders-next")

    assert f"the rule {NAME} already takes" in str(catch_refusal(DIALECT, one(first), other))


def test_a_rule_that_tests_the_header_that_every_request_has_gets_no_share():
    why = refuse(httproute(to("orders", "/o", "      headers: [{name: X-Forwarded-Proto, value: https}]\n")))

    assert "already tests the header X-Forwarded-Proto" in str(why)
    assert "a share needs that header" in why.hint


def test_limits_of_the_api_count_the_shares_rules_too():
    rules = "".join(to("orders" if not index else "web", f"/{index}") for index in range(15))

    why = refuse(httproute(rules))

    assert "has 17 rules, and the Gateway API takes 16 (it has 15, and the canary needs 2 more)" in str(why)


def test_weights_that_would_be_too_large_are_refused():
    split = "  - backendRefs: [{name: orders, port: 80, weight: 999999}, {name: other, port: 81, weight: 10001}]\n"

    assert "a weight of this rule would be above 1000000" in str(refuse(httproute(split)))
    odd = "  - backendRefs: [{name: orders, port: 80, weight: '1.5'}]\n"
    assert "the weight 1.5 is no whole number" in str(refuse(httproute(odd)))


@pytest.mark.parametrize("share", [1, 100])
def test_in_a_cluster_a_share_is_read_back_as_the_bytes_that_were_written(share):
    filters = [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["a"]}}]
    ref = {"group": "", "kind": "Service", "name": "orders", "port": 80, "weight": 1}
    match = {"path": {"type": "PathPrefix", "value": "/b"}, "headers": [{"type": "Exact", "name": "v", "value": "2"}]}
    rules = [
        {"matches": [{"path": {"type": "PathPrefix", "value": "/a"}}], "backendRefs": [ref]},
        {"matches": [match], "backendRefs": [{**ref, "filters": filters}], "timeouts": {"request": "5s"}},
    ]
    meta = {"name": "shop", "namespace": "shop"}
    text = ObjectText(HTTPROUTE)
    before = one(text.text_of({"apiVersion": API, "kind": "HTTPRoute", "metadata": meta, "spec": {"rules": rules}}))

    after = text_of(insert(DIALECT, before, a_rule(share=share)))

    assert after.count(NAME) == 2
    assert text.text_of(yaml.safe_load(after)) == after
