"""Routes nobody thought of: whatever the layout, an edit adds our rule, takes it away, and does nothing else."""

import json
from dataclasses import dataclass

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatewayctl.domain.routing import STAMP_HEADER, SourceFile
from gatewayctl.gateways.registry import gateway
from tests.contract.dialects import insert_reversibly
from tests.gateways.httproute.samples import API, a_rule

DIALECT = gateway("httproute").dialect
OURS = {"type": "Exact", "name": "x-canary", "value": "always"}
STAMP = {"name": STAMP_HEADER, "value": "r-1"}


@dataclass(frozen=True)
class Layout:
    """How a file is written."""

    step: int
    dash: int
    gap: int
    eol: str
    bom: str
    final_newline: bool
    flow: str


layouts = st.builds(
    Layout,
    step=st.integers(1, 6),
    dash=st.integers(0, 4),
    gap=st.integers(1, 3),
    eol=st.sampled_from(["\n", "\r\n"]),
    bom=st.sampled_from(["", "\ufeff"]),
    final_newline=st.booleans(),
    flow=st.sampled_from(["none", "leaves", "rules", "list", "json"]),
)
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


files = st.tuples(layouts, st.lists(st.lists(rules(), min_size=1, max_size=4), min_size=1, max_size=3))


def inline(node, layout):
    if isinstance(node, dict):
        keys = {name: f'"{name}"' if layout.flow == "json" else name for name in node}
        return "{" + ", ".join(f"{keys[name]}: {inline(value, layout)}" for name, value in node.items()) + "}"
    if isinstance(node, list):
        return "[" + ", ".join(inline(one, layout) for one in node) + "]"
    return json.dumps(node, ensure_ascii=False)


def block(node, column, layout):
    lines = []
    for name, value in node.items():
        head = " " * column + f"{name}:"
        if not isinstance(value, dict | list) or not value or (layout.flow == "leaves" and isinstance(value, dict)):
            lines.append(f"{head} {inline(value, layout)}  # why")
        elif isinstance(value, dict):
            lines += [head, *block(value, column + layout.step, layout)]
        else:
            lines += [head, *(line for one in value for line in item(one, column + layout.dash, layout))]
    return lines


def item(node, column, layout):
    dash = " " * column + "-" + " " * layout.gap
    if not node or layout.flow == "rules":
        return [dash + inline(node, layout)]
    first, *rest = block(node, column + 1 + layout.gap, layout)
    return [dash + first.lstrip(" "), *rest]


def route_lines(number, listed, layout):
    lines = ["---", "# café", f"apiVersion: {API}", "kind: HTTPRoute", "metadata:", f"  name: route{number}", "spec:"]
    lines.append(f"  hostnames: [h{number}.example]")
    if layout.flow in {"list", "json"}:
        return [*lines, f"  rules: [{', '.join(inline(rule, layout) for _, rule in listed)}]"]
    lines.append("  rules:")
    for above, rule in listed:
        column = 2 + layout.dash
        lines += [" " * column + line if line else "" for line in above]
        lines += item(rule, column, layout)
    return lines


def written(file):
    layout, routes = file
    lines = [line for number, listed in enumerate(routes) for line in route_lines(number, listed, layout)]
    text = layout.bom + layout.eol.join(lines) + (layout.eol if layout.final_newline else "")
    return (SourceFile("routes.yaml", text),)


def loaded(files):
    """The data as PyYAML reads it; not by our own code."""
    return list(yaml.safe_load_all(files[0].text.removeprefix("\ufeff")))


def is_ours(rule):
    return rule.get("name", "").startswith("gatewayctl-orders-canary")


def is_stable(rule):
    return any(one["name"] == "orders" for one in rule["backendRefs"])


def sends_to_orders(file):
    return any(is_stable(rule) for listed in file[1] for _, rule in listed)


def each_canary_is_its_stable_rule_with_a_header_a_service_and_a_stamp(data):
    for route in data:
        listed = route["spec"]["rules"]
        stables = [rule for rule in listed if not is_ours(rule) and is_stable(rule)]
        ours = listed[len(listed) - len(stables) :]  # below all others: nobody's place changes
        assert [is_ours(rule) for rule in listed] == [False] * (len(listed) - len(ours)) + [True] * len(ours)
        assert len({rule["name"] for rule in ours}) == len(ours)
        for mirror, rule in zip(ours, stables, strict=True):
            is_mirrored(mirror, rule)


def is_mirrored(mirror, rule):
    for match, stable in zip(
        mirror["matches"], rule.get("matches") or [{"path": mirror["matches"][0]["path"]}], strict=True
    ):
        assert match["headers"].pop() == OURS
        assert {key: value for key, value in match.items() if value} == stable
    modifier = next(one for one in mirror["filters"] if one["type"] == "ResponseHeaderModifier")
    assert modifier["responseHeaderModifier"]["set"].pop() == STAMP
    assert [one["type"] for one in rule.get("filters") or []] in (
        [one["type"] for one in mirror["filters"]],
        [one["type"] for one in mirror["filters"]][:-1],
    )
    [stable] = [one for one in rule["backendRefs"] if one["name"] == "orders"]
    assert mirror["backendRefs"] == [{**stable, "name": "orders-canary"}]
    assert mirror.get("timeouts") == rule.get("timeouts")


def no_line_of_a_person_is_changed_or_moved(layout, before, after):
    if layout.flow in {"list", "json"}:
        return  # our item stands inside a line of theirs: the byte-for-byte property is the one for that
    rest = iter(after[0].text.splitlines())
    assert all(line in rest for line in before[0].text.splitlines())


# One test for all the properties: making a file and editing it is what takes the time, five times over otherwise.
@given(files.filter(sends_to_orders))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_the_layout_an_edit_adds_our_rules_can_be_taken_away_and_does_nothing_else(file):
    before = written(file)
    after = insert_reversibly(DIALECT, before, a_rule())

    no_line_of_a_person_is_changed_or_moved(file[0], before, after)
    data = loaded(after)
    each_canary_is_its_stable_rule_with_a_header_a_service_and_a_stamp(data)
    for route in data:
        route["spec"]["rules"] = [rule for rule in route["spec"]["rules"] if not is_ours(rule)]
    assert data == loaded(before)
