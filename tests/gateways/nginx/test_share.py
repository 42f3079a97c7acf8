"""A share of the unmarked requests: what is written for it, where it is refused, and that it comes and goes alone."""

import re
from itertools import permutations

import pytest

from gatewayctl.domain.routing import SourceFile, share_routes
from gatewayctl.gateways.nginx.checker import NginxChecker
from gatewayctl.gateways.nginx.share import below
from tests.contract.dialects import insert_reversibly
from tests.gateways.nginx.product import needs_nginx
from tests.gateways.nginx.samples import DIALECT, WITH_UPSTREAM, a_rule, find_added_lines, http, insert, location, one
from tests.gateways.samples import catch_refusal, text_of

PLAIN = location("proxy_pass http://orders:8080;")
WEB = a_rule("web", service="web", canary="web-canary", share=30)
TWO = "server { location /o { proxy_pass http://orders; } location /w { proxy_pass http://web; } }"
BELOW = (
    "map $arg_v $up { default orders; b web; }\nserver { location / { proxy_pass http://$up; if ($a) { set $b c; } } }"
)
TWO_IN_ONE = "map $arg_v $up { default orders; b web; }\nserver { location / { proxy_pass http://$up; } }"


def test_the_share_is_a_split_above_the_server_and_an_if_beside_that_of_the_header():
    assert find_added_lines(PLAIN, text_of(insert(one(PLAIN), a_rule(share=10)))) == [
        "  # gatewayctl-orders-canary-share begin",
        '  split_clients "gatewayctl_orders $request_id" $gatewayctlsplit_orders {',
        "    10% on;",
        '    * "";',
        "  }",
        "  # gatewayctl-orders-canary-share end",
        "      # gatewayctl-orders-canary-share begin: 10 % of unmarked requests -> orders-canary",
        '      if ($gatewayctlsplit_orders = "on") {',
        "        add_header x-gatewayctl-release r-1 always;",
        "        proxy_pass http://10.0.0.9:8080;",
        "      }",
        "      # gatewayctl-orders-canary-share end",
        "      # gatewayctl-orders-canary begin: x-canary: always -> orders-canary",
        "      proxy_set_header Host orders:8080;",
        '      if ($http_x_canary = "always") {',
        "        add_header x-gatewayctl-release r-1 always;",
        "        proxy_pass http://10.0.0.9:8080;",
        "      }",
        "      # gatewayctl-orders-canary end",
    ]


def test_all_requests_are_a_split_without_a_rest():
    added = find_added_lines(PLAIN, text_of(insert(one(PLAIN), a_rule(share=100))))

    assert [line.strip() for line in added][2:4] == ["* on;", "}"]


def test_a_location_whose_server_no_file_shows_chooses_by_the_random_number_itself():
    before = "location / {\n  proxy_pass http://orders;\n}\n"

    added = find_added_lines(before, text_of(insert(one(before), a_rule(share=50))))

    assert added[:7] == [
        "  # gatewayctl-orders-canary-share begin: 50 % of unmarked requests -> orders-canary",
        '  set $gatewayctlsplit_orders "";',
        '  if ($request_id ~ "^(?:[01234567])") {',
        "    set $gatewayctlsplit_orders on;",
        "  }",
        '  if ($gatewayctlsplit_orders = "on") {',
        "    add_header x-gatewayctl-release r-1 always;",
    ]
    everyone = text_of(insert(one(before), a_rule(share=100)))
    assert "  set $gatewayctlsplit_orders on;\n  if ($gatewayctlsplit_orders" in everyone


def test_the_expression_finds_exactly_the_share_of_all_numbers():
    numbers = [f"{number:04x}" for number in range(16**4)]

    for share in (1, 2, 5, 10, 25, 33, 50, 75, 99):
        find = re.compile(below(share)).match
        assert sum(find(number) is not None for number in numbers) == round(share * 16**4 / 100), share


def test_a_file_that_shows_the_server_around_it_lets_the_other_one_use_its_split():
    files = (
        SourceFile("snippet.conf", "location /s { proxy_pass http://orders; }\n"),
        SourceFile("shop.conf", WITH_UPSTREAM),
    )

    snippet, shop = insert_reversibly(DIALECT, files, a_rule(share=10))

    assert "set $gatewayctlsplit" not in snippet.text
    assert 'if ($gatewayctlsplit_orders = "on")' in snippet.text
    assert shop.text.count("split_clients") == 1


def test_one_split_is_enough_for_several_servers_and_files():
    server = "server {\n  location / {\n    proxy_pass http://orders;\n  }\n}\n"
    files = (
        SourceFile("nginx.conf", "events {}\nhttp {\n  include conf.d/*.conf;\n}\n"),
        SourceFile("conf.d/a.conf", server * 2),
        SourceFile("conf.d/b.conf", server),
    )

    after = insert_reversibly(DIALECT, files, a_rule(share=10))

    assert [file.text.count("split_clients") for file in after] == [0, 1, 0]
    assert [one.file for one in share_routes(DIALECT.routes(after), "orders")] == [
        *["conf.d/a.conf"] * 2,
        files[2].name,
    ]


def test_an_included_file_with_locations_gets_its_split_where_the_server_is():
    files = (
        SourceFile("shop.conf", "server {\n  include parts/orders.conf;\n}\n"),
        SourceFile("parts/orders.conf", "location / {\n  proxy_pass http://orders;\n}\n"),
    )

    shop, part = insert_reversibly(DIALECT, files, a_rule(share=10))

    assert shop.text.startswith("# gatewayctl-orders-canary-share begin\nsplit_clients")
    assert "split_clients" not in part.text


