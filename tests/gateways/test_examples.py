"""The example request of a route in each product's own words, or the reason why there is none."""

import re

import pytest

from gatewayctl.domain.routing import Example, SourceFile
from gatewayctl.gateways.registry import gateway
from tests.contract.dialects import SAMPLES, a_rule

_OF = {sample.kind: sample.files[0] for sample in SAMPLES}
_CONDITIONS = {
    "envoy": "{ prefix: /api/orders/ }",
    "httproute": "path: { type: PathPrefix, value: /api/orders/ }",
    "nginx": "location /api/orders/ {",
    "spring-cloud-gateway": "- Path=/api/orders/**",
}


def example(kind: str, condition: str, *others: tuple[str, str]) -> Example:
    """The example of the sample's route of orders, with another condition and other changes of the file."""
    file = _OF[kind]
    text = file.text
    for old, new in ((_CONDITIONS[kind], condition), *others):
        assert old in text
        text = text.replace(old, new, 1)
    (covered,) = gateway(kind).dialect.insert((SourceFile(file.name, text),), a_rule()).covered
    (found,) = covered.examples
    return found


@pytest.mark.parametrize(
    ("kind", "condition", "path", "headers"),
    [
        ("envoy", "{ path: /a }", "/a", ()),
        ("envoy", "{ path_separated_prefix: /a }", "/a", ()),
        (
            "envoy",
            "{ prefix: /a, headers: [{ name: v, string_match: { exact: '2' } }, { name: any, present_match: true }] }",
            "/a",
            (("v", "2"), ("any", "gatewayctl")),
        ),
        ("envoy", "{ prefix: /a, headers: [{ name: ':method', string_match: { exact: GET } }] }", "/a", ()),
        (
            "envoy",
            "{ prefix: /a, query_parameters: [{ name: q, string_match: { exact: 'x y' } }] }",
            "/a?q=x+y",
            (),
        ),
        ("httproute", "path: { type: Exact, value: /a }\n      method: GET", "/a", ()),
        ("httproute", "headers: [{ name: V, value: '2' }]", "/", (("v", "2"),)),
        ("httproute", "queryParams: [{ name: q, value: x }]", "/?q=x", ()),
        ("nginx", "location = /a {", "/a", ()),
        ("nginx", "location ^~ /a/ {", "/a/", ()),
        ("nginx", 'location "/a b/" {', "/a%20b/", ()),
        ("spring-cloud-gateway", "- Path=/a/{id}/*", "/a/1/1", ()),
        ("spring-cloud-gateway", "- Path=/a/{*rest}", "/a", ()),
        ("spring-cloud-gateway", "- Path=/**\n  - Method=POST,GET\n  - Header=V, 2", "/", (("V", "2"),)),
        ("spring-cloud-gateway", "- Path=/a\n  - Cookie=c, 1\n  - Query=q", "/a?q=gatewayctl", (("cookie", "c=1"),)),
    ],
)
def test_a_route_that_a_get_can_reach_has_a_request(kind, condition, path, headers):
    found = example(kind, condition)

    assert (found.why_not, found.path, found.headers) == ("", path, headers)


@pytest.mark.parametrize(
    ("kind", "condition", "reason"),
    [
        ("envoy", "{ prefix: /, headers: [{ name: ':method', string_match: { exact: POST } }] }", "only POST"),
        ("envoy", "{ prefix: /, headers: [{ name: v, string_match: { exact: x }, invert_match: true }] }", "header v"),
        ("envoy", "{ prefix: /, headers: [{ name: v, string_match: { safe_regex: { regex: x } } }] }", "the header v"),
        ("envoy", "{ prefix: /, grpc: {} }", "only gRPC"),
        ("httproute", "method: POST", "only POST"),
        ("httproute", "headers: [{ name: v, type: RegularExpression, value: x+ }]", "the header v is a regular"),
        ("spring-cloud-gateway", "- Path=/a\n  - Method=POST", "only POST"),
        ("spring-cloud-gateway", "- Path=/a\n  - After=2030-01-20T17:42:47.789-07:00[America/Denver]", "After"),
        ("spring-cloud-gateway", "- Path=/a/{id:\\\\d+}", "the pattern"),
        ("spring-cloud-gateway", "- Path=/a\n  - Header=V, \\\\d+", "the header V is an expression"),
    ],
)
def test_a_condition_that_a_get_cannot_meet_is_the_reason_why_there_is_no_request(kind, condition, reason):
    found = example(kind, condition)

    assert (found.path, found.taken) == ("", "")
    assert reason in found.why_not


@pytest.mark.parametrize(
    ("kind", "condition", "taken", "other"),
    [
        ("envoy", "{ safe_regex: { regex: '/x/[0-9]+' } }", "/x/12", "/x/12/y"),
        ("httproute", "path: { type: RegularExpression, value: '/x/[0-9]+' }", "/x/12", "/y"),
        ("nginx", "location ~ ^/x/ {", "/x/y", "/y/x/"),
        ("nginx", "location ~* ^/x/ {", "/X/y", "/y/x/"),
    ],
)
def test_a_path_of_an_expression_can_be_named_by_people(kind, condition, taken, other):
    found = example(kind, condition)

    assert (found.path, found.why_not) == ("", "a regular expression")
    assert re.search(found.taken, taken)
    assert not re.search(found.taken, other)


@pytest.mark.parametrize(
    ("kind", "old", "new", "hosts"),
    [
        ("envoy", 'domains: ["*"]', "domains: [shop.example.com, '*.shop.example.com']", 2),
        ("envoy", 'domains: ["*"]', "domains: shop.example.com", 1),
        ("envoy", 'domains: ["*"]', "domains: [a, '*']", 0),
        ("nginx", "listen 80;", "listen 80;\n  server_name shop.example.com *.shop.example.com;", 2),
        ("nginx", "listen 80;", "listen 80;\n  server_name _;", 0),
        ("httproute", "spec:\n", "spec:\n  hostnames: [shop.example.com]\n", 1),
    ],
)
def test_a_request_goes_to_a_host_of_the_route(kind, old, new, hosts):
    found = example(kind, _CONDITIONS[kind], (old, new))

    assert len(found.hosts) == hosts
    assert not hosts or "shop.example.com" in found.hosts
