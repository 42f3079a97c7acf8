"""Files of Spring Cloud Gateway that are refused, each with the place and the reason."""

import pytest

from gatewayctl.domain.errors import Refused, UsageFault
from gatewayctl.gateways.registry import GATEWAYS, gateway
from tests.gateways.springcloud.samples import NEW, OLD, ORDERS, WEB, a_rule, listed, one

DIALECT = gateway("spring-cloud-gateway").dialect
MORE = ORDERS.replace("id: orders", "id: more")
HEAD = "- id: o\n  uri: http://orders\n"

REFUSALS = {
    "a Maven template": ("a: @x@\n" + listed(ORDERS), ":1: not YAML", "it looks like a template (@x@)"),
    "a Helm template": (f"{NEW}:\n{{{{- if .x }}}}\n{ORDERS}{{{{- end }}}}\n", ":3: not YAML", "template ({{)"),
    "templated routes": (f"{NEW}: {{{{ .Values.routes }}}}\n", ":1: a list of routes is left to a template", ""),
    "templated predicates": (
        listed(HEAD + "  predicates: {{ .x }}\n"),
        ":4: a list of predicates is left to a template",
        "",
    ),
    "properties": (f"x=1\n{NEW}[0].uri=http://orders\n", ":2: routes written as properties", "another number"),
    "index keys": (f"{NEW}[0]:\n  id: o\n", ":1: ", "is written by index"),
    "flat index keys": (f"{NEW}[0].id: o\n", ":1: ", "is written by index"),
    "numbers as keys": (f"{NEW}:\n  0: {{id: o}}\n", ":1: ", "is written by index"),
    "index keys elsewhere": (listed(ORDERS) + f"---\n{NEW}[0].id: o\n", ":7: ", "is written by index"),
    "a merged list": (f"x: &x\n  {NEW}: []\n<<: *x\n", ":2: ", "comes in by a merge key"),
    "routes as text": (f"{NEW}: http://orders\n", ":1: a list of routes expected here", "'http://orders'"),
    "a route as text": (listed("- orders\n"), ":2: a route expected here", ""),
    "a list twice": (f"{NEW}: []\n" + "spring.cloud:\n  gateway.server.webflux.routes: []\n", ":3: ", "is set twice"),
    "a key twice": (listed(HEAD + "  id: p\n"), ":4: the key id occurs twice", ""),
    "a field twice": (listed(HEAD + "  Uri: p\n"), ":4: uri is set twice in a route", ""),
    "no id": (listed("- uri: http://orders\n  predicates: [Path=/]\n"), ":2: this route has no id", "a random one"),
    "no predicates": (listed(HEAD), ":2: this route has no predicates", ""),
    "one predicate as text": (listed(HEAD + "  predicates: Path=/\n"), ":4: a list of predicates expected", ""),
    "predicates by index": (listed(HEAD + "  predicates[0]: Path=/\n"), ":4: the predicates of this route", "index"),
    "filters by index": (
        listed(HEAD + "  predicates: [Path=/]\n  filters[0]: X\n"),
        ":5: the filters of this route are written by index",
        "",
    ),
    "a share": (listed(HEAD + "  predicates: [Path=/, 'Weight=g, 8']\n"), ":4: this route takes a share", "Weight"),
    "a share, long": (
        listed(HEAD + "  predicates:\n  - name: Weight\n    args: {weight.group: g, weight.weight: 8}\n"),
        ":5: this route takes a share",
        "Weight",
    ),
    "the same header": (
        listed(HEAD + "  predicates: ['Header=X-Canary, beta']\n"),
        ":2: this route already tests the header x-canary",
        "",
    ),
    "the same header, long": (
        listed(HEAD + "  predicates:\n  - name: Header\n    args: {regexp: b, header: X-Canary}\n"),
        ":2: this route already tests the header x-canary",
        "",
    ),
    "a merge key in the route": (
        f"x: &x {{order: 1}}\n{listed(HEAD)}  predicates: [Path=/]\n  <<: *x\n",
        ":6: a merge key (<<) in what has to be copied",
        "",
    ),
    "an alias as the route": (
        f"x: &x\n  id: o\n  uri: http://orders\n  predicates: [Path=/]\n{NEW}:\n- *x\n",
        "",
        "used by an alias",
    ),
    "our metadata taken": (
        listed(ORDERS + "  metadata: {gatewayctl: mine}\n"),
        "",
        "metadata called gatewayctl already",
    ),
    "metadata as text": (listed(ORDERS + "  metadata: x\n"), ":6: metadata expected here", ""),
    "a registry": (listed(ORDERS.replace("http://orders:8080", "lb://orders")), ":3: ", "looked up in a registry"),
    "a registry by a scheme of its own": (
        listed(ORDERS.replace("http://orders:8080", "grayLb://orders")),
        ":3: ",
        "grayLb://orders is looked up in a registry",
    ),
    "a route without a uri": (
        listed(WEB, "- id: orders\n  predicates: [Path=/]\n"),
        ":6: no route sends to orders: this one has no uri",
        "",
    ),
    "the route without a uri that has the name": (
        listed("- id: a\n  predicates: [Path=/]\n", "- id: orders\n  predicates: [Path=/]\n"),
        ":4: no route sends to orders: this one has no uri",
        "",
    ),
    "this machine": (
        listed(ORDERS.replace("//orders", "//localhost")),
        ":3: ",
        "localhost is the machine itself",
    ),
    "both prefixes": (listed(ORDERS) + listed(ORDERS, key=OLD), "", "depends on the gateway's version"),
    "lists of other length": (
        f"{listed(ORDERS)}---\nspring.profiles: p\n{listed(ORDERS, MORE)}",
        "",
        "another number of routes",
    ),
    "switched off": (listed(ORDERS + "  enabled: false\n"), ":2: no route sends to orders: this one is switched", ""),
    "another service": (listed(WEB), ": no route sends to orders", "upstreams with routes: web"),
    "no routes": (f"{NEW}: []\n", ": no route sends to orders: there are no routes here", ""),
    "a registry's routes": (
        "spring.cloud.gateway.discovery.locator.enabled: true\n",
        ":1: ",
        "made from a registry",
    ),
    "the servlet gateway": (
        "spring.cloud.gateway.mvc.routes:\n- id: o\n  uri: http://orders\n",
        ":1: ",
        "the servlet gateway",
    ),
    "nothing of Spring": ("static_resources: {}\n", ": holds no routes of Spring Cloud Gateway", ""),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_file_is_refused_with_its_reason(name):
    text, start, part = REFUSALS[name]
    service = "localhost" if name == "this machine" else "orders"

    with pytest.raises(Refused) as caught:
        DIALECT.insert(one(text), a_rule(service=service, canary=f"{service}-canary"))

    assert str(caught.value).startswith(f"application.yml{start}"), str(caught.value)
    assert part in str(caught.value)


@pytest.mark.parametrize("host", ["a b", "a:b", "${X}", "a:123456", "a/b", "[1.2"])
def test_an_address_that_is_none_is_refused(host):
    with pytest.raises(Refused, match="is neither a host name nor an address"):
        DIALECT.insert(one(listed(ORDERS)), a_rule(canary_host=host))


def test_routes_that_cannot_be_edited_are_not_shown_as_none():
    with pytest.raises(Refused, match="written by index"):
        DIALECT.routes(one(f"{NEW}[0].id: o\n"))


@pytest.mark.parametrize("uri", ["lb://orders", "grayLb://ORDERS", "lb:ws://${NAME:orders}"])
def test_a_canary_uri_that_is_stables_is_refused_with_its_line(uri):
    files = one(listed(ORDERS.replace("http://orders:8080", uri)))

    with pytest.raises(Refused, match=r"application.yml:3: stable has the canary's URI: lb://orders"):
        DIALECT.insert(files, a_rule(canary_uri="lb://orders"))


def test_a_registry_is_refused_with_both_ways_out():
    with pytest.raises(Refused) as why:
        DIALECT.insert(one(listed(ORDERS.replace("http://orders:8080", "lb://orders"))), a_rule())

    assert "--canary-host HOST:PORT" in why.value.hint
    assert "--canary-uri lb://NAME" in why.value.hint


def test_only_a_gateway_with_a_registry_takes_a_canary_uri():
    rule = a_rule(canary_uri="lb://orders-canary")

    DIALECT.limits.permit(rule)
    for kind in set(GATEWAYS) - {"spring-cloud-gateway"}:
        with pytest.raises(UsageFault, match="by its address only"):
            gateway(kind).dialect.limits.permit(rule)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"canary_uri": "orders-canary"}, "'orders-canary' is no URI of a canary"),
        ({"canary_uri": "lb://a\nb"}, "is no URI of a canary"),
        ({"canary_uri": "lb://${NAME}"}, "is no URI of a canary"),
        ({"canary_uri": "lb://a", "canary_host": "b"}, r"both an address \(b\) and a URI \(lb://a\)"),
    ],
)
def test_a_canary_uri_that_cannot_be_written_is_refused(changes, reason):
    with pytest.raises(UsageFault, match=reason):
        DIALECT.limits.permit(a_rule(**changes))