@pytest.mark.parametrize("eol", ["\n", "\r\n"])
def test_a_configmap_with_several_files_is_edited_in_place(eol):
    server = "    server {\n      location / {\n        proxy_pass http://orders;\n      }\n    }\n"
    text = f"apiVersion: v1\nkind: ConfigMap\ndata:\n  a.conf: |\n{server}  b.conf: |\n{server}  other: x\n"

    after = text_of(insert_reversibly(DIALECT, one(text.replace("\n", eol), "map.yaml"), a_rule(share=10)))

    assert f"  a.conf: |{eol}    # gatewayctl-orders-canary-share begin{eol}    split_clients" in after
    assert after.count("split_clients") == 1
    assert after.count('if ($gatewayctlsplit_orders = "on") {') == 2


def test_a_variable_that_selects_the_service_is_compared_together_with_the_share():
    files = one("map $arg_v $up { default orders; b web; }\n" + location("proxy_pass http://$up;"))

    after = text_of(insert_reversibly(DIALECT, files, a_rule(share=10)))

    assert 'set $gatewayctlshare_orders "$gatewayctlsplit_orders $up";' in after
    assert 'if ($gatewayctlshare_orders = "on orders") {' in after


def test_lines_for_the_whole_location_are_written_once():
    after = text_of(insert(one(PLAIN), a_rule(share=10)))

    assert after.count("proxy_set_header Host orders:8080;") == 1


def test_stables_upstream_gets_one_twin():
    after = text_of(insert_reversibly(DIALECT, one(WITH_UPSTREAM), a_rule(share=10, fallback=True)))

    assert after.count("upstream orders-canary {") == 1
    assert after.count("proxy_pass http://orders-canary;") == 2


def test_names_of_variables_are_those_of_one_application_and_of_one_use():
    """Else one application's `set` would change what another application's requests are chosen by."""
    apps = ["orders", "orders-share", "share-orders", "orders-split", "split-orders", "a" * 40, "a" * 41]
    before = "map $arg_v $up { default orders; b web; }\n" + location("proxy_pass http://$up;")
    names = []
    for app in apps:
        rule = a_rule(app, service="orders", canary="orders-canary", share=10)
        names.append(set(re.findall(r"\$gatewayctl\w*", text_of(insert(one(before), rule)))))

    assert sum(len(found) for found in names) == len(set().union(*names)) == 3 * len(apps)


@pytest.mark.parametrize("first", ["orders", "web"])
def test_a_share_is_where_it_was_when_it_changes(first):
    rules = sorted([a_rule(share=10), WEB], key=lambda rule: rule.app != first)
    files = one(http("    location /o { proxy_pass http://orders; }\n    location /w { proxy_pass http://web; }\n"))
    for rule in rules:
        files = insert(files, rule)

    assert insert(insert(files, a_rule(share=11)), a_rule(share=10)) == files


@pytest.mark.parametrize("share", [0, 10])
@pytest.mark.parametrize(
    "text",
    [
        TWO,
        TWO_IN_ONE,
        BELOW,
        TWO.replace(" }", "\r\n}", 1),
        TWO_IN_ONE.replace("; }", ";\n}"),
        BELOW.replace(" }", "\r\n}"),
    ],
)
def test_two_applications_in_one_line_come_and_go_in_any_order(text, share):
    before = one(text)
    rules = {"orders": a_rule(share=share), "web": a_rule("web", service="web", canary="web-canary", share=share)}
    for arriving in permutations(rules):
        both = before
        for app in arriving:
            both = insert_reversibly(DIALECT, both, rules[app])
        for leaving in permutations(rules):
            rest = DIALECT.remove(both, leaving[0]).apply(both)
            assert {view.name for view in DIALECT.routes(rest) if view.name} == {
                name for name in (rules[leaving[1]].name, share and rules[leaving[1]].share_name) if name
            }
            assert DIALECT.remove(rest, leaving[1]).apply(rest) == before


def test_a_cache_key_that_only_the_header_tells_apart_is_refused_for_a_share_only():
    files = one(location("proxy_cache shop;\nproxy_cache_key $uri$http_x_canary;\nproxy_pass http://orders;"))

    assert insert(files)
    refusal = catch_refusal(DIALECT, files, a_rule(share=1))
    assert str(refusal).startswith("shop.conf:7: answers are cached under a key that is the same for stable and canary")


@pytest.mark.parametrize("use", ["proxy_set_header X-Part $1;", "if ($a) { set $b ${1}; }"])
def test_captures_by_number_are_refused_only_where_the_expression_would_replace_them(use):
    inside = f"location ~ ^/(a|b)/ {{\n  {use}\n  proxy_pass http://orders;\n}}\n"

    refusal = catch_refusal(DIALECT, one(inside), a_rule(share=10))

    assert str(refusal).startswith("shop.conf:2: this uses $1 to $9")
    assert refusal.hint.startswith("give the file that holds the server too")
    assert insert(one(inside)), "without a share it is no fault"
    assert insert(one(http(inside)), a_rule(share=10)), "split_clients needs no expression"


def test_what_a_file_without_a_location_proxies_can_be_split_too():
    insert_reversibly(DIALECT, one("proxy_pass http://orders;\n"), a_rule(share=10))


@pytest.mark.sandbox
@needs_nginx
@pytest.mark.parametrize("share", [1, 99, 100])
@pytest.mark.parametrize("app", ["orders", "o" * 63])
@pytest.mark.parametrize(
    "text", [PLAIN, "location / {\n  proxy_pass http://orders;\n}\n", "proxy_pass http://orders;\n"]
)
def test_nginx_loads_it_whatever_the_length_of_the_name(text, app, share):
    before = one(text)

    after = insert(before, a_rule(app, service="orders", share=share))

    verdict = NginxChecker().check(before, after)
    assert (verdict.ok, verdict.checked, verdict.detail) == (True, True, "")
