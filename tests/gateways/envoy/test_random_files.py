"""Files nobody thought of: whatever the layout, an edit adds our rule, takes it away, and does nothing else."""

import json
from dataclasses import dataclass

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatewayctl.domain.routing import STAMP_HEADER, SourceFile
from gatewayctl.gateways.registry import gateway
from tests.contract.dialects import insert_reversibly
from tests.gateways.envoy.samples import ROUTES, a_rule

DIALECT = gateway("envoy").dialect
NAME = "gatewayctl-orders-canary"


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
    wrapped: bool


layouts = st.builds(
    Layout,
    step=st.integers(1, 6),
    dash=st.integers(0, 4),
    gap=st.integers(1, 3),
    eol=st.sampled_from(["\n", "\r\n"]),
    bom=st.sampled_from(["", "\ufeff"]),
    final_newline=st.booleans(),
    flow=st.sampled_from(["none", "leaves", "routes", "lines", "list", "json"]),
    wrapped=st.booleans(),
)
texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp", "Co", "Cn")), max_size=12)
# Written plain by `plain`, so that styles mix; read by YAML 1.1 as other things than text.
words = st.sampled_from(["30s", "0.25s", "on", "no", "1_000", "0x1F", "~", "GET", "5xx,reset", "/a b"])
values = st.one_of(texts.map(lambda text: ("text", text)), words.map(lambda word: ("word", word)))
extras = st.dictionaries(st.sampled_from(["timeout", "prefix_rewrite", "a", "b"]), values, max_size=3)


@st.composite
def routes(draw):
    route = {"match": {"prefix": ("text", "/" + draw(texts))}}
    if draw(st.booleans()):
        route["match"]["headers"] = [{"name": ("text", "x-old"), "present_match": ("word", "true")}]
    action = {"cluster": ("word", draw(st.sampled_from(["orders", "web", "orders-v2"]))), **draw(extras)}
    route["route"] = dict(draw(st.permutations(list(action.items()))))
    if draw(st.booleans()):
        route["metadata"] = {"filter_metadata": {"team": draw(extras), "none": {}}}
    if draw(st.booleans()):
        header = {"key": ("text", "x-a"), "value": draw(values)}
        route["response_headers_to_add"] = [{"header": header}, {"header": header, "append": ("word", "false")}]
    above = draw(st.lists(st.sampled_from(["", "# note", "#", "      # deep", "# [END x]"]), max_size=3))
    return above, dict(draw(st.permutations(list(route.items()))))


files = st.tuples(layouts, st.lists(st.lists(routes(), min_size=1, max_size=4), min_size=1, max_size=3))


def scalar(value, flow):
    kind, text = value
    if kind == "word" and not (flow and set(text) & set(",[]{}")):
        return text
    return json.dumps(text, ensure_ascii=False)


def inline(node, layout):
    def key(name):
        return f'"{name}"' if layout.flow == "json" else name

    if isinstance(node, dict):
        return "{" + ", ".join(f"{key(name)}: {inline(value, layout)}" for name, value in node.items()) + "}"
    if isinstance(node, list):
        return "[" + ", ".join(inline(one, layout) for one in node) + "]"
    return json.dumps(node[1], ensure_ascii=False) if layout.flow == "json" else scalar(node, flow=True)


def block(node, column, layout):
    lines = []
    for name, value in node.items():
        head = " " * column + f"{name}:"
        if isinstance(value, tuple):
            lines.append(f"{head} {scalar(value, flow=False)}")
        elif not value or (layout.flow == "leaves" and isinstance(value, dict)):
            lines.append(f"{head} {inline(value, layout)}  # why")
        elif isinstance(value, dict):
            lines += [head, *block(value, column + layout.step, layout)]
        else:
            lines += [head, *(line for one in value for line in item(one, column + layout.dash, layout))]
    return lines


def item(node, column, layout):
    first, *rest = block(node, column + 1 + layout.gap, layout)
    return [" " * column + "-" + " " * layout.gap + first.lstrip(" "), *rest]


