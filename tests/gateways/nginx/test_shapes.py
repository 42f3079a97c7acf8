"""A real nginx with the rule: stable gets the same requests as before it, and the canary the same ones as stable."""

import re
from pathlib import Path

import pytest

from tests.gateways.nginx.product import needs_nginx
from tests.gateways.nginx.running import CANARY, NET, OTHER, STABLE, running_nginx, running_upstreams
from tests.gateways.nginx.samples import a_rule, insert_in_http

pytestmark = [pytest.mark.sandbox, needs_nginx]

MARKED = ("x-canary", "always")
SHAPES = dict(part.split("\n", 1) for part in Path(__file__).with_name("shapes.conf").read_text().split("\n### ")[1:])
PATHS = [
    "/api/x",
    "/api/a/b?q=1&r=%20",
    "/api/redirect",
    "/api/a%2Fb%3Fc",
    "/api/a;v=1//b/../c",
    "/api/caf%C3%A9%20x?q=2",
    "/api/%0Ax%25",
    "/api/a+b&c='(d)",
    "/api/?q=",
    "/api/(a+b)%3F%7B1%7D/z",
]


@pytest.fixture(scope="module")
def port():
    with running_upstreams() as port:
        yield port


def write_shape(shape, layout, port):
    """A shape as the content of an http block, with addresses of this run."""
    text = SHAPES[shape]
    text = text if "server {" in text else f"server {{\n    listen LISTEN;\n{text}}}\n"
    for letter, host in (("S", STABLE), ("O", OTHER)):
        text = re.sub(rf"(?<=[ /]){letter}(?=[/;])", f"{host}:{port}", text)
    text = text.replace("HOST", STABLE).replace("PORT", str(port))
    return " ".join(text.split()) if layout == "in one line" else text


@pytest.mark.shows("nginx", "precedence")
@pytest.mark.parametrize("layout", ["in lines", "in one line"])
@pytest.mark.parametrize("shape", SHAPES)
def test_only_the_upstream_of_marked_requests_changes(shape, layout, port, tmp_path):
    text = write_shape(shape, layout, port)
    rule = a_rule(service=STABLE, canary_host=CANARY)
    edited = insert_in_http(text, rule)
    asks = [(path, method) for path in PATHS for method in ("GET", "POST", "OPTIONS", "DELETE")]
    with running_nginx(tmp_path / "a", text) as before, running_nginx(tmp_path / "b", edited, f"{NET}.11") as after:
        reached = 0
        for path, method in asks:
            body = "hello" if method == "POST" else ""
            was = before.ask(path, method=method, body=body)
            now = after.ask(path, method=method, body=body)
            marked = after.ask(path, MARKED, method=method, body=body)
            assert now == was, (path, method)
            assert marked.without_name == was.without_name, (path, method)
            assert marked.name == ("canary" if was.name == "stable" else was.name), (path, method)
            if was.name:  # empty: nginx answers this request itself
                assert marked.stamp == ("r-1" if was.name == "stable" else ""), (path, method)
            reached += marked.name == "canary"
        assert reached > 0
        assert "emerg" not in after.log + before.log


@pytest.mark.parametrize("layout", ["in lines", "in one line"])
@pytest.mark.parametrize("shape", SHAPES)
def test_with_all_requests_shared_only_their_upstream_changes(shape, layout, port, tmp_path):
    text = write_shape(shape, layout, port)
    edited = insert_in_http(text, a_rule(service=STABLE, canary_host=CANARY, share=100))
    asks = [(path, method) for path in PATHS for method in ("GET", "POST", "OPTIONS", "DELETE")]
    with running_nginx(tmp_path / "a", text) as before, running_nginx(tmp_path / "b", edited, f"{NET}.11") as after:
        reached = 0
        for path, method in asks:
            body = "hello" if method == "POST" else ""
            was = before.ask(path, method=method, body=body)
            for headers in ([], [MARKED]):
                now = after.ask(path, *headers, method=method, body=body)
                assert now.without_name == was.without_name, (path, method)
                assert now.name == ("canary" if was.name == "stable" else was.name), (path, method)
                if was.name:  # empty: nginx answers this request itself
                    assert now.stamp == ("r-1" if was.name == "stable" else ""), (path, method)
                reached += now.name == "canary"
        assert reached > 0
        assert "emerg" not in after.log + before.log
