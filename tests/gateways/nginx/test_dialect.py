"""What an edit looks like, which routes it reports, and that it can be undone byte for byte."""

import pytest

from gatewayctl.domain.evidence import Attribution, LeakCase
from gatewayctl.domain.routing import RouteView
from gatewayctl.gateways.registry import gateway
from tests.gateways.nginx.samples import (
    DIALECT,
    WITH_UPSTREAM,
    a_rule,
    find_added_lines,
    insert,
    location,
    one,
)
from tests.gateways.samples import text_of

PLAIN = location("proxy_pass http://orders:8080;")


def test_the_canary_is_an_if_above_the_pass_and_nothing_else_changes():
    assert find_added_lines(PLAIN, text_of(insert(one(PLAIN)))) == [
        "      # gatewayctl-orders-canary begin: x-canary: always -> orders-canary",
        "      proxy_set_header Host orders:8080;",
        '      if ($http_x_canary = "always") {',
        "        add_header x-gatewayctl-release r-1 always;",
        "        proxy_pass http://10.0.0.9:8080;",
        "      }",
        "      # gatewayctl-orders-canary end",
    ]


@pytest.mark.parametrize("eol", ["\n", "\r\n"])
@pytest.mark.parametrize("indent", ["  ", "\t", "", "     "])
def test_line_ends_and_indentation_are_those_of_the_file(eol, indent):
    lines = ["server {", "location / {", "proxy_pass http://orders;", "}", "}"]
    before = eol.join(indent * level + line for level, line in zip((0, 1, 2, 1, 0), lines, strict=True))
    after = text_of(insert(one(before)))

    assert after.count("\n") == after.count(eol)
    assert f"{indent * 2}if ($http" in after
    assert not after.endswith("\n")
    assert text_of(DIALECT.remove(one(after), "orders").apply(one(after))) == before


@pytest.mark.parametrize(
    "before",
    [
        "server { location / { proxy_pass http://orders; } }",
        "server { location / { proxy_pass http://orders; # why\n} }",
        "server { location / { if ($a) { return 404; } proxy_pass http://orders; }}",
        "server { location / { proxy_pass http://orders; if ($a) { set $b c; }}}",
        "server { location / {\n  proxy_pass http://orders; } # tail\r\n}\r\n",
        "location / { proxy_pass http://orders; }",
        "proxy_pass http://orders;",
        "upstream orders { server orders; } server { location / { proxy_pass http://orders; } }",
    ],
)
def test_a_rule_within_a_line_is_removed_byte_for_byte(before):
    after = insert(one(before))

    assert "if ($http_x_canary" in text_of(after)
    assert DIALECT.remove(after, "orders").apply(after) == one(before)
    assert DIALECT.insert(after, a_rule()).stages == ()


def test_a_header_in_several_lines_is_copied_as_it_is():
    before = (
        "server {\r\n  add_header x 'a,\r\n  b';\r\n  location / {\r\n    proxy_pass http://orders;\r\n  }\r\n}\r\n"
    )
    after = text_of(insert(one(before)))

    assert after.count("add_header x 'a,\r\n  b';") == 2
    assert after.count("\r") == after.count("\n") == after.count("\r\n")
    assert text_of(DIALECT.remove(one(after), "orders").apply(one(after))) == before


def test_comments_of_the_pass_stay_with_it():
    before = location("auth_basic off;\n# why orders\n# is here\nproxy_pass http://orders;")

    after = text_of(insert(one(before)))

    assert after.index("auth_basic") < after.index("gatewayctl") < after.index("# why orders")
    assert "end\n      # why orders\n      # is here\n      proxy_pass" in after


def test_the_rules_of_two_applications_in_one_location_are_independent():
    before = one(
        "map $arg_v $up { default orders; b web; }\n" + location("proxy_set_header Host $host;\nproxy_pass http://$up;")
    )
    web = a_rule("web", service="web", canary="web-canary")
    both = insert(insert(before), web)

    assert DIALECT.remove(both, "orders").apply(both) == insert(before, web)
    assert DIALECT.remove(both, "web").apply(both) == insert(before)
    assert DIALECT.insert(both, a_rule()).apply(both) != before


