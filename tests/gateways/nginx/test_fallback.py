"""With a fallback, stable answers for a canary that is gone, and never for one that runs."""

from signal import SIGHUP

import pytest

from gatewayctl.domain.errors import Refused
from tests.gateways.loopback import until
from tests.gateways.nginx.product import needs_nginx
from tests.gateways.nginx.running import CANARY, STABLE, echo_upstream, running_nginx, running_upstreams
from tests.gateways.nginx.samples import DIALECT, a_rule, insert, insert_in_http, location, one

MARKED = ("x-canary", "always")
UP = "upstream orders {\n  server a:80 weight=2;\n  server b:80 backup;\n  keepalive 4;\n}\n"
TO_ORDERS = "proxy_pass http://orders;"
RULE = a_rule(fallback=True)


def test_the_canary_gets_an_upstream_with_stables_servers_as_backup():
    before = one(UP + location(TO_ORDERS))

    after = insert(before, RULE)

    assert (
        "upstream orders-canary {\n"
        "  server 10.0.0.9:80 max_fails=0;\n"
        "  server a:80 weight=2 backup;\n"
        "  server b:80 backup;\n"
        "  keepalive 4;\n"
        "}\n"
    ) in after[0].text
    assert DIALECT.remove(after, "orders").apply(after) == before


def test_without_the_option_nothing_falls_back():
    assert "max_fails" not in insert(one(UP + location(TO_ORDERS)))[0].text


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (location("proxy_pass http://orders:8080;"), ":6: this pass names a host, and only an upstream can fall back"),
        (
            UP + location(f"proxy_next_upstream off;\n{TO_ORDERS}"),
            ":11: with this proxy_next_upstream nginx goes to no",
        ),
        (
            UP + location(f"proxy_next_upstream timeout;\n{TO_ORDERS}"),
            ":11: with this proxy_next_upstream nginx goes to no",
        ),
        (
            UP + location(f"proxy_next_upstream error http_502;\n{TO_ORDERS}"),
            ":11: with http_502 stable would also answer where the canary answers with an error",
        ),
        (
            UP.replace("b:80", "b:80 resolve") + location(TO_ORDERS),
            ":3: this server is looked up while nginx runs",
        ),
        (
            "upstream orders-canary { server 10.0.0.9:80; }\n" + UP + location(TO_ORDERS),
            ":12: the upstream orders-canary was not added by gatewayctl",
        ),
    ],
)
def test_a_fallback_that_nginx_would_never_or_too_often_use_is_refused(text, fault):
    with pytest.raises(Refused) as caught:
        DIALECT.insert(one(text), RULE)

    assert fault in str(caught.value)
    assert insert(one(text)), "without a fallback it is no fault"


@pytest.mark.sandbox
@needs_nginx
@pytest.mark.parametrize("scheme", ["GET", "POST"])
def test_stable_answers_for_a_canary_that_is_gone_and_at_once_no_more_when_it_is_back(scheme, tmp_path):
    with running_upstreams() as port:
        text = (
            f"upstream orders {{\n  server {STABLE}:{port};\n}}\n"
            "server {\n  listen LISTEN;\n  location /api/ {\n    proxy_pass http://orders;\n  }\n}\n"
        )
        after = insert_in_http(text, a_rule(fallback=True, canary_host=f"{CANARY}7"))
        with running_nginx(tmp_path, after) as running:

            def ask() -> tuple[int, str, str]:
                seen = running.ask("/api/x", MARKED, method=scheme, body="order" if scheme == "POST" else "")
                return seen.status, seen.name, seen.body

            body = "order" if scheme == "POST" else ""
            assert ask() == (200, "stable", body)
            running.process.send_signal(SIGHUP)
            until(lambda: running.log.count("gracefully shutting down") == 1, "the reload")
            assert ask() == (200, "stable", body)
            assert "[emerg]" not in running.log

            canary = echo_upstream("canary", f"{CANARY}7", port)
            try:
                assert ask() == (200, "canary", body)
                assert running.ask("/api/x").name == "stable"
            finally:
                canary.stop()
