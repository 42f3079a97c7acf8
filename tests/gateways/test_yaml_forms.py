"""Every legal form of YAML is edited right and undone byte for byte, or refused with its line; nothing else happens."""

from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gatewayctl.domain.errors import Refused
from gatewayctl.gateways.registry import gateway
from tests.contract.dialects import insert_reversibly
from tests.gateways.random_files import thorough
from tests.gateways.samples import a_rule, one_file
from tests.gateways.yaml_forms import FormWriter

SPRING = {
    "server": {"port": "80"},
    "spring": {
        "cloud.gateway": {
            "routes": [
                {"id": "web", "uri": "http://web:80", "predicates": ["Path=/web/**"], "filters": ["StripPrefix=1"]},
                {
                    "id": "orders",
                    "uri": "http://orders:80",
                    "predicates": ["Path=/orders/**", "Method=GET"],
                    "filters": [{"name": "Retry", "args": {"retries": "3", "note": "some long text"}}],
                    "metadata": {"note": "two words", "more": {"a": "b"}},
                },
                {"id": "more", "uri": "http://orders:80", "predicates": ["Path=/more/**"]},
            ]
        }
    },
    "z": {"a": "b"},
}
TO_ORDERS = {"cluster": "orders", "timeout": "30s"}
ENVOY = {
    "resources": [
        {
            "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
            "name": "shop",
            "virtual_hosts": [
                {
                    "name": "public",
                    "domains": ["*"],
                    "routes": [
                        {"match": {"prefix": "/web"}, "route": {"cluster": "web"}},
                        {
                            "match": {"prefix": "/orders", "headers": [{"name": "x", "exact_match": "some text"}]},
                            "route": TO_ORDERS,
                            "metadata": {"filter_metadata": {"team": {"note": "two words"}}},
                        },
                        {"match": {"prefix": "/more"}, "route": {"cluster": "orders"}},
                    ],
                }
            ],
        }
    ]
}
SET = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "a", "value": "two words"}]}}
HTTPROUTE = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "shop", "labels": {"a": "some words"}},
    "spec": {
        "hostnames": ["shop.example.com"],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/web"}}],
                "backendRefs": [{"name": "web", "port": "80"}],
            },
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/orders"}}],
                "filters": [SET],
                "backendRefs": [{"name": "orders", "port": "80"}],
            },
        ],
    },
}
FILES = {"spring-cloud-gateway": SPRING, "envoy": ENVOY, "httproute": HTTPROUTE}


def data_of(text: str) -> Any:
    """The first document, every scalar a text, as libyaml reads it; None where it cannot."""
    try:
        return next(yaml.load_all(text.removeprefix("\ufeff"), Loader=yaml.CBaseLoader))
    except yaml.YAMLError:
        return None


def without_ours(data: Any) -> Any:
    """`data` without the list items that are ours: by their name, or by the mark in their metadata."""
    if isinstance(data, dict):
        return {key: without_ours(value) for key, value in data.items()}
    if not isinstance(data, list):
        return data
    return [without_ours(item) for item in data if not is_ours(item)]


def is_ours(item: Any) -> bool:
    if not isinstance(item, dict):
        return False
    metadata = item.get("metadata")
    is_marked = isinstance(metadata, dict) and "gatewayctl" in metadata.get("filter_metadata", {})
    return is_marked or any(str(value).startswith("gatewayctl-") for value in item.values())


@pytest.mark.parametrize("kind", FILES)
@given(seed=st.integers(0, 2**32), plain=st.sampled_from([70, 85, 95]))
@thorough(60)
def test_every_form_of_yaml_is_edited_right(kind, seed, plain):
    random = Random(seed)  # noqa: S311 (nothing secret is made of it)
    text = FormWriter(random, plain).document(FILES[kind])
    read, dialect, rule = data_of(text), gateway(kind).dialect, a_rule()
    if read is None:  # a tab in a place where readers differ
        with pytest.raises(Refused, match=r"^f\.yaml:\d+: "):
            dialect.insert(one_file(text, "f.yaml"), rule)
        return

    (after,) = insert_reversibly(dialect, one_file(text, "f.yaml"), rule)

    assert data_of(after.text) != read
    assert without_ours(data_of(after.text)) == read


