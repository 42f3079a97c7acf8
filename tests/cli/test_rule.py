"""`gatewayctl rule` on files in a checkout: the edit, its reverse, and the refusals."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gatewayctl.cli.rule import read
from gatewayctl.domain.errors import Refused, UsageFault

ROUTES = """\
# team checkout
resources:
- "@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration
  name: shop
  virtual_hosts:
  - name: shop
    domains: ["*"]
    routes:
    - match: {prefix: /api/orders}   # the old path
      route: {cluster: orders, timeout: 5s}
    - match: {prefix: /}
      route: {cluster: web}"""


@pytest.fixture
def routes(tmp_path: Path) -> Path:
    file = tmp_path / "rds.yaml"
    file.write_bytes(ROUTES.encode())
    return file


def rule(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gatewayctl", "rule", *map(str, words)], capture_output=True, text=True, timeout=60
    )


def add(*words: object) -> subprocess.CompletedProcess[str]:
    return rule("add", "--gateway", "envoy", "--service", "orders", *words)


def test_a_rule_goes_in_and_comes_out_byte_for_byte(routes):
    routes.chmod(0o640)

    added = add("--header", "x-canary=always", routes)
    text = routes.read_text()
    removed = rule("remove", "--gateway", "envoy", "--service", "orders", routes)

    assert (added.returncode, removed.returncode) == (0, 0), added.stderr + removed.stderr
    assert "gatewayctl-orders-canary" in text
    assert [line for line in ROUTES.splitlines() if line not in text.splitlines()] == []
    assert routes.read_bytes() == ROUTES.encode()
    assert stat.S_IMODE(routes.stat().st_mode) == 0o640


def test_a_fallback_that_the_gateway_cannot_give_is_refused_and_nothing_written(routes):
    added = add("--fallback", routes)

    assert added.returncode == 2
    assert "this gateway cannot fall back to stable" in added.stderr
    assert routes.read_bytes() == ROUTES.encode()


def test_added_twice_it_is_there_once(routes):
    add(routes)
    text = routes.read_text()
    again = add(routes)

    assert again.returncode == 0
    assert "nothing to do" in again.stdout
    assert routes.read_text() == text


def test_another_header_replaces_the_first(routes):
    add("--header", "x-canary=one", routes)
    second = add("--header", "x-canary=two", routes)

    assert '"two"' in routes.read_text()
    assert '"one"' not in routes.read_text()
    assert (
        "  note: the rule of orders is replaced: x-canary: one no longer reaches the canary, x-canary: two does\n"
        in second.stdout
    )


def test_the_same_header_again_replaces_nothing_and_tells_nothing(routes):
    add(routes)

    assert "is replaced" not in add(routes).stdout


def test_diff_writes_nothing_and_is_a_patch(routes, tmp_path):
    shown = add("--diff", routes)

    assert routes.read_bytes() == ROUTES.encode()
    patch = tmp_path / "rule.patch"
    patch.write_text(shown.stdout)
    subprocess.run(["patch", "-s", str(routes), str(patch)], check=True, timeout=20)  # noqa: S607 (any patch will do)
    patched = routes.read_text()
    routes.write_bytes(ROUTES.encode())
    add(routes)
    assert routes.read_text() == patched


def test_the_notes_on_a_diff_are_beside_it(routes):
    shown, written = add("--diff", routes), add(routes)

    notes = [line.removeprefix("  ") for line in written.stdout.splitlines() if line.startswith("  note: ")]
    assert notes
    assert [line for line in shown.stderr.splitlines() if line.startswith("note: ")] == notes
    assert "note:" not in shown.stdout


def test_show_lists_routes_and_rules(routes):
    add(routes)

    shown = rule("show", "--gateway", "envoy", "-o", "json", routes)

    found = [(route["target"], route["header"]) for route in json.loads(shown.stdout)["routes"]]
    assert found == [("orders-canary", "x-canary: always"), ("orders", ""), ("web", "")]


def test_a_link_is_followed_not_replaced(routes, tmp_path):
    link = tmp_path / "current.yaml"
    link.symlink_to(routes)

    add(link)

    assert link.is_symlink()
    assert "gatewayctl-orders-canary" in routes.read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--gateway", "envoi", "--service", "orders"), "unknown gateway kind 'envoi'"),
        (("--gateway", "envoy", "--service", "order"), "rds.yaml: "),
        (("--gateway", "envoy", "--service", "orders", "--header", "x-canary"), "is not NAME=VALUE"),
        (("--gateway", "envoy", "--service", "orders", "--header", "x-canary=a,b"), "header value 'a,b'"),
        (("--gateway", "envoy", "--service", "orders", "--header", "Cookie=a"), "Cookie cannot mark requests"),
        (("--gateway", "envoy", "--service", "orders", "--header", "x_canary=a"), "header name 'x_canary'"),
    ],
)
def test_a_refusal_is_exit_2_and_writes_nothing(routes, words, message):
    refused = rule("add", *words, routes)

    assert refused.returncode == 2
    assert message in refused.stderr
    assert routes.read_bytes() == ROUTES.encode()


def test_a_refusal_is_json_for_machines(routes):
    refused = rule("add", "--gateway", "envoi", "--service", "orders", "-o", "json", routes)

    answer = json.loads(refused.stdout)
    assert answer["exit_code"] == 2
    assert answer["hint"].startswith("use one of: envoy, ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe", "not UTF-8 text"),
        (b"resources: [\n", "rds.yaml:2: "),
        (b"{% for route in routes %}\n", "template"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_place(routes, content, message):
    routes.write_bytes(content)

    refused = add(routes)

    assert refused.returncode == 2
    assert message in refused.stderr
    assert routes.read_bytes() == content


def test_a_missing_file_is_named(tmp_path):
    refused = add(tmp_path / "no.yaml")

    assert refused.returncode == 2
    assert "no.yaml: cannot be read: No such file" in refused.stderr
    assert "→ name the files" in refused.stderr


def test_one_file_by_two_spellings_is_one_file_and_nothing_is_written(routes):
    before = routes.read_bytes()

    with pytest.raises(UsageFault, match="named twice"):
        read([routes, routes.parent / ".." / routes.parent.name / routes.name])

    assert routes.read_bytes() == before


def test_a_file_that_is_no_text_is_refused_at_its_line(tmp_path):
    file = tmp_path / "rds.yaml"
    file.write_bytes(b"resources:\n# caf\xe9\n")

    with pytest.raises(Refused, match=r"rds\.yaml:2: not UTF-8 text"):
        read([file])


def test_a_device_without_an_end_is_not_read_to_its_end():
    with pytest.raises(Refused, match="/dev/zero: larger than"):
        read([Path("/dev/zero")])
