"""A running nginx with the rule: how it answers odd requests, and what happens if the canary's Service is gone."""

import subprocess
from signal import SIGHUP

import pytest

from gatewayctl.domain.evidence import LeakCase
from gatewayctl.gateways.nginx.checker import find_nginx
from tests.gateways.loopback import until
from tests.gateways.nginx.product import needs_nginx
from tests.gateways.nginx.running import CANARY, NET, STABLE, running_nginx, running_upstreams
from tests.gateways.nginx.samples import DIALECT, a_rule, insert_in_http, one

pytestmark = [pytest.mark.sandbox, needs_nginx]

NAME = "x-canary"
ODD_HEADERS = {
    LeakCase.NO_HEADER: [],
    LeakCase.WRONG_VALUE: [(NAME, "alway"), (NAME, "always2"), (NAME, "xalways")],
    LeakCase.EMPTY_VALUE: [(NAME, "")],
    LeakCase.OTHER_CASE: [(NAME, "ALWAYS"), (NAME, "Always")],
    LeakCase.COMMA_LIST: [(NAME, "other, always"), (NAME, "always, other"), (NAME, "always,always")],
}


@pytest.fixture(scope="module")
def port():
    with running_upstreams() as port:
        yield port


def shop(port: int) -> str:
    return f"server {{\n  listen LISTEN;\n  location /api/ {{\n    proxy_pass http://{STABLE}:{port};\n  }}\n}}\n"


def with_rule(text: str, **changes) -> str:
    return insert_in_http(text, a_rule(service=STABLE, **{"canary_host": CANARY, **changes}))


@pytest.mark.shows("nginx", "odd requests")
@pytest.mark.parametrize("case", ODD_HEADERS)
def test_only_the_exact_value_is_marked(case, port, tmp_path):
    with running_nginx(tmp_path, with_rule(shop(port))) as running:
        for header in ODD_HEADERS[case] or [("accept", "*/*")]:
            assert running.ask("/api/x", header).name == "stable"
        assert running.ask("/api/x", ("X-CANARY", "always")).name == "canary"


@pytest.mark.shows("nginx", "odd requests")
def test_of_a_header_sent_twice_the_second_line_never_counts(port, tmp_path):
    with running_nginx(tmp_path, with_rule(shop(port))) as running:
        assert running.ask("/api/x", (NAME, "other"), (NAME, "always")).name == "stable"
        assert LeakCase.SENT_TWICE not in DIALECT.limits.answers


def test_a_header_with_an_underscore_is_another_header(port, tmp_path):
    with running_nginx(tmp_path, with_rule(shop(port))) as running:
        assert running.ask("/api/x", ("x_canary", "always")).name == "stable"


@pytest.mark.shows("nginx", "canary gone")
def test_with_the_canary_gone_nginx_starts_and_reloads_and_only_marked_requests_fail(port, tmp_path):
    text = with_rule(shop(port), canary_host=f"{NET}.99")
    with running_nginx(tmp_path, text) as running:
        assert running.ask("/api/x", (NAME, "always")).status == 502
        running.process.send_signal(SIGHUP)
        until(lambda: running.log.count("gracefully shutting down") == 1, "the reload")

        assert running.ask("/api/x", (NAME, "always")).status == 502
        assert running.ask("/api/x").name == "stable"
        assert "[emerg]" not in running.log


def test_a_name_that_is_gone_keeps_nginx_from_starting_as_the_note_says(port, tmp_path):
    files = one(f"events {{}}\nhttp {{\n{shop(port).replace('LISTEN', '80')}}}\n")
    change = DIALECT.insert(files, a_rule(service=STABLE, canary_host="gone.invalid"))
    conf = tmp_path / "nginx.conf"
    conf.write_text(change.apply(files)[0].text)

    result = subprocess.run(
        [find_nginx(), "-t", "-c", str(conf), "-e", "stderr"], capture_output=True, text=True, timeout=30
    )

    assert result.returncode != 0
    assert 'host not found in upstream "gone.invalid' in result.stderr
    assert any("nginx looks gone.invalid up when it loads" in note for note in change.notes)


def test_a_name_that_is_resolved_for_each_request_may_be_gone(port, tmp_path):
    text = shop(port).replace("location", f"resolver {NET}.77;\n  resolver_timeout 1s;\n  location")
    with running_nginx(tmp_path, with_rule(text, canary_host="gone.invalid")) as running:
        assert running.ask("/api/x", (NAME, "always")).status == 502
        assert running.ask("/api/x").name == "stable"
