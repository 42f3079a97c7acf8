"""Random files: whatever the layout, an edit adds the rule, takes it away again, and changes nothing else."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from gatewayctl.gateways.nginx.markers import find_owned
from gatewayctl.gateways.nginx.tree import read
from tests.contract.dialects import insert_reversibly
from tests.gateways.nginx.samples import DIALECT, a_rule, insert, one
from tests.gateways.random_files import thorough


@dataclass(frozen=True)
class Layout:
    """How a file is written."""

    step: str
    eol: str
    gap: str
    final_newline: bool
    one_line: frozenset[str]
    noise: tuple[str, ...]


words = st.sampled_from(["a", "'b c'", '"d{;}e"', "$host", "${host}x", r"f\ g", "h#", "'~^/i{2}$'", '"#"'])
layouts = st.builds(
    Layout,
    step=st.sampled_from(["", "  ", "    ", "\t"]),
    eol=st.sampled_from(["\n", "\r\n"]),
    gap=st.sampled_from([" ", "  ", "\t"]),
    final_newline=st.booleans(),
    one_line=st.frozensets(st.sampled_from(["location", "if", "server", "upstream"])),
    noise=st.lists(st.sampled_from(["", "# note", "#", "# } ;", "## END"]), max_size=4).map(tuple),
)
others = st.tuples(st.sampled_from(["proxy_set_header", "add_header", "proxy_hide_header"]), words, words)
ifs = st.tuples(
    st.sampled_from(["$a", "$b = 1", '$c ~ "^x{2}"']), st.sampled_from(["return 204", "add_header x-i 1", "set $z 1"])
)
paths = st.sampled_from(["/", "/api/", "= /x", '~ "^/v[0-9]{1,2}/"', '"/with space/"', "^~ /up"])
hosts = st.sampled_from(["orders", "orders:8080", "web", "orders-v2", "backend"])


@st.composite
def locations(draw):
    path = draw(paths)
    uri = draw(st.sampled_from(["", "/v1/", "/"])) if "~ " not in path else ""
    lines = [("proxy_pass", f"http://{draw(hosts)}{uri}")]
    lines += draw(st.lists(others, max_size=3))
    lines += draw(st.lists(ifs.map(lambda pair: ("if", *pair)), max_size=2))
    return path, draw(st.permutations(lines))


files = st.tuples(layouts, st.lists(st.lists(locations(), min_size=1, max_size=3), min_size=1, max_size=3))


def block(name, head, inside, depth, layout):
    """A block as lines, or in one line if the layout says so."""
    if name in layout.one_line and not any(line.lstrip().startswith("#") for line in inside):
        return [layout.step * depth + f"{head} {{ " + " ".join(line.strip() for line in inside) + " }"]
    return [layout.step * depth + f"{head} {{", *inside, layout.step * depth + "}"]


def write(file):
    layout, servers = file
    noise = list(layout.noise)
    lines = block("upstream", "upstream backend", [f"{layout.step}server orders:80;"], 0, layout)
    for listed in servers:
        inside = []
        for path, directives in listed:
            body = []
            for name, *args in directives:
                if noise:
                    body.append(layout.step * 2 + noise.pop())
                if name == "if":
                    body += block("if", f"if ({args[0]})", [layout.step * 3 + f"{args[1]};"], 2, layout)
                else:
                    body.append(layout.step * 2 + layout.gap.join((name, *args)) + ";")
            inside += block("location", f"location {path}", body, 1, layout)
        lines += block("server", "server", inside, 0, layout)
    return one(layout.eol.join(lines) + (layout.eol if layout.final_newline else ""))


def sends_to_orders(file):
    urls = [args[0] for listed in file[1] for _, lines in listed for name, *args in lines if name == "proxy_pass"]
    return any(url.split("/")[2] in {"orders", "orders:8080", "backend"} for url in urls)


def as_data(found, pieces):
    """Names and arguments of all directives but our own, nested as in the file."""
    return [
        (one.name, one.args, as_data(one.children, pieces) if one.children is not None else None)
        for one in found
        if not any(piece.start <= one.start < piece.end for piece in pieces)
    ]


with_orders = files.filter(sends_to_orders)


shares = st.sampled_from([0, 1, 50, 100])


@given(with_orders, shares)
@thorough(100)
def test_what_is_inserted_is_removed_byte_for_byte_and_inserted_once(file, share):
    insert_reversibly(DIALECT, write(file), a_rule(share=share))


@given(with_orders, shares)
@thorough(100)
def test_everything_but_our_rule_reads_the_same(file, share):
    before = write(file)
    (was,), (now,) = read(before[0]), read(insert(before, a_rule(share=share))[0])

    assert as_data(now.roots, list(find_owned(now))) == as_data(was.roots, [])


@given(with_orders, shares)
@thorough(100)
def test_each_location_of_the_service_has_one_canary_and_its_neighbours_none(file, share):
    before = write(file)
    change = DIALECT.insert(before, a_rule(share=share))
    (now,) = read(change.apply(before)[0])
    routing = [piece for piece in find_owned(now) if piece.target]
    pieces = [piece for piece in routing if not piece.is_share]

    assert len(pieces) == len(change.covered)
    assert [piece.share for piece in routing if piece.is_share] == [share] * len(pieces if share else ())
    locations = [one for one in now.walk() if one.name == "location"]
    for location in locations:
        ours = [piece for piece in pieces if location.start < piece.start < location.end]
        (theirs,) = [
            one.values[0]
            for one in location.children
            if one.name == "proxy_pass" and not any(piece.start <= one.start < piece.end for piece in pieces)
        ]
        assert len(ours) == (theirs.split("/")[2] in {"orders", "orders:8080", "backend"})
