"""Files nobody thought of: whatever the layout, an edit adds our rule, takes it away, and does nothing else."""

import json
from dataclasses import dataclass

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatewayctl.domain.routing import STAMP_HEADER, SourceFile
from gatewayctl.gateways.registry import gateway
from tests.contract.dialects import insert_reversibly
from tests.gateways.springcloud.samples import ID, a_rule

DIALECT = gateway("spring-cloud-gateway").dialect
PATHS = (
    ("spring", "cloud", "gateway", "server", "webflux", "routes"),
    ("spring", "cloud", "gateway.server.webflux", "routes"),
    ("spring.cloud.gateway", "server", "webflux.routes"),
    ("spring.cloud.gateway.routes",),
    ("spring", "cloud", "gateway", "routes"),
)


@dataclass(frozen=True)
class Layout:
    """How a file is written."""

    path: tuple[str, ...]
    step: int
    dash: int
    gap: int
    eol: str
    bom: str
    final_newline: bool
    flow: str
    before: str
    after: str


layouts = st.builds(
    Layout,
    path=st.sampled_from(PATHS),
    step=st.integers(1, 6),
    dash=st.integers(0, 4),
    gap=st.integers(1, 3),
    eol=st.sampled_from(["\n", "\r\n"]),
    bom=st.sampled_from(["", "\ufeff"]),
    final_newline=st.booleans(),
    flow=st.sampled_from(["none", "leaves", "routes", "list"]),
    before=st.sampled_from(
        ["", "# café\n", "server: {port: 80}\n\n", "knife4j.gateway:\n  routes:\n  - name: orders\n---\n"]
    ),
    after=st.sampled_from(["", "\n# end\n", "x:\n  routes: [orders]\n", "---\nspring.config.activate.on-profile: p\n"]),
)
texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp", "Co", "Cn")), max_size=12)
# Written plain, so that styles mix; read by YAML 1.1 as other things than text.
words = st.sampled_from(
    ["30s", "on", "no", "1_000", "0x1F", "~", "GET", "StripPrefix=1", "A=b, c", "R=/(?<x>.*), /$\\{x}"]
)
values = st.one_of(texts.map(lambda text: ("text", text)), words.map(lambda word: ("word", word)))
long_forms = st.fixed_dictionaries({"name": values, "args": st.dictionaries(st.sampled_from(["a", "b-c"]), values)})
conditions = st.one_of(values, long_forms)


@st.composite
def routes(draw):
    route = {
        "uri": ("word", f"http://{draw(st.sampled_from(['orders', 'web', 'orders-v2']))}:80"),
        "predicates": [("word", "Path=/a/**"), *draw(st.lists(conditions, max_size=2))],
    }
    if draw(st.booleans()):
        route["filters"] = draw(st.lists(conditions, max_size=3))
    if draw(st.booleans()):
        route["metadata"] = draw(st.dictionaries(st.sampled_from(["a", "response-timeout"]), values))
    if draw(st.booleans()):
        route["order"] = ("word", str(draw(st.integers(-9, 9))))
    above = draw(st.lists(st.sampled_from(["", "# note", "#", "      # deep", "# [END x]"]), max_size=3))
    return above, dict(draw(st.permutations(list(route.items()))))


files = st.tuples(layouts, st.lists(routes(), min_size=1, max_size=5))


def scalar(value, flow):
    kind, text = value
    if kind == "word" and not (flow and set(text) & set(",[]{}")):
        return text
    return json.dumps(text, ensure_ascii=False)


def inline(node):
    if isinstance(node, dict):
        return "{" + ", ".join(f"{name}: {inline(value)}" for name, value in node.items()) + "}"
    if isinstance(node, list):
        return "[" + ", ".join(inline(one) for one in node) + "]"
    return scalar(node, flow=True)


def block(node, column, layout):
    lines = []
    for name, value in node.items():
        head = " " * column + f"{name}:"
        if isinstance(value, tuple):
            lines.append(f"{head} {scalar(value, flow=False)}")
        elif not value or (layout.flow == "leaves" and isinstance(value, dict)):
            lines.append(f"{head} {inline(value)}  # why")
        elif isinstance(value, dict):
            lines += [head, *block(value, column + layout.step, layout)]
        else:
            lines += [head, *(line for one in value for line in item(one, column + layout.dash, layout))]
    return lines


def item(node, column, layout):
    dash = " " * column + "-" + " " * layout.gap
    if isinstance(node, tuple):
        return [dash + scalar(node, flow=False)]
    first, *rest = block(node, column + 1 + layout.gap, layout)
    return [dash + first.lstrip(" "), *rest]


def named(listed):
    return [(above, {"id": ("word", f"r{number}"), **route}) for number, (above, route) in enumerate(listed)]


def written(file):
    layout, listed = file
    lines = [" " * layout.step * depth + f"{key}:" for depth, key in enumerate(layout.path)]
    column = layout.step * (len(layout.path) - 1) + layout.dash
    if layout.flow == "list":
        lines[-1] += f" [{', '.join(inline(route) for _, route in named(listed))}]"
    for above, route in [] if layout.flow == "list" else named(listed):
        lines += [" " * column + line if line else "" for line in above]
        lines += [" " * column + "- " + inline(route)] if layout.flow == "routes" else item(route, column, layout)
    text = layout.before + "\n".join(lines) + "\n" + layout.after
    text = text if layout.final_newline else text.rstrip("\n")
    return (SourceFile("application.yml", layout.bom + text.replace("\n", layout.eol)),)


def loaded(files, layout):
    """The data as PyYAML reads it, and the list of routes in it; not by our own code."""
    documents = list(yaml.safe_load_all(files[0].text.removeprefix("\ufeff")))
    for document in documents:
        node = document
        for key in layout.path:
            node = node.get(key) if isinstance(node, dict) else None
        if node is not None:
            return documents, node
    raise AssertionError("no routes")


def sends_to_orders(file):
    return any(route["uri"][1] == "http://orders:80" for _, route in file[1])


def each_canary_is_its_stable_route_with_a_header_a_uri_and_a_stamp(listed):
    for index, route in enumerate(listed):
        above = dict(listed[index - 1]) if index else {}
        assert above.get("id", "").startswith(ID) == (route["uri"] == "http://orders:80")
        if above.get("id", "").startswith(ID):
            assert above.pop("uri") == "http://orders-canary:80"
            assert above["predicates"].pop() == "Header=x-canary, always"
            assert above["filters"].pop() == f"SetResponseHeader={STAMP_HEADER}, r-1"
            assert above["metadata"].pop("gatewayctl") == "r-1"
            empty = {"filters": [], "metadata": {}, "id": above["id"]}
            assert {**empty, **route, "id": above["id"], "uri": 0} == {**empty, **above, "uri": 0}


# One test for all the properties: making a file and editing it is what takes the time.
@given(files.filter(sends_to_orders))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_the_layout_an_edit_adds_our_rule_can_be_taken_away_and_does_nothing_else(file):
    layout, before = file[0], written(file)
    after = insert_reversibly(DIALECT, before, a_rule())

    rest = iter(after[0].text.split("\n"))
    assert layout.flow == "list" or all(line in rest for line in before[0].text.split("\n"))
    each_canary_is_its_stable_route_with_a_header_a_uri_and_a_stamp(loaded(after, layout)[1])
    documents, listed = loaded(after, layout)
    listed[:] = [route for route in listed if not route["id"].startswith(ID)]
    assert documents == loaded(before, layout)[0]
