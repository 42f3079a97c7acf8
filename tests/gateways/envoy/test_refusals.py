"""What cannot be edited safely is refused with file, line and a reason that is true."""

import pytest

from gatewayctl.domain.errors import Refused
from gatewayctl.gateways.registry import gateway
from tests.gateways.envoy.samples import LISTENER, MANAGER, ORDERS, ROUTES, a_rule, cds, dns_cluster, one, rds

DIALECT = gateway("envoy").dialect

MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: routes}\ndata:\n"


def listener(filters: str) -> str:
    return (
        f'resources:\n- "@type": {LISTENER}\n  name: http\n  filter_chains:\n  - filters:\n    - name: http\n{filters}'
    )


def manager(inside: str) -> str:
    return listener(f'      typed_config:\n        "@type": {MANAGER}\n{inside}')


def deep(levels: int) -> str:
    return "resources: " + "[" * levels + "]" * levels + "\n"


V2 = (
    "static_resources: {listeners: [{filter_chains: [{filters: [\n"
    "  {name: envoy.http_connection_manager,\n   config: {route_config: {}}}]}]}]}\n"
)

REFUSALS = {
    "nothing of envoy": ("a: 1\n", ": holds neither routes nor clusters of Envoy"),
    "an empty file": ("", ": holds neither routes nor clusters of Envoy"),
    "a kubernetes deployment": (
        "apiVersion: apps/v1\nkind: Deployment\nspec: {template: {spec: {containers: [{resources: {limits: {}}}]}}}\n",
        ": holds neither routes nor clusters of Envoy",
    ),
    "not yaml": ("resources:\n- a: b: c\n", ":2: not YAML: mapping values are not allowed in this context"),
    "a tab": ("resources:\n\t- a\n", ":2: not YAML: found character that cannot start any token"),
    "a jinja template": (
        "resources:\n{% for r in routes %}\n- x\n{% endfor %}\n",
        ":2: not YAML: found character that cannot start any token; it looks like a template ({%)",
    ),
    "a helm line": (
        "resources:\n{{- range .Values.routes }}\n- x\n{{- end }}\n",
        ":3: not YAML: could not find expected ':'; it looks like a template ({{)",
    ),
    "a templated cluster": (
        rds("    - match: {prefix: /}\n      route:\n        cluster: {{ .Values.cluster }}\n"),
        ":10: the name of a cluster is left to a template here ({{ .Values.cluster }}): edit the rendered file",
    ),
    "templated routes": (
        rds("      ${ROUTES}\n"),
        ":8: a list of routes is left to a template here (${ROUTES}): edit the rendered file",
    ),
    "templated hosts": (
        f'resources:\n- "@type": {ROUTES}\n  virtual_hosts: {{{{ toYaml .Values.hosts }}}}\n',
        ":3: a list of virtual hosts is left to a template here ({{ toYaml .Values.hosts }}): edit the rendered file",
    ),
    "a lone carriage return": ("a: 1\rresources: []\n", ":1: a carriage return without a line feed"),
    "a line separator": ("a: 1\n# \u2028\n", ":2: the character U+2028: YAML readers differ on whether it ends a line"),
    "nesting without end": (deep(200_000), ": nested deeper than 100 levels"),
    "a key twice in a route": (
        rds("    - match: {prefix: /}\n      route: {cluster: orders}\n      match: {prefix: /x}\n"),
        ":10: the field match occurs twice in a route",
    ),
    "a field in both spellings": (
        rds("    - match: {prefix: /}\n      route: {cluster: orders, prefix_rewrite: /, prefixRewrite: /x}\n"),
        ":9: the field prefix_rewrite occurs twice in a route's action",
    ),
    "a key twice in what is copied": (
        rds("    - match: {prefix: /}\n      route: {cluster: orders}\n      metadata:\n        a: 1\n        a: 2\n"),
        ":12: the key a occurs twice in one mapping",
    ),
    "a merge key": (
        rds("    - match: {prefix: /}\n      route:\n        <<: {timeout: 3s}\n        cluster: orders\n"),
        ":10: a merge key (<<) in a route's action: Envoy does not read those",
    ),
    "a merge key below": (
        rds(ORDERS + "      metadata:\n        <<: {}\n"),
        ":11: a merge key (<<) in what has to be copied: it would bring in what cannot be seen here",
    ),
    "a bare tag": (
        rds(ORDERS + "      metadata:\n        a: ! 12\n"),
        ":11: a bare tag (!) in what has to be copied",
    ),
    "an alias as a route": (
        rds("    - &r\n      match: {prefix: /}\n      route: {cluster: orders}\n    - *r\n"),
        ":8: this is used by an alias (*name) in a list that has to be edited",
    ),
    "an alias that contains itself": (
        rds(ORDERS + "      metadata: &m\n        a: [*m]\n"),
        ":10: an alias stands inside what it names",
    ),
    "aliases of aliases": (
        rds(
            ORDERS
            + "      metadata:\n        a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
            + "".join(f"        a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))
        ),
        ":8: what has to be copied has more than 20000 values",
    ),
    "routes that are no list": (
        rds("      match: {prefix: /}\n      route: {cluster: orders}\n"),
        ":8: `routes` is a single mapping and not a list: nothing can be put above it",
    ),
    "routes that are a word": (
        rds("      all of them\n"),
        ":8: a list of routes expected here, found the value 'all of",
    ),
    "a route that is a word": (rds("    - everything\n"), ":8: a route expected here, found the value 'everything'"),
    "two dashes": (
        f'resources:\n- "@type": {ROUTES}\n  virtual_hosts:\n  - routes: [[{{match: {{}}}}]]\n',
        ":4: a route expected here, found a list",
    ),
    "no match": (rds("    - route: {cluster: orders}\n"), ":8: this route has no match"),
    "a match that is a word": (
        rds("    - route: {cluster: orders}\n      match: /x\n"),
        ":9: match expected here, found the value '/x'",
    ),
    "a split by weight": (
        rds(
            "    - match: {prefix: /}\n      route:\n        weighted_clusters:\n          clusters:\n"
            "          - {name: orders, weight: 90}\n          - {name: orders-v2, weight: 10}\n"
        ),
        ":8: this route splits its requests by weight between orders and orders-v2",
    ),
    "a share of the requests": (
        rds(
            "    - match: {prefix: /, runtime_fraction: {default_value: {numerator: 50}}}\n"
            "      route: {cluster: orders}\n"
        ),
        ":8: this route of orders takes only a share of its requests (runtime_fraction): so would the canary's",
    ),
    "a share that goes elsewhere before": (
        rds(
            "    - match: {prefix: /, runtime_fraction: {default_value: {numerator: 50}}}\n"
            "      route: {cluster: web}\n"
            "    - match: {prefix: /api}\n      route: {cluster: orders}\n"
        ),
        ":8: this route takes a share (runtime_fraction) of the requests for orders in line 10",
    ),
    "the header is tested already": (
        rds("    - match: {headers: [{name: X-Canary, present_match: true}]}\n      route: {cluster: orders}\n"),
        ":8: this route already tests the header X-Canary",
    ),
    "no such service": (
        rds("    - match: {}\n      route: {cluster: web}\n    - match: {}\n      route: {cluster: a}\n"),
        ": no route sends to orders; upstreams with routes: a, web",
    ),
    "redirects only": (
        rds("    - match: {prefix: /}\n      redirect: {path_redirect: /x}\n"),
        ": no route sends to orders: there are no routes here",
    ),
    "clusters only": (
        cds(dns_cluster("orders", "orders"), dns_cluster("web", "web")),
        ": no route sends to orders: there are no routes here, only clusters: orders, web",
    ),
    "routes by rds": (
        manager("        rds: {route_config_name: shop}\n"),
        ":9: no route sends to orders here, but the route configuration 'shop' comes by RDS",
    ),
    "routes by scoped rds": (
        manager("        scoped_routes: {scoped_rds: {}}\n"),
        ":9: no route sends to orders here, but scoped routes come by SRDS",
    ),
    "virtual hosts by vhds": (
        f'resources:\n- "@type": {ROUTES}\n  name: shop\n  vhds: {{}}\n',
        ":4: no route sends to orders here, but more virtual hosts of 'shop' come by VHDS",
    ),
    "a cluster by header": (
        rds("    - match: {prefix: /}\n      route: {cluster_header: x-to}\n"),
        ":9: no route sends to orders here, but a route chooses its cluster by cluster_header",
    ),
    "a matcher that names it": (
        rds(ORDERS + "  - name: tree\n    matcher: {matcher_tree: {a: {cluster: orders}}}\n"),
        ":11: the virtual host 'tree' routes by a matcher tree and names orders in it: only lists of routes can be",
    ),
    "tcp only": (
        listener(
            '      typed_config:\n        "@type": '
            "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy\n        cluster: orders\n"
        ),
        ":8: only tcp_proxy sends to orders: connections have no headers to route by",
    ),
    "the v2 api": (
        V2,
        ":3: `config:` of envoy.http_connection_manager, v2 API: current Envoy does not load it",
    ),
    "a v2 resource": (
        'resources:\n- "@type": type.googleapis.com/envoy.api.v2.RouteConfiguration\n  virtual_hosts: []\n',
        ":2: RouteConfiguration of the v2 API: current Envoy does not load it",
    ),
    "a folded configmap": (
        MANIFEST + '  rds.yaml: >\n    resources:\n    - "@type": type.googleapis.com/x\n',
        ":5: rds.yaml holds gateway configuration as a folded scalar: its lines cannot be edited in place",
    ),
    "a quoted configmap": (
        MANIFEST + '  rds.yaml: "resources: [{\\"@type\\": \\"type.googleapis.com/x\\"}]"\n',
        ":5: rds.yaml holds gateway configuration as a quoted scalar: its lines cannot be edited in place",
    ),
    "broken yaml in a configmap": (
        MANIFEST + "  envoy.yaml: |\n    static_resources:\n      listeners:\n      - a: b: c\n",
        ":8: not YAML: mapping values are not allowed in this context",
    ),
    "a fault in a configmap": (
        MANIFEST
        + "  envoy.yaml: |2\n    # type.googleapis.com/\n"
        + "".join(f"    {line}\n" for line in rds("    - route: {cluster: orders}\n").splitlines()),
        ":14: this route has no match",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_it_is_refused_with_its_place_and_reason(case):
    text, reason = REFUSALS[case]

    with pytest.raises(Refused) as refused:
        DIALECT.insert(one(text), a_rule())

    assert str(refused.value).startswith(f"rds.yaml{reason}")


def test_routes_that_cannot_be_read_are_not_shown_as_none():
    with pytest.raises(Refused, match=r"rds\.yaml:3: .*v2 API: current Envoy does not load it"):
        DIALECT.routes(one(V2))


def test_a_rule_that_is_the_last_of_its_list_is_left_to_a_person():
    files = one(rds(ORDERS))
    after = DIALECT.insert(files, a_rule()).apply(files)
    alone = one(after[0].text.removesuffix(ORDERS))

    with pytest.raises(Refused, match=r"rds\.yaml:8: this is the only item left in its list: delete it by hand"):
        DIALECT.remove(alone, "orders")


def test_words_of_a_person_inside_our_flow_item_are_not_deleted():
    stable = "{match: {prefix: /}, route: {cluster: orders}}"
    files = one(rds(f"      [{stable}]\n"))
    after = DIALECT.insert(files, a_rule()).apply(files)
    noted = one(after[0].text.replace(f", {stable}", f", # mine\n        {stable}"))
    assert noted != after

    with pytest.raises(Refused, match=r"rds\.yaml:8: something was written between this item and its neighbour"):
        DIALECT.remove(noted, "orders")
