"""Edits of YAML: the result reads as intended, and a result that would not is never returned."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yaml.nodes import MappingNode, ScalarNode, SequenceNode

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import SourceFile
from gatewayctl.gateways.yamltext.compare import difference
from gatewayctl.gateways.yamltext.document import MAX_CHARS, Fault, parse
from gatewayctl.gateways.yamltext.edit import Edit, apply_edits
from gatewayctl.gateways.yamltext.emit import Style, block_item, flow
from gatewayctl.gateways.yamltext.fragments import read


def any_value(text):
    return True


def a_list(text):
    source = read(SourceFile("f.yaml", text), any_value)
    (fragment,) = source.fragments
    return source, fragment, fragment.roots[0].value[0][1]


def test_an_item_that_would_not_read_as_meant_is_not_written():
    source, fragment, listed = a_list("items:\n- a: 1\n")
    item = MappingNode("", [(ScalarNode("", "a"), ScalarNode("", "b # and the rest"))])

    with pytest.raises(Refused, match=r"f\.yaml.*: editing this would change more than our own rule"):
        apply_edits(source, [Edit(fragment, listed, 0, item)], any_value)


def test_an_item_that_would_reach_into_its_neighbour_is_not_written():
    source, fragment, listed = a_list("items:\n- a: 1\n- b: 2\n")
    item = MappingNode("", [(ScalarNode("", "a"), ScalarNode("", "[1,"))])

    with pytest.raises(Refused):
        apply_edits(source, [Edit(fragment, listed, 1, item)], any_value)


def test_no_edit_gives_back_the_same_file():
    source, _, _ = a_list("items:\n- a: 1\n")

    assert apply_edits(source, [], any_value) is source.file


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a: on", 'a: "on"'),
        ("a: 1", "a: 01"),
        ("a: x", "a: !!str x"),
        ("a: [1]", "a: [1, 1]"),
        ("a: [1]", "a: {1: }"),
        ("a: 1\nb: 2", "b: 2\na: 1"),
        ("a: {b: 1}", "a: {c: 1}"),
        ("a: &x 1\nb: *x", "a: 1\nb: 2"),
        ("? [a]\n: 1", "? [b]\n: 1"),
    ],
)
def test_two_texts_that_a_gateway_may_read_differently_differ(one, other):
    (before,), (after,) = parse(one), parse(other)

    assert difference(before, before, {}) is None
    assert difference(before, after, {}) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a: {b: [1, x]}", "a:\n  b:\n  - 1\n  - x"),
        ("a: &x {b: 1}\nc: *x", "a: {b: 1}\nc: {b: 1}"),
        ("a: 'x'", 'a: "x"'),
        ("a: GET, PUT", 'a: "GET, PUT"'),
    ],
)
def test_two_texts_that_differ_in_layout_only_are_the_same(one, other):
    (before,), (after,) = parse(one), parse(other)

    assert difference(before, after, {}) is None


def test_a_text_without_bounds_is_not_parsed():
    assert isinstance(parse("a" * (MAX_CHARS + 1)), Fault)
    assert isinstance(parse("- " * 5000 + "a"), Fault)
    assert isinstance(parse("".join(" " * level + "a:\n" for level in range(300))), Fault)


text = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cn")), max_size=20)
blocks = st.lists(st.text("ab#: -", max_size=6), min_size=1, max_size=4).map("\n".join)
words = st.sampled_from(["a", "on", "1.5", "x y", "GET, PUT", "~", "a:b"])
# No value: only a key of a mapping may have none; between commas of a flow list it would be no item.
nothing = st.builds(lambda: ScalarNode("", ""))
scalars = st.one_of(
    st.builds(lambda value: ScalarNode("", value, style='"'), text),
    st.builds(lambda value: ScalarNode("", value, style="'"), text),
    st.builds(lambda value: ScalarNode("", value, style="|"), blocks | blocks.map(lambda block: block + "\n") | text),
    st.builds(lambda value: ScalarNode("", value), words),
    st.builds(lambda value: ScalarNode("tag:yaml.org,2002:str", value), st.sampled_from(["5", "yes"])),
)
names = st.one_of(
    st.builds(lambda value: ScalarNode("", value, style='"'), text),
    st.builds(lambda value: ScalarNode("", value), st.sampled_from(["a", "b_c", "x-y.z"])),
)


def collections(inside):
    pairs = st.lists(st.tuples(names, inside | nothing), max_size=4)
    lists = st.lists(inside, max_size=3)
    return st.one_of(
        st.builds(lambda value, style: MappingNode("", value, flow_style=style), pairs, st.booleans()),
        st.builds(lambda value, style: SequenceNode("", value, flow_style=style), lists, st.booleans()),
    )


nodes = st.recursive(scalars, collections, max_leaves=12)
mappings = st.builds(
    lambda value, style: MappingNode("", value, flow_style=style),
    st.lists(st.tuples(names, nodes), min_size=1, max_size=4),
    st.booleans(),
)
styles = st.builds(
    Style, step=st.integers(1, 5), dash=st.integers(0, 4), gap=st.integers(1, 3), pad=st.sampled_from(["", " "])
)


@given(mappings, styles, st.integers(0, 6))
@settings(max_examples=300)
def test_a_written_item_reads_as_it_was_meant(node, style, column):
    (found,) = parse("\n".join(block_item(node, column, style)) + "\n")

    assert difference(SequenceNode("", [node]), found, {}) is None


@given(mappings, styles)
@settings(max_examples=300)
def test_a_written_line_reads_as_it_was_meant(node, style):
    line = flow(node, style)
    (found,) = parse(f"[{line}, {line}]")

    assert "\n" not in line
    assert difference(SequenceNode("", [node, node]), found, {}) is None