def host_lines(number, listed, layout):
    lines = [f"  - name: host{number}", f'    domains: ["h{number}.example"]']
    if layout.flow in {"list", "json"}:
        return [*lines, f"    routes: [{', '.join(inline(route, layout) for _, route in listed)}]"]
    if layout.flow == "lines":
        lines.append("    routes: [")
        for above, route in listed:
            lines += [*(f"      {line}" if line else "" for line in above), f"      {inline(route, layout)},"]
        return [*lines, "      ]"]
    lines.append("    routes:")
    column = 4 + layout.dash
    for above, route in listed:
        lines += [" " * column + line if line else "" for line in above]
        if layout.flow == "routes":
            lines.append(" " * column + "- " + inline(route, layout))
        else:
            lines += item(route, column, layout)
    return lines


def written(file):
    layout, hosts = file
    lines = ["# café", "resources:", f'- "@type": {ROUTES}', "  name: shop", "  virtual_hosts:"]
    for number, listed in enumerate(hosts):
        lines += host_lines(number, listed, layout)
    if layout.wrapped:
        head = ["apiVersion: v1", "kind: ConfigMap", "data:", "  other: x", "  rds.yaml: |"]
        lines = [*head, *("    " + line if line else "" for line in lines)]
    text = layout.bom + layout.eol.join(lines) + (layout.eol if layout.final_newline else "")
    return (SourceFile("rds.yaml", text),)


def loaded(files):
    """The data as PyYAML reads it, text of ConfigMaps read too; not by our own code."""
    document = yaml.safe_load(files[0].text.removeprefix("\ufeff"))
    return yaml.safe_load(document["data"]["rds.yaml"]) if "data" in document else document


def hosts_of(data):
    return data["resources"][0]["virtual_hosts"]


def is_ours(route):
    return route.get("name") == NAME


def sends_to_orders(file):
    return any(route["route"]["cluster"][1] == "orders" for listed in file[1] for _, route in listed)


def no_line_of_a_person_is_changed_or_moved(layout, before, after):
    if layout.flow in {"list", "json"}:
        return  # our item stands inside a line of theirs: the byte-for-byte property is the one for that
    rest = iter(after[0].text.split("\n"))
    assert all(line in rest for line in before[0].text.split("\n"))


def everything_but_our_rule_reads_the_same(before, after):
    data = loaded(after)
    for host in hosts_of(data):
        host["routes"] = [route for route in host["routes"] if not is_ours(route)]
    assert data == loaded(before)


def each_canary_is_its_stable_route_with_a_header_a_cluster_and_a_stamp(after):
    for host in hosts_of(loaded(after)):
        listed = host["routes"]
        for index, route in enumerate(listed):
            above = listed[index - 1] if index else {}
            assert is_ours(above) == (route["route"]["cluster"] == "orders")
            if is_ours(above):
                assert above.pop("name") == NAME
                assert above["match"]["headers"].pop() == {"name": "x-canary", "string_match": {"exact": "always"}}
                stamp = above["response_headers_to_add"].pop()
                assert stamp["header"] == {"key": STAMP_HEADER, "value": "r-1"}
                above["route"]["cluster"] = "orders"
                match = {key: value for key, value in above["match"].items() if value != []}
                rest = {key: value for key, value in above.items() if value != [] and key != "match"}
                assert {"match": match, **rest} == route


# One test for all the properties: making a file and editing it is what takes the time, five times over otherwise.
@given(files.filter(sends_to_orders))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_the_layout_an_edit_adds_our_rule_can_be_taken_away_and_does_nothing_else(file):
    before = written(file)
    after = insert_reversibly(DIALECT, before, a_rule())

    no_line_of_a_person_is_changed_or_moved(file[0], before, after)
    everything_but_our_rule_reads_the_same(before, after)
    each_canary_is_its_stable_route_with_a_header_a_cluster_and_a_stamp(after)