def test_every_location_of_the_service_is_covered_and_described():
    files = one(
        "server {\n  server_name shop www;\n"
        "  location /a { proxy_pass http://orders; }\n"
        "  location ~ ^/b { if ($x) { return 404; } proxy_pass http://orders:81; }\n"
        "  location /c { proxy_pass http://web; }\n}\n"
    )

    change = DIALECT.insert(files, a_rule())

    assert change.covered == (
        RouteView("shop.conf", 3, "shop www", "location /a", "orders"),
        RouteView("shop.conf", 4, "shop www", "location ~ ^/b", "orders"),
    )
    after = DIALECT.routes(change.apply(files))
    assert [(v.match, v.target, v.name, v.header) for v in after] == [
        ("location /a", "orders-canary", "gatewayctl-orders-canary", "x-canary: always"),
        ("location /a", "orders", "", ""),
        ("location ~ ^/b", "orders-canary", "gatewayctl-orders-canary", "x-canary: always"),
        ("location ~ ^/b", "orders", "", ""),
        ("location /c", "web", "", ""),
    ]


@pytest.mark.parametrize(
    ("service", "host"),
    [
        ("orders", "orders.shop.svc.cluster.local"),
        ("orders", "orders.shop.svc:8080"),
        ("orders.shop.svc", "orders.shop.svc:8080"),
        ("orders:8080", "orders:8080"),
        ("orders", "${ORDERS_HOST}"),
    ],
)
def test_a_service_is_named_as_the_file_or_kubernetes_names_it(service, host):
    service = host if host.startswith("$") else service

    assert len(DIALECT.insert(one(location(f"proxy_pass http://{host};")), a_rule(service=service)).covered) == 1


def test_a_location_whose_headers_others_inherit_gets_no_host_header():
    files = one(location("proxy_pass http://orders;\nlocation /api/x { proxy_pass http://web; }"))

    change = DIALECT.insert(files, a_rule())

    assert "proxy_set_header" not in text_of(change.apply(files))
    assert "the canary sees its own address as Host" in change.notes[0]


def test_tls_keeps_stables_name():
    files = one(location("proxy_ssl_server_name on;\nproxy_set_header Host $host;\nproxy_pass https://orders:8443;"))

    after = text_of(insert(files))

    assert "proxy_ssl_name orders;" in after
    assert "proxy_pass https://10.0.0.9:8443;" in after


def test_grpc_pass_gets_grpc_directives():
    after = text_of(insert(one(location("grpc_pass grpc://orders:50051;"))))

    assert "grpc_set_header Host orders:50051;" in after
    assert "grpc_pass grpc://10.0.0.9:50051;" in after


def test_a_configmap_is_edited_in_place():
    block = "".join(f"    {line}\n" for line in WITH_UPSTREAM.splitlines())
    manifest = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: gw}}\ndata:\n  default.conf: |\n{block}  other: x\n"

    change = DIALECT.insert(one(manifest, "map.yaml"), a_rule())
    after = text_of(change.apply(one(manifest, "map.yaml")))

    assert change.covered[0].line == 12
    assert "        if ($http_x_canary" in after
    assert all(line.startswith("    ") for line in find_added_lines(manifest, after))
    assert text_of(DIALECT.remove(one(after), "orders").apply(one(after))) == manifest


def test_a_block_of_lua_is_not_read():
    files = one(location('access_by_lua_block { local a = "}" -- { proxy_pass\n }\nproxy_pass http://orders;'))

    assert len(DIALECT.insert(files, a_rule()).covered) == 1


def test_its_limits_are_those_of_an_exact_comparison():
    assert DIALECT.limits.stamp
    for case in LeakCase:
        assert DIALECT.limits.allowed(case) == {Attribution.STABLE}


def test_it_is_registered():
    assert gateway("nginx").kind == "nginx"
