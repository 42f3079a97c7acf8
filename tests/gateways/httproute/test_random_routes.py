"""Random routes: whatever the layout, an edit adds the rule, takes it away again, and changes nothing else."""

import json

from hypothesis import given
from hypothesis import strategies as st

from gatewayctl.domain.routing import STAMP_HEADER
from tests.contract.dialects import insert_reversibly
from tests.gateways.httproute.samples import API, DIALECT, a_rule, one
from tests.gateways.random_files import Layout, YamlWriter, check_lines_kept, layouts, load_documents, thorough

OURS = {"type": "Exact", "name": "x-canary", "value": "always"}
STAMP = {"name": STAMP_HEADER, "value": "r-1"}

paths = st.fixed_dictionaries(
    {"value": st.sampled_from(["/", "/a", "/a/b", "/é", "/a b"])},
    optional={"type": st.sampled_from(["Exact", "PathPrefix", "RegularExpression"])},
)
named = st.fixed_dictionaries({"name": st.sampled_from(["v", "env"]), "value": st.sampled_from(["on", "1", "a:b"])})
matches = st.fixed_dictionaries(
    {},
    optional={
        "path": paths,
        "method": st.sampled_from(["GET", "POST"]),
        "headers": st.lists(named, min_size=1, max_size=2, unique_by=lambda one: one["name"]),
        "queryParams": st.lists(named, min_size=1, max_size=1),
    },
)
headers = st.lists(named, min_size=1, max_size=2)
filters = st.one_of(
    headers.map(lambda add: {"type": "RequestHeaderModifier", "requestHeaderModifier": {"add": add}}),
    st.dictionaries(st.sampled_from(["add", "set"]), headers).map(
        lambda inside: {"type": "ResponseHeaderModifier", "responseHeaderModifier": inside}
    ),
)
backends = st.fixed_dictionaries(
    {"name": st.sampled_from(["orders", "web", "orders-v2"]), "port": st.integers(1, 9)},
    optional={"weight": st.integers(1, 9), "kind": st.just("Service")},
)


@st.composite
def rules(draw):
    rule = {"backendRefs": draw(st.lists(backends, min_size=1, max_size=2, unique_by=lambda one: one["name"]))}
    if draw(st.booleans()):
        rule["matches"] = draw(st.lists(matches, max_size=3))
    if draw(st.booleans()):
        rule["filters"] = draw(st.lists(filters, max_size=2, unique_by=lambda one: one["type"]))
    if draw(st.booleans()):
        rule["timeouts"] = {"request": "10s"}
    above = draw(st.lists(st.sampled_from(["", "# note", "#$ used", "      # deep", "# [END x]"]), max_size=2))
    return above, dict(draw(st.permutations(list(rule.items()))))


files = st.tuples(
    layouts(Layout, ["none", "leaves", "items", "list", "json"]),
    st.lists(st.lists(rules(), min_size=1, max_size=4), min_size=1, max_size=3),
)


def route_lines(number, listed, layout):
    writer = YamlWriter(layout, lambda value, _: json.dumps(value, ensure_ascii=False), comment="  # why")
    lines = ["---", "# café", f"apiVersion: {API}", "kind: HTTPRoute", "metadata:", f"  name: route{number}", "spec:"]
    lines.append(f"  hostnames: [h{number}.example]")
    if layout.is_one_line:
        return [*lines, f"  rules: {writer.inline([rule for _, rule in listed])}"]
    return [*lines, "  rules:", *writer.items(listed, 2 + layout.dash)]


def write(file):
    layout, routes = file
    lines = [line for number, listed in enumerate(routes) for line in route_lines(number, listed, layout)]
    return one(layout.as_text(lines), "routes.yaml")


def is_ours(rule):
    return rule.get("name", "").startswith("gatewayctl-orders-canary")


def is_stable(rule):
    return any(one["name"] == "orders" for one in rule["backendRefs"])


def sends_to_orders(file):
    return any(is_stable(rule) for listed in file[1] for _, rule in listed)


