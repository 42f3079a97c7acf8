"""What cannot be edited safely is refused, with the file, the line and the true reason."""

import pytest

from gatewayctl.domain.errors import Refused
from tests.gateways.nginx.samples import DIALECT, a_rule, insert, location, one
from tests.gateways.samples import catch_refusal

OURS = "# gatewayctl-orders-canary"

REFUSALS = {
    "no such service": (
        location("proxy_pass http://web;"),
        "shop.conf: no location sends to orders; upstreams with loc",
    ),
    "nothing proxied": ("server { return 200; }", "shop.conf: no location sends to orders: nothing is proxied here"),
    "a byte order mark": ("\ufeffserver {}", ":1: it begins with a byte order mark"),
    "a template": ("server {\n  listen {{ port }};\n}\n", ":2: a template ({{) has to fill this in"),
    "a template's line": ("{% if x %}\nserver {}\n", ":1: a template ({%) has to fill this in"),
    "a placeholder for lines": ("upstream a {\n  ${SERVERS}\n}\n", ":2: a template (${SERVERS}) has to fill this in"),
    "a brace too many": ("server {\n}\n}\n", ":3: unexpected `}`"),
    "a brace too few": ("http {\nserver {\n}\n", ":1: the braces of `http` are not closed"),
    "no semicolon": ("server {\n  listen 80\n}\n", ":2: `listen` is not ended by `;`"),
    "an open quotation": ("server {\n  return 200 'x;\n}\n", ":2: a quotation mark without its end"),
    "words glued to a quotation": ("log_format a 'b'c;", ":1: unexpected 'c' right after a quotation mark"),
    "depth": ("a {" * 101 + "}" * 101, ":1: nested deeper than 100 levels"),
    "lua without end": ("init_by_lua_block { if x then {\n", ":1: a block of Lua without its end"),
    "two maps of one variable": (
        "map $a $up { default orders; }\nmap $b $up { default web; }\n" + location("proxy_pass http://$up;"),
        ":2: $up is defined here and in line 1: only one of them counts",
    ),
    "a weighted split": (
        "split_clients $request_id $up { 10% web; * orders; }\n" + location("proxy_pass http://$up;"),
        ":1: $up splits its requests by weight between orders and others",
    ),
    "a variable of another file": (location("proxy_pass http://$up;"), ":6: no location sends to orders here, but $up"),
    "try_files beside the pass": (
        location("try_files $uri @x;\nproxy_pass http://orders;"),
        ":6: try_files is not looked at where an `if` matches",
    ),
    "limit_except": (
        location("limit_except GET { proxy_pass http://orders; }"),
        ":6: inside `limit_except` no `if` is",
    ),
    "an if after a break": (
        location("rewrite ^/a /b break;\nif ($x) { set $y 1; }\nproxy_pass http://orders;"),
        ":7: this `if` comes after a rewrite that ends rewriting",
    ),
    "an if whose rewrite may not match": (
        location("if ($x) { rewrite ^/a /b break; }\nset $y 1;\nproxy_pass http://orders;"),
        ":6: this `if` ends rewriting only where its rewrite matches, and `set` follows it",
    ),
    "a condition that is set on the way": (
        location("if ($x) { add_header a b; set $y 1; }\nif ($y) { add_header c d; }\nproxy_pass http://orders;"),
        ":6: $y decides an `if` of this location and is set between its `if` blocks",
    ),
    "a variable and an if": (
        "map $a $up { default orders; b web; }\n" + location("if ($x) { add_header a b; }\nproxy_pass http://$up;"),
        ":8: both a variable and an `if` decide where this location sends",
    ),
    "an odd uri": (location("proxy_pass http://orders/a?b=c;"), ":6: the URI /a?b=c in this pass cannot be written"),
    "a uri without a location": (
        "proxy_pass http://orders/v1/;",
        ":1: this pass replaces the prefix of a location that",
    ),
    "a rewrite to elsewhere and a uri": (
        location("rewrite ^/a /b;\nproxy_pass http://orders/v1/;"),
        ":6: this rewrite goes on to look for another location, and the pass has a URI",
    ),
    "a cache that would mix": (
        location("proxy_cache c;\nproxy_cache_key $uri;\nproxy_pass http://orders;"),
        ":7: answers are cached under a key that is the same for stable and canary",
    ),
    "two upstreams of one service": (
        "upstream a { server orders:80; }\nupstream b { server orders:81; }\n"
        + location("proxy_pass http://a;\nlocation /api/b { proxy_pass http://b; }"),
        ":2: a second upstream of orders: one name (orders-canary) cannot stand for the canaries of both",
    ),
    "fastcgi": (
        location("fastcgi_pass orders:9000;"),
        ":6: fastcgi_pass sends to orders: only proxy_pass and grpc_pass",
    ),
    "a stream": (
        "stream { server { listen 1; proxy_pass orders:5432; } }",
        ":1: connections to orders are passed on as they are",
    ),
    "a mark without its end": (
        location(f"{OURS} begin\nproxy_pass http://orders;"),
        ":6: a gatewayctl comment without its co",
    ),
    "a mark without its begin": (
        location(f"{OURS} end\nproxy_pass http://orders;"),
        ":6: a gatewayctl comment without its coun",
    ),
    "marks in each other": (
        location(f"{OURS} begin\n# gatewayctl-web-canary end\n{OURS} end\nproxy_pass http://orders;"),
        ":7: a gatewayctl comment without its counterpart",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_it_is_refused_with_its_place(case):
    text, reason = REFUSALS[case]

    refusal = str(catch_refusal(DIALECT, one(text), a_rule()))

    assert reason in refusal
    assert refusal.startswith("shop.conf:")


UNDERIVABLE = {
    "10.0.0.1": "10.0.0.1 is an IP address",
    "localhost": "localhost is the machine itself",
    "${ORDERS_HOST}": "${ORDERS_HOST} is a placeholder",
}


@pytest.mark.parametrize("host", UNDERIVABLE)
def test_an_address_that_cannot_be_derived_has_to_be_given(host):
    files = one(location(f"proxy_pass http://{host}:8080;"))

    with pytest.raises(Refused, match="cannot be derived") as why:
        DIALECT.insert(files, a_rule(service=host, canary_host=""))

    assert UNDERIVABLE[host] in str(why.value)
    assert "--canary-host IP" in why.value.hint
    assert "http://10.0.0.9:8080" in insert(files, a_rule(service=host))[0].text


def test_a_unix_socket_has_no_canary():
    with pytest.raises(Refused, match="Unix socket"):
        DIALECT.insert(one(location("proxy_pass http://unix:/run/o:;")), a_rule(service="unix:"))


def test_an_upstream_of_different_servers_needs_one_address():
    files = one("upstream orders { server a:80; server b:80; }\n" + location("proxy_pass http://orders;"))

    with pytest.raises(Refused, match="the upstream orders has 2 different servers"):
        DIALECT.insert(files, a_rule(canary_host=""))
    assert "server 10.0.0.9:80;" in insert(files)[0].text


NO_PORT = {
    "server a:80; server a:81;": "the servers of the upstream orders have 2 different ports",
    "zone orders 64k;": "the upstream orders has no servers in these files",
    "server unix:/run/orders.sock;": "stable's address is a Unix socket",
}


@pytest.mark.parametrize("servers", NO_PORT)
def test_an_upstream_without_one_port_needs_a_port_with_the_address(servers):
    files = one(f"upstream orders {{ {servers} }}\n" + location("proxy_pass http://orders;"))

    with pytest.raises(Refused, match=NO_PORT[servers]) as why:
        DIALECT.insert(files, a_rule())
    assert "--canary-host IP[:PORT]" in why.value.hint
    after = insert(files, a_rule(canary_host="10.0.0.9:8443"))
    assert "server 10.0.0.9:8443;" in after[0].text
    assert DIALECT.remove(after, "orders").apply(after) == files


@pytest.mark.parametrize(("given", "written"), [("10.0.0.9:90", "10.0.0.9:90"), ("[fd00::9]:90", "[fd00::9]:90")])
def test_a_given_port_takes_the_place_of_stables(given, written):
    files = one(location("proxy_pass http://orders:8080/v1/;"))

    assert f"proxy_pass http://{written};" in insert(files, a_rule(canary_host=given))[0].text


@pytest.mark.parametrize("given", ["a b", "x;y", "${X}", "http://x", "x:0", "x:65536", "x:y", ":80", "[x"])
def test_an_invalid_address_is_refused(given):
    with pytest.raises(Refused, match="neither a host name nor an address"):
        DIALECT.insert(one(location("proxy_pass http://orders;")), a_rule(canary_host=given))


def test_a_removal_works_on_files_that_an_insert_would_refuse():
    odd = one(location("try_files $uri @x;\nproxy_pass http://orders;"))

    assert DIALECT.remove(odd, "orders").stages == ()
