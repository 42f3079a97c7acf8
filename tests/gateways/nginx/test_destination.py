"""The address that a canary's requests go to: an upstream of its own, an IP address, a name, or a variable."""

import pytest

from tests.gateways.nginx.samples import (
    DIALECT,
    WITH_UPSTREAM,
    a_rule,
    find_added_lines,
    http,
    insert,
    location,
    one,
)
from tests.gateways.samples import text_of

PLAIN = location("proxy_pass http://orders:8080;")


def test_an_upstream_gets_a_canary_upstream_above_it_with_its_keepalive_settings():
    change = DIALECT.insert(one(WITH_UPSTREAM), a_rule())

    new = find_added_lines(WITH_UPSTREAM, text_of(change.apply(one(WITH_UPSTREAM))))
    assert new[:6] == [
        "# gatewayctl-orders-canary begin",
        "upstream orders-canary {",
        "  server 10.0.0.9:8080;",
        "  keepalive 8;",
        "}",
        "# gatewayctl-orders-canary end",
    ]
    assert "      proxy_pass http://orders-canary;" in new


def test_an_upstream_stands_for_the_service_of_its_servers():
    files = one(WITH_UPSTREAM.replace("upstream orders", "upstream backend").replace("//orders", "//backend"))

    assert DIALECT.insert(files, a_rule()).covered[0].target == "backend"


def test_an_upstream_made_by_hand_is_neither_changed_nor_removed():
    files = one("upstream orders-canary { server elsewhere; }\n" + WITH_UPSTREAM)

    change = DIALECT.insert(files, a_rule(canary_host=""))
    after = change.apply(files)

    assert (
        "the upstream orders-canary was not added by gatewayctl: it stays as it is, also when the rule is removed"
        in change.notes
    )
    assert text_of(after).count("upstream orders-canary") == 1
    assert DIALECT.remove(after, "orders").apply(after) == files


def test_a_note_warns_of_a_name_that_nginx_resolves_when_it_loads():
    change = DIALECT.insert(one(PLAIN), a_rule(canary_host=""))

    assert "proxy_pass http://orders-canary:8080;" in text_of(change.apply(one(PLAIN)))
    (note,) = change.notes
    assert note.startswith("shop.conf:6: nginx looks orders-canary up when it loads, and does not start once that name")
    assert "--canary-host IP" in note


def test_an_ip_address_needs_no_warning():
    change = DIALECT.insert(one(PLAIN), a_rule())

    assert change.notes == ()
    assert "orders-canary:" not in text_of(change.apply(one(PLAIN)))


@pytest.mark.parametrize("given", ["", "orders-canary.shop.svc.cluster.local"])
def test_with_a_resolver_a_full_name_is_resolved_for_each_request(given):
    files = one(location("resolver 10.96.0.10;\nproxy_pass http://orders.shop.svc.cluster.local:8080;"))

    change = DIALECT.insert(files, a_rule(canary_host=given))

    after = text_of(change.apply(files))
    assert change.notes == ()
    assert "set $gatewayctl_orders_host orders-canary.shop.svc.cluster.local;" in after
    assert "proxy_pass http://$gatewayctl_orders_host:8080;" in after


def test_an_upstream_of_stream_is_not_taken_for_one_of_http():
    stream = "stream {\n  upstream orders { server db:5432; }\n  server { listen 5432; proxy_pass orders; }\n}\n"
    files = one(stream + http("    location / { proxy_pass http://orders; }\n  }\n  upstream orders { server o:80;\n"))

    after = text_of(insert(files))

    assert after.startswith(stream), "the canary's upstream is in http, beside stable's"
    assert "server 10.0.0.9:80;" in after


def test_an_ipv6_address_is_written_in_brackets():
    after = text_of(insert(one(PLAIN), a_rule(canary_host="fd00::9")))

    assert "proxy_pass http://[fd00::9]:8080;" in after