def check_canary_rules(data):
    """Each rule of stable has its canary's: the same but for a header, a backend and the stamp."""
    for route in data:
        listed = route["spec"]["rules"]
        stables = [rule for rule in listed if not is_ours(rule) and is_stable(rule)]
        ours = listed[len(listed) - len(stables) :]  # below all others: no other rule changes its position
        assert [is_ours(rule) for rule in listed] == [False] * (len(listed) - len(ours)) + [True] * len(ours)
        assert len({rule["name"] for rule in ours}) == len(ours)
        for copy, rule in zip(ours, stables, strict=True):
            check_copy(copy, rule)


def check_copy(copy, rule):
    for match, stable in zip(
        copy["matches"], rule.get("matches") or [{"path": copy["matches"][0]["path"]}], strict=True
    ):
        assert match["headers"].pop() == OURS
        assert {key: value for key, value in match.items() if value} == stable
    modifier = next(one for one in copy["filters"] if one["type"] == "ResponseHeaderModifier")
    assert modifier["responseHeaderModifier"]["set"].pop() == STAMP
    assert [one["type"] for one in rule.get("filters") or []] in (
        [one["type"] for one in copy["filters"]],
        [one["type"] for one in copy["filters"]][:-1],
    )
    [stable] = [one for one in rule["backendRefs"] if one["name"] == "orders"]
    assert copy["backendRefs"] == [{**stable, "name": "orders-canary"}]
    assert copy.get("timeouts") == rule.get("timeouts")


# One test for all the properties: making a file and editing it is what takes the time, five times over otherwise.
@given(files.filter(sends_to_orders))
@thorough(100)
def test_whatever_the_layout_an_edit_adds_our_rules_can_be_taken_away_and_does_nothing_else(file):
    before = write(file)
    after = insert_reversibly(DIALECT, before, a_rule())

    check_lines_kept(file[0], before, after)
    data = load_documents(after)
    check_canary_rules(data)
    for route in data:
        route["spec"]["rules"] = [rule for rule in route["spec"]["rules"] if not is_ours(rule)]
    assert data == load_documents(before)


def is_share(rule):
    return rule.get("name", "").startswith("gatewayctl-orders-canary-share")


def check_shares(data, share):
    """Each rule of stable has its share's: the same but for a header and weights; other backends keep their part."""
    for route in data:
        listed = route["spec"]["rules"]
        stables = [rule for rule in listed if not is_ours(rule) and is_stable(rule)]
        shares = [rule for rule in listed if is_share(rule)]
        assert listed[len(listed) - len(stables) :] == shares
        for copy, rule in zip(shares, stables, strict=True):
            assert {match["headers"].pop()["name"] for match in copy["matches"]} == {"x-forwarded-proto"}
            assert copy.get("filters") == rule.get("filters")
            check_weights(copy["backendRefs"], rule["backendRefs"], share)


def check_weights(weighted, backends, share):
    weights = {one["name"]: one["weight"] for one in weighted}
    before = {one["name"]: one.get("weight", 1) for one in backends}
    ours = weights.pop("orders-canary")
    weights["orders"] += ours
    assert ours * 100 == share * weights["orders"]
    assert [weights[name] * sum(before.values()) for name in before] == [
        before[name] * sum(weights.values()) for name in before
    ]


# Rules that a share would take requests from are refused; routes of one rule each have none.
@given(
    files.map(lambda file: (file[0], [listed[:1] for listed in file[1]])).filter(sends_to_orders), st.integers(1, 100)
)
@thorough(50)
def test_whatever_the_layout_a_share_is_exact_and_can_be_taken_away(file, share):
    before = write(file)
    after = insert_reversibly(DIALECT, before, a_rule(share=share))

    check_lines_kept(file[0], before, after)
    data = load_documents(after)
    check_shares(data, share)
    for route in data:
        route["spec"]["rules"] = [rule for rule in route["spec"]["rules"] if not is_ours(rule)]
    assert data == load_documents(before)