SCALARS = {
    "a word below its key": "filters:\n    word\n",
    "a word below its key and a comment": "filters:  # why\n    # why\n    word\n",
    "a quoted text below its key": "filters:\n    'two words'\n",
    "a long text": "filters: two\n    words\n",
    "an anchor above a word": "filters: &x\n    word\n",
    "a tag above a word": "filters: !!str\n    word\n",
    "an explicit key": "? filters\n  : word\n",
    "a block scalar below its key": "filters:\n    |2-\n      word\n",
}


TEXTS = pytest.mark.parametrize("text", SCALARS.values(), ids=SCALARS.keys())


def a_spring_file(more: str) -> str:
    """A file with one route, and this text as the rest of its fields."""
    return f"spring.cloud.gateway.routes:\n- id: orders\n  uri: http://orders\n  predicates: [Path=/]\n  {more}"


@TEXTS
def test_a_long_text_in_any_form_is_copied(text):
    before = a_spring_file(text.replace("filters", "note"))

    (after,) = insert_reversibly(gateway("spring-cloud-gateway").dialect, one_file(before, "f.yaml"), a_rule())

    assert without_ours(data_of(after.text)) == data_of(before)


@TEXTS
def test_a_text_in_the_place_of_a_list_is_refused_with_its_line(text):
    with pytest.raises(Refused, match=r"^f\.yaml:[5-7]: a list of filters expected here, found the value"):
        gateway("spring-cloud-gateway").dialect.insert(one_file(a_spring_file(text), "f.yaml"), a_rule())


FIRST = {
    "spring-cloud-gateway": "spring.cloud.gateway.routes:\n"
    "{above}- id: orders\n  uri: http://orders\n  predicates: [A=b]\n",
    "envoy": "resources:\n- '@type': type.googleapis.com/envoy.config.route.v3.RouteConfiguration\n  virtual_hosts:\n"
    "  - name: v\n    domains: [x]\n    routes:\n{above}    - match: {{prefix: /}}\n      route: {{cluster: orders}}\n",
    "httproute": "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: a}}\nspec:\n  rules:\n"
    "{above}    - backendRefs: [{{name: orders, port: 80}}]\n",
}


@pytest.mark.parametrize("kind", FIRST)
@pytest.mark.parametrize("above", ["    # About orders:\n    # ask Ann.\n", "# About orders: ask Ann.\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_comment_above_the_first_route_stays_with_it(kind, above, end):
    before = FIRST[kind].format(above=above).replace("\n", end)

    (after,) = insert_reversibly(gateway(kind).dialect, one_file(before, "f.yaml"), a_rule())

    kept = before[before.index(above.replace("\n", end)) :]
    assert kept in after.text


@pytest.mark.parametrize("kind", FIRST)
def test_a_comment_apart_from_the_first_route_stays_where_it_is(kind):
    before = FIRST[kind].format(above="    # The routes of the shop\n\n")

    (after,) = insert_reversibly(gateway(kind).dialect, one_file(before, "f.yaml"), a_rule())

    assert after.text.startswith(before[: before.index("shop\n\n") + 6])


def test_a_tag_of_a_route_stays_its_own_in_the_copy():
    before = "spring.cloud.gateway.routes:\n- !!map\n  id: orders\n  uri: http://orders\n  predicates: [Path=/]\n"

    (after,) = insert_reversibly(gateway("spring-cloud-gateway").dialect, one_file(before, "f.yaml"), a_rule())

    assert '- !!map\n  id: "gatewayctl-orders-canary"\n' in after.text
