"""With a fallback stable answers in place of a canary that is gone, and never in place of one that is there."""

from signal import SIGHUP

import pytest

from gatewayctl.domain.errors import Refused
from tests.gateways.nginx.product import needs_nginx
from tests.gateways.nginx.running import CANARY, STABLE, Upstream, gateway, until, upstreams
from tests.gateways.nginx.samples import DIALECT, a_rule, inserted, location, one

MARK = ("x-canary", "always")
UP = "upstream orders {\n  server a:80 weight=2;\n  server b:80 backup;\n  keepalive 4;\n}\n"
SENT = "proxy_pass http://orders;"
RULE = a_rule(fallback=True)


def test_stables_servers_stand_behind_the_canarys_in_an_upstream_of_its_own():
    before = one(UP + location(SENT))

    after = inserted(before, RULE)

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
    assert "max_fails" not in inserted(one(UP + location(SENT)))[0].text


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (location("proxy_pass http://orders:8080;"), ":6: this pass names a host, and only an upstream can fall back"),
        (UP + location(f"proxy_next_upstream off;\n{SENT}"), ":11: with this proxy_next_upstream nginx goes to no"),
        (UP + location(f"proxy_next_upstream timeout;\n{SENT}"), ":11: with this proxy_next_upstream nginx goes to no"),
        (
            UP + location(f"proxy_next_upstream error http_502;\n{SENT}"),
            ":11: with http_502 stable would also answer where the canary answers with an error",
        ),
        (
            UP.replace("b:80", "b:80 resolve") + location(SENT),
            ":3: this server is looked up while nginx runs",
        ),
        (
            "upstream orders-canary { server 10.0.0.9:80; }\n" + UP + location(SENT),
            ":12: the upstream orders-canary is not of our making",
        ),
    ],
)
def test_where_nginx_would_not_fall_back_or_too_often_it_is_refused(text, fault):
    with pytest.raises(Refused) as caught:
        DIALECT.insert(one(text), RULE)

    assert fault in str(caught.value)
    assert inserted(one(text)), "without a fallback it is no fault"


@pytest.mark.sandbox
@needs_nginx
@pytest.mark.parametrize("scheme", ["GET", "POST"])
def test_stable_answers_for_a_canary_that_is_gone_and_at_once_no_more_when_it_is_back(scheme, tmp_path):
    with upstreams() as port:
        text = (
            f"upstream orders {{\n  server {STABLE}:{port};\n}}\n"
            "server {\n  listen LISTEN;\n  location /api/ {\n    proxy_pass http://orders;\n  }\n}\n"
        )
        after = inserted(one(f"http {{{text}}}"), a_rule(fallback=True, canary_host=f"{CANARY}7"))[0].text
        with gateway(tmp_path, after.removeprefix("http {").rpartition("}")[0]) as running:

            def asked() -> tuple[int, str, str]:
                seen = running.ask("/api/x", MARK, method=scheme, body="order" if scheme == "POST" else "")
                return seen.status, seen.name, seen.body

            body = "order" if scheme == "POST" else ""
            assert asked() == (200, "stable", body)
            running.process.send_signal(SIGHUP)
            until(lambda: running.log.count("gracefully shutting down") == 1, "the reload")
            assert asked() == (200, "stable", body)
            assert "[emerg]" not in running.log

            canary = Upstream("canary", f"{CANARY}7", port)
            try:
                assert asked() == (200, "canary", body)
                assert running.ask("/api/x").name == "stable"
            finally:
                canary.stop()
