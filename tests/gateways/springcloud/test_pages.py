"""Routes in `.properties` that a ConfigMap manifest holds: edited in their block, and nothing else of the manifest."""

from collections.abc import Callable
from textwrap import indent

import pytest

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import Files, SourceFile
from tests.gateways.springcloud.test_properties import DIALECT, FILE, RULE, insert, one

TRAILING = FILE.replace("\n\n", "\n  \n").replace("order=2\n", "order=2  \n")
LISTED = """
    application.yml: |
      spring:
        cloud:
          gateway:
            server:
              webflux:
                routes:
                - id: more
                  uri: http://orders:8080
                  predicates: [Path=/more/**]
"""


def manifest(text: str = FILE, key: str = "application.properties", style: str = "|", more: str = "") -> str:
    block = indent(text, "      ", lambda line: line.strip() != "")
    return f"""\
# The platform team's.
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {{name: edge}}
  data:
    LOG: debug
    {key}: {style}
{block}
{more}---
apiVersion: v1
kind: Service
metadata: {{name: edge}}
"""


def edge(*texts: str, **options: str) -> Files:
    return one(manifest(*texts, **options), "edge.yaml")


SHAPES: list[Callable[[], Files]] = [
    edge,
    lambda: edge(style="|-"),
    lambda: edge(style="|+"),
    lambda: edge(TRAILING),
    lambda: edge(more=LISTED),
    lambda: one(manifest().replace("\n", "\r\n"), "edge.yaml"),
    lambda: (*edge(), SourceFile("application.properties", "server.port=80\n")),
    lambda: one(manifest() + manifest(more=LISTED).replace("# The", "---\n# The"), "edge.yaml"),
]


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_inserted_is_removed_byte_for_byte_and_inserted_once(shape):
    before = shape()

    after = DIALECT.insert(before, RULE).apply(before)

    assert after != before
    assert DIALECT.insert(after, RULE).stages == ()
    assert DIALECT.remove(after, "orders").apply(after) == before


def test_the_block_becomes_what_the_file_would_and_nothing_else_changes():
    assert insert(edge()) == manifest(insert(one(FILE)))


def test_a_list_in_yaml_beside_it_gets_its_rule_too():
    after = insert(edge(more=LISTED))

    assert after.count('- id: "gatewayctl-orders-canary"') == 1
    assert after.count(".id=gatewayctl-orders-canary") == 1


def test_routes_are_listed_with_the_lines_of_the_manifest():
    before = edge()
    lines = before[0].text.splitlines()

    assert [(view.file, lines[view.line - 1].strip()) for view in DIALECT.routes(before)] == [
        ("edge.yaml", line) for line in FILE.splitlines() if ".id=" in line
    ]
    assert [view.file for view in DIALECT.insert(before, RULE).covered] == ["edge.yaml"]


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        (edge(FILE.replace("[2].", "[3].")), "edge.yaml:28: there is no route 2 before this one"),
        (edge(FILE.replace("http://orders:8080", "lb://orders")), "edge.yaml:19: the canary's address cannot"),
        (edge(key="application.conf"), "edge.yaml:15: routes written as properties"),
        (edge(style=">"), "application.properties holds gateway configuration as a folded scalar"),
    ],
)
def test_what_cannot_be_edited_safely_is_refused_with_the_manifests_line(files, fault):
    with pytest.raises(Refused) as caught:
        DIALECT.insert(files, RULE)

    assert fault in str(caught.value)


def test_a_manifest_of_something_else_beside_it_is_left_alone():
    other = SourceFile("values.yaml", "kind: ConfigMap\napiVersion: v1\ndata: {a.properties: 'a=b'}\n")
    before = (*edge(), other)

    assert DIALECT.insert(before, RULE).apply(before)[1] == other
