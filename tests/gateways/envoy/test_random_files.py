"""Random files: whatever the layout, an edit adds our rule, takes it away again, and changes nothing else."""

import copy
import json
from dataclasses import dataclass

import yaml
from hypothesis import given
from hypothesis import strategies as st

from gatewayctl.domain.routing import STAMP_HEADER
from gatewayctl.gateways.registry import gateway
from tests.contract.dialects import insert_reversibly
from tests.gateways.envoy.samples import ROUTES, a_rule, one
from tests.gateways.random_files import Layout, YamlWriter, check_lines_kept, layouts, thorough

DIALECT = gateway("envoy").dialect
NAME = "gatewayctl-orders-canary"
SHARE_NAME = "gatewayctl-orders-canary-share"


@dataclass(frozen=True)
class EnvoyLayout(Layout):
    """The layout of an RDS file; `wrapped`: in a ConfigMap. Flow `lines`: a flow list with one item to a line."""

    wrapped: bool


texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp", "Co", "Cn")), max_size=12)
# Written without quotes, so that styles mix. YAML 1.1 reads them as other things than text.
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
        route["name"] = draw(values)
    if draw(st.booleans()):
        route["metadata"] = {"filter_metadata": {"team": draw(extras), "none": {}}}
    if draw(st.booleans()):
        header = {"key": ("text", "x-a"), "value": draw(values)}
        route["response_headers_to_add"] = [{"header": header}, {"header": header, "append": ("word", "false")}]
    above = draw(st.lists(st.sampled_from(["", "# note", "#", "      # deep", "# [END x]"]), max_size=3))
    return above, dict(draw(st.permutations(list(route.items()))))


files = st.tuples(
    layouts(EnvoyLayout, ["none", "leaves", "items", "lines", "list", "json"], wrapped=st.booleans()),
    st.lists(st.lists(routes(), min_size=1, max_size=4), min_size=1, max_size=3),
)


def write_scalar(value, in_flow, layout):
    kind, text = value
    if layout.flow != "json" and kind == "word" and not (in_flow and set(text) & set(",[]{}")):
        return text
    return json.dumps(text, ensure_ascii=False)


def host_lines(number, listed, layout):
    writer = YamlWriter(layout, lambda value, in_flow: write_scalar(value, in_flow, layout))
    lines = [f"  - name: host{number}", f'    domains: ["h{number}.example"]']
    if layout.is_one_line:
        return [*lines, f"    routes: {writer.inline([route for _, route in listed])}"]
    if layout.flow != "lines":
        return [*lines, "    routes:", *writer.items(listed, 4 + layout.dash)]
    lines.append("    routes: [")
    for above, route in listed:
        lines += [*(f"      {line}" if line else "" for line in above), f"      {writer.inline(route)},"]
    return [*lines, "      ]"]


def write(file):
    layout, hosts = file
    lines = ["# café", "resources:", f'- "@type": {ROUTES}', "  name: shop", "  virtual_hosts:"]
    for number, listed in enumerate(hosts):
        lines += host_lines(number, listed, layout)
    if layout.wrapped:
        head = ["apiVersion: v1", "kind: ConfigMap", "data:", "  other: x", "  rds.yaml: |"]
        lines = [*head, *("    " + line if line else "" for line in lines)]
    return one(layout.as_text(lines))


def load(files):
    """The data as PyYAML reads it, text of ConfigMaps read too; not by our own code."""
    document = yaml.safe_load(files[0].text.removeprefix("\ufeff"))
    return yaml.safe_load(document["data"]["rds.yaml"]) if "data" in document else document


def hosts_of(data):
    return data["resources"][0]["virtual_hosts"]


def take_mark(route):
    """The rule that a route was written for, taken out of its metadata; empty where it is none of ours."""
    filters = route.get("metadata", {}).get("filter_metadata", {})
    mark = filters.pop("gatewayctl", {})
    if mark and not filters:
        del route["metadata"]
    return mark.get("rule", "")


def is_ours(route):
    return take_mark(copy.deepcopy(route)) in {NAME, SHARE_NAME}


def sends_to_orders(file):
    return any(route["route"]["cluster"][1] == "orders" for listed in file[1] for _, route in listed)


def check_rest_is_same(before, after):
    data = load(after)
    for host in hosts_of(data):
        host["routes"] = [route for route in host["routes"] if not is_ours(route)]
    assert data == load(before)


def check_canary_routes(after, share):
    """Each route of stable has the canary's above it: the same but for mark, match, cluster and stamp."""
    for host in hosts_of(load(after)):
        above = []
        for route in host["routes"]:
            if is_ours(route):
                above.append(route)
                continue
            names = [NAME, *([SHARE_NAME] if share else [])] if route["route"]["cluster"] == "orders" else []
            assert [take_mark(one) for one in above] == names
            assert [as_stables(one, share) for one in above] == [route] * len(names)
            above = []


def as_stables(route, share):
    """One of our routes without what makes it ours."""
    if "runtime_fraction" in route["match"]:
        assert route.pop("stat_prefix") == SHARE_NAME
        assert route["match"].pop("runtime_fraction") == {
            "default_value": {"numerator": share, "denominator": "HUNDRED"}
        }
    else:
        assert route["match"]["headers"].pop() == {"name": "x-canary", "string_match": {"exact": "always"}}
    stamp = route["response_headers_to_add"].pop()
    assert stamp["header"] == {"key": STAMP_HEADER, "value": "r-1"}
    assert route["route"]["cluster"] == "orders-canary"
    route["route"]["cluster"] = "orders"
    match = {key: value for key, value in route["match"].items() if value != []}
    return {"match": match, **{key: value for key, value in route.items() if value != [] and key != "match"}}


# One test for all the properties: making a file and editing it is what takes the time, five times over otherwise.
@given(files.filter(sends_to_orders), st.sampled_from([0, 1, 50, 100]))
@thorough(150)
def test_whatever_the_layout_an_edit_adds_our_rule_can_be_taken_away_and_does_nothing_else(file, share):
    before = write(file)
    after = insert_reversibly(DIALECT, before, a_rule(share=share))

    check_lines_kept(file[0], before, after)
    check_rest_is_same(before, after)
    check_canary_routes(after, share)
