"""What an edit looks like, what it promises beside its text, and that it leaves no trace when it is undone."""

import pytest

from gatewayctl.domain.evidence import Attribution, LeakCase
from gatewayctl.domain.routing import RouteView, SourceFile
from gatewayctl.gateways.registry import gateway
from tests.gateways.nginx.samples import DIALECT, a_rule, http, insert, location, one

PLAIN = location("proxy_pass http://orders:8080;")
UPSTREAM = "upstream orders {\n  server orders:8080;\n  keepalive 8;\n}\n"
BY_UPSTREAM = UPSTREAM + "server {\n  location / {\n    proxy_pass http://orders;\n  }\n}\n"


def text(files) -> str:
    (only,) = files
    return only.text


def added(before: str, after: str) -> list[str]:
    """The lines that an insertion added; fails where it did anything else."""
    rest = iter(after.split("\n"))
    new = []
    for line in before.split("\n"):
        for other in rest:
            if other == line:
                break
            new.append(other)
        else:
            raise AssertionError(f"lost: {line}")
    return [*new, *rest]


def test_the_canary_is_an_if_above_the_pass_and_nothing_else_changes():
    assert added(PLAIN, text(insert(one(PLAIN)))) == [
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
    after = text(insert(one(before)))

    assert after.count("\n") == after.count(eol)
    assert f"{indent * 2}if ($http" in after
    assert not after.endswith("\n")
    assert text(DIALECT.remove(one(after), "orders").apply(one(after))) == before


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

    assert "if ($http_x_canary" in text(after)
    assert DIALECT.remove(after, "orders").apply(after) == one(before)
    assert DIALECT.insert(after, a_rule()).stages == ()


def test_a_header_in_several_lines_is_copied_as_it_is():
    before = (
        "server {\r\n  add_header x 'a,\r\n  b';\r\n  location / {\r\n    proxy_pass http://orders;\r\n  }\r\n}\r\n"
    )
    after = text(insert(one(before)))

    assert after.count("add_header x 'a,\r\n  b';") == 2
    assert after.count("\r") == after.count("\n") == after.count("\r\n")
    assert text(DIALECT.remove(one(after), "orders").apply(one(after))) == before


def test_comments_of_the_pass_stay_with_it():
    before = location("auth_basic off;\n# why orders\n# is here\nproxy_pass http://orders;")

    after = text(insert(one(before)))

    assert after.index("auth_basic") < after.index("gatewayctl") < after.index("# why orders")
    assert "end\n      # why orders\n      # is here\n      proxy_pass" in after


def test_two_applications_in_one_location_come_and_go_independently():
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


def test_an_upstream_block_gets_a_twin_above_it_with_its_connections_kept():
    change = DIALECT.insert(one(BY_UPSTREAM), a_rule())

    new = added(BY_UPSTREAM, text(change.apply(one(BY_UPSTREAM))))
    assert new[:6] == [
        "# gatewayctl-orders-canary begin",
        "upstream orders-canary {",
        "  server 10.0.0.9:8080;",
        "  keepalive 8;",
        "}",
        "# gatewayctl-orders-canary end",
    ]
    assert "      proxy_pass http://orders-canary;" in new


def test_an_upstream_is_known_by_the_service_its_servers_are():
    files = one(BY_UPSTREAM.replace("upstream orders", "upstream backend").replace("//orders", "//backend"))

    assert DIALECT.insert(files, a_rule()).covered[0].target == "backend"


def test_an_upstream_made_by_hand_is_neither_changed_nor_removed():
    files = one("upstream orders-canary { server elsewhere; }\n" + BY_UPSTREAM)

    change = DIALECT.insert(files, a_rule(canary_host=""))
    after = change.apply(files)

    assert "the upstream orders-canary is not of our making: it stays as it is, also afterwards" in change.notes
    assert text(after).count("upstream orders-canary") == 1
    assert DIALECT.remove(after, "orders").apply(after) == files


def test_a_name_that_nginx_would_look_up_when_it_loads_is_warned_of():
    change = DIALECT.insert(one(PLAIN), a_rule(canary_host=""))

    assert "proxy_pass http://orders-canary:8080;" in text(change.apply(one(PLAIN)))
    (note,) = change.notes
    assert note.startswith("shop.conf:6: nginx looks orders-canary up when it loads, and does not start once that name")
    assert "--canary-host IP" in note


def test_an_address_needs_no_lookup_and_no_warning():
    change = DIALECT.insert(one(PLAIN), a_rule())

    assert change.notes == ()
    assert "orders-canary:" not in text(change.apply(one(PLAIN)))


@pytest.mark.parametrize("given", ["", "orders-canary.shop.svc.cluster.local"])
def test_a_full_name_is_looked_up_for_each_request_where_there_is_a_resolver(given):
    files = one(location("resolver 10.96.0.10;\nproxy_pass http://orders.shop.svc.cluster.local:8080;"))

    change = DIALECT.insert(files, a_rule(canary_host=given))

    after = text(change.apply(files))
    assert change.notes == ()
    assert "set $gatewayctl_orders_host orders-canary.shop.svc.cluster.local;" in after
    assert "proxy_pass http://$gatewayctl_orders_host:8080;" in after


def test_what_stream_defines_is_of_another_world():
    apart = "stream {\n  upstream orders { server db:5432; }\n  server { listen 5432; proxy_pass orders; }\n}\n"
    files = one(apart + http("    location / { proxy_pass http://orders; }\n  }\n  upstream orders { server o:80;\n"))

    after = text(insert(files))

    assert after.startswith(apart), "the twin stands in http, beside its upstream"
    assert "server 10.0.0.9:80;" in after


def test_an_ipv6_address_is_written_in_brackets():
    after = text(insert(one(PLAIN), a_rule(canary_host="fd00::9")))

    assert "proxy_pass http://[fd00::9]:8080;" in after


def test_files_that_include_each_other_are_read_as_one():
    main = SourceFile(
        "nginx.conf",
        "events {}\nhttp {\n  add_header x-up 1;\n  resolver 10.96.0.10;\n  include /etc/nginx/conf.d/*.conf;\n}\n",
    )
    part = SourceFile("conf.d/shop.conf", "server {\n  location / {\n    proxy_pass http://orders.shop.svc;\n  }\n}\n")

    change = DIALECT.insert((main, part), a_rule(canary_host=""))

    (stage,) = change.stages
    assert [file.name for file in stage] == ["conf.d/shop.conf"]
    assert "add_header x-up 1;" in stage[0].text
    assert "set $gatewayctl_orders_host orders-canary.shop.svc;" in stage[0].text
    assert change.notes == ()


def test_a_pass_in_an_included_snippet_gets_its_canary_there():
    site = SourceFile("site.conf", "server {\n  location /api/ {\n    include snippets/orders.conf;\n  }\n}\n")
    snippet = SourceFile("snippets/orders.conf", "proxy_set_header Host $host;\nproxy_pass http://orders/v1/;\n")

    change = DIALECT.insert((site, snippet), a_rule())

    assert [file.name for file in change.stages[0]] == ["snippets/orders.conf"]
    assert 'rewrite "(?s)^/api/(.*)" "/v1/$1" break;' in change.stages[0][0].text
    assert DIALECT.remove(change.apply((site, snippet)), "orders").apply(change.apply((site, snippet))) == (
        site,
        snippet,
    )


def test_files_that_include_each_other_in_a_circle_are_read_once():
    files = (
        SourceFile("a.conf", "include *.conf;\nserver { location / { proxy_pass http://orders; } }\n"),
        SourceFile("b.conf", "include *.conf;\n"),
    )

    assert len(DIALECT.insert(files, a_rule()).covered) == 1


def test_an_includes_folder_counts_where_files_of_that_folder_are_given():
    main = SourceFile("nginx.conf", "http { include a/*.conf; server { listen 1; include b/*.conf; } }\n")
    first = SourceFile("a/up.conf", "upstream orders { server orders:80; }\n")
    second = SourceFile("b/up.conf", "location / { proxy_pass http://orders; }\n")

    change = DIALECT.insert((main, first, second), a_rule())

    assert change.covered[0].place == "1"
    assert "server 10.0.0.9:80;" in change.apply((main, first, second))[1].text


def test_the_upstream_of_another_file_is_written_in_the_same_stage():
    files = (SourceFile("up.conf", UPSTREAM), SourceFile("shop.conf", BY_UPSTREAM.removeprefix(UPSTREAM)))

    change = DIALECT.insert(files, a_rule())

    assert [[file.name for file in stage] for stage in change.stages] == [["up.conf", "shop.conf"]]
    assert DIALECT.remove(change.apply(files), "orders").apply(change.apply(files)) == files


def test_headers_from_files_that_are_not_there_are_noted():
    notes = DIALECT.insert(one("server { location / { proxy_pass http://orders; } }"), a_rule()).notes

    assert len(notes) == 2
    assert "the canary sees its own address as Host" in notes[0]
    assert "response headers" in notes[1]


def test_a_location_whose_headers_others_inherit_gets_no_host_of_ours():
    files = one(location("proxy_pass http://orders;\nlocation /api/x { proxy_pass http://web; }"))

    change = DIALECT.insert(files, a_rule())

    assert "proxy_set_header" not in text(change.apply(files))
    assert "the canary sees its own address as Host" in change.notes[0]


def test_tls_keeps_the_name_that_stable_is_asked_for():
    files = one(location("proxy_ssl_server_name on;\nproxy_set_header Host $host;\nproxy_pass https://orders:8443;"))

    after = text(insert(files))

    assert "proxy_ssl_name orders;" in after
    assert "proxy_pass https://10.0.0.9:8443;" in after


def test_grpc_has_its_own_words():
    after = text(insert(one(location("grpc_pass grpc://orders:50051;"))))

    assert "grpc_set_header Host orders:50051;" in after
    assert "grpc_pass grpc://10.0.0.9:50051;" in after


def test_a_configmap_is_edited_in_place():
    block = "".join(f"    {line}\n" for line in BY_UPSTREAM.splitlines())
    manifest = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: gw}}\ndata:\n  default.conf: |\n{block}  other: x\n"

    change = DIALECT.insert(one(manifest, "map.yaml"), a_rule())
    after = text(change.apply(one(manifest, "map.yaml")))

    assert change.covered[0].line == 12
    assert "        if ($http_x_canary" in after
    assert all(line.startswith("    ") for line in added(manifest, after))
    assert text(DIALECT.remove(one(after), "orders").apply(one(after))) == manifest


def test_a_block_of_lua_is_not_read():
    files = one(location('access_by_lua_block { local a = "}" -- { proxy_pass\n }\nproxy_pass http://orders;'))

    assert len(DIALECT.insert(files, a_rule()).covered) == 1


def test_its_limits_are_those_of_an_exact_comparison():
    assert DIALECT.limits.stamp
    for case in LeakCase:
        assert DIALECT.limits.allowed(case) == {Attribution.STABLE}


def test_the_registry_knows_it():
    assert gateway("nginx").kind == "nginx"
