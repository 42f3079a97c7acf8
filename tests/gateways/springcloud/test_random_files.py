"""Random files: whatever the layout, an edit adds our rule, takes it away again, and changes nothing else."""

import json
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from gatewayctl.domain.routing import STAMP_HEADER
from gatewayctl.gateways.registry import gateway
from tests.contract.dialects import insert_reversibly
from tests.gateways.random_files import Layout, YamlWriter, check_lines_kept, layouts, load_documents, thorough
from tests.gateways.springcloud.samples import ID, a_rule, one

DIALECT = gateway("spring-cloud-gateway").dialect
PATHS = (
    ("spring", "cloud", "gateway", "server", "webflux", "routes"),
    ("spring", "cloud", "gateway.server.webflux", "routes"),
    ("spring.cloud.gateway", "server", "webflux.routes"),
    ("spring.cloud.gateway.routes",),
    ("spring", "cloud", "gateway", "routes"),
)


@dataclass(frozen=True)
class SpringLayout(Layout):
    """The layout of a Spring file: the keys above the list of routes, and the text before and after them."""

    path: tuple[str, ...]
    before: str
    after: str


spring_layouts = layouts(
    SpringLayout,
    ["none", "leaves", "items", "list"],
    path=st.sampled_from(PATHS),
    before=st.sampled_from(
        ["", "# café\n", "server: {port: 80}\n\n", "knife4j.gateway:\n  routes:\n  - name: orders\n---\n"]
    ),
    after=st.sampled_from(["", "\n# end\n", "x:\n  routes: [orders]\n", "---\nspring.config.activate.on-profile: p\n"]),
)
texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp", "Co", "Cn")), max_size=12)
# Written without quotes, so that styles mix. YAML 1.1 reads them as other things than text.
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


files = st.tuples(spring_layouts, st.lists(routes(), min_size=1, max_size=5))


def write_scalar(value, in_flow):
    kind, text = value
    if kind == "word" and not (in_flow and set(text) & set(",[]{}")):
        return text
    return json.dumps(text, ensure_ascii=False)


def with_ids(listed):
    return [(above, {"id": ("word", f"r{number}"), **route}) for number, (above, route) in enumerate(listed)]


def write(file):
    layout, listed = file
    writer = YamlWriter(layout, write_scalar)
    lines = [" " * layout.step * depth + f"{key}:" for depth, key in enumerate(layout.path)]
    if layout.is_one_line:
        lines[-1] += f" {writer.inline([route for _, route in with_ids(listed)])}"
    else:
        lines += writer.items(with_ids(listed), layout.step * (len(layout.path) - 1) + layout.dash)
    text = layout.before + "\n".join(lines) + "\n" + layout.after
    text = text if layout.final_newline else text.rstrip("\n")
    return one(layout.bom + text.replace("\n", layout.eol))


def load(files, layout):
    """The data as PyYAML reads it, and the list of routes in it; not by our own code."""
    documents = load_documents(files)
    for document in documents:
        node = document
        for key in layout.path:
            node = node.get(key) if isinstance(node, dict) else None
        if node is not None:
            return documents, node
    raise AssertionError("no routes")


def sends_to_orders(file):
    return any(route["uri"][1] == "http://orders:80" for _, route in file[1])


def check_canary_routes(listed):
    """Each route of stable has its canary's above it: the same but for a header, a uri and the stamp."""
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
@thorough(150)
def test_whatever_the_layout_an_edit_adds_our_rule_can_be_taken_away_and_does_nothing_else(file):
    layout, before = file[0], write(file)
    after = insert_reversibly(DIALECT, before, a_rule())

    check_lines_kept(layout, before, after)
    check_canary_routes(load(after, layout)[1])
    documents, listed = load(after, layout)
    listed[:] = [route for route in listed if not route["id"].startswith(ID)]
    assert documents == load(before, layout)[0]
