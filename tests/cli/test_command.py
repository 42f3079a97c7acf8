"""The command as a whole: help that teaches, quick to start, errors with exit codes, no heavy import."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from gatewayctl.cli import sandbox
from gatewayctl.cli.app import app
from gatewayctl.cli.demo import unpack
from gatewayctl.cli.examples import EXAMPLES
from gatewayctl.domain.errors import UsageFault

HEAVY = (
    "kubernetes",
    "locust",
    "gevent",
    "pytest",
    "httpx",
    "h11",
    "envoy",
    "dns",
    "yaml",
    "pydantic.main",
    "hypothesis",
)
COMMANDS = [
    "plan",
    "release",
    "start",
    "smoke",
    "promote",
    "abort",
    "resume",
    "doctor",
    "status",
    "curl",
    "history",
    "report",
    "demo",
    "route",
    "rule",
    "sandbox",
]


def gatewayctl(*words: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gatewayctl", *words], capture_output=True, text=True, timeout=60, **options
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_that_says_what_it_does(command):
    shown = CliRunner().invoke(app, [command, "--help"])

    assert shown.exit_code == 0
    assert len(shown.stdout.splitlines()) > 5


def leaves(command, *path: str) -> Iterator[tuple[str, ...]]:
    """Every command that a person gives, by its words; hidden ones are what our own Pods run."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path
    for name, sub in (inner or {}).items():
        if not sub.hidden:
            yield from leaves(sub, *path, name)


LEAVES = [" ".join(words) for words in leaves(get_command(app))]


def test_every_example_belongs_to_a_command():
    assert sorted(EXAMPLES) == sorted(LEAVES)


@pytest.mark.parametrize("words", LEAVES)
def test_every_commands_help_ends_with_examples_that_it_would_take(words):
    shown = CliRunner().invoke(app, [*words.split(), "--help"]).stdout

    command = get_command(app)
    for name in words.split():
        command = command.commands[name]
    for line in EXAMPLES[words]:
        assert f"\n    {line}\n" in shown
        given = shlex.split(line)
        assert given[: 1 + len(words.split())] == ["gatewayctl", *words.split()]
        command.make_context(words, given[1 + len(words.split()) :])  # raises for what it does not know


def test_the_sandbox_is_not_looked_for_in_a_clusters_configuration():
    config = Path(__file__).parents[2] / "manifests" / "gatewayctl.yaml"

    with pytest.raises(UsageFault, match=r"platform\.kind is kubernetes, not sandbox") as caught:
        sandbox.down(config)

    assert "kind: sandbox" in caught.value.hint


def test_a_demo_is_not_put_in_place_of_a_file(tmp_path):
    file = tmp_path / "demo"
    file.write_text("somebody's")

    with pytest.raises(UsageFault, match="is not a folder"):
        unpack(file)

    assert file.read_text() == "somebody's"


def test_help_lists_every_command():
    shown = gatewayctl("--help").stdout

    assert [command for command in COMMANDS if f"  {command} " not in shown] == []


def test_help_loads_nothing_heavy():
    code = (
        "import sys; import gatewayctl.cli.app as app; "
        f"print([name for name in {HEAVY!r} if name in sys.modules and name not in before])"
    )
    before = "import sys, typer; import typer.main; before = set(sys.modules); "

    shown = subprocess.run([sys.executable, "-c", before + code], capture_output=True, text=True, timeout=60)

    assert shown.stdout.strip() == "[]", shown.stdout + shown.stderr


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_without_a_configuration_it_says_what_to_do(command, tmp_path):
    failed = gatewayctl(command, cwd=tmp_path)

    assert failed.returncode == 2
    assert "gatewayctl.yaml: there is no such file" in failed.stderr
    assert "gatewayctl demo" in failed.stderr


@pytest.mark.parametrize("words", [("doctor",), ("plan", "orders", "--image", "shop/orders:1.1")])
def test_before_the_sandbox_runs_it_says_how_to_start_it(words, tmp_path):
    shutil.copytree(Path(__file__).parents[2] / "gateway-config", tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / ".gatewayctl", ignore_errors=True)

    failed = gatewayctl(*words, cwd=tmp_path)

    assert failed.returncode == 4, failed.stderr
    assert "gatewayctl sandbox up" in failed.stderr
    assert "workloads are listed" not in failed.stderr


def test_a_release_that_nothing_tests_does_not_promote_itself(tmp_path):
    source = Path(__file__).parents[2] / "gateway-config"
    text = (source / "gatewayctl.yaml").read_text()
    assert text.count("\n    smoke:") == 1
    config = tmp_path / "gatewayctl.yaml"
    config.write_text(re.sub(r"\n    smoke:(\n      .*)+", "", text))
    shutil.copy(source / "sandbox.yaml", tmp_path)

    words = ("release", "orders", "--image", "shop/orders:1.1", "--promote", "on-success", "--config", str(config))
    refused = gatewayctl(*words)

    assert refused.returncode == 2, refused.stderr
    assert "orders has neither a suite nor a load" in refused.stderr
    assert "--untested" in refused.stderr
    assert "neither a suite nor a load" not in gatewayctl(*words, "--untested").stderr


def test_an_unknown_option_is_a_usage_fault():
    assert gatewayctl("status", "--no-such-option").returncode == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("status", "-o", "json", "--bogus"), "No such option: --bogus"),
        (("promote", "--output=json"), "Missing argument 'APP'"),
        (("promot", "-ojson"), "No such command 'promot'"),
    ],
)
def test_a_wrong_option_is_json_where_json_is_wanted(words, message):
    done = gatewayctl(*words)

    answer = json.loads(done.stdout)
    assert done.returncode == 2
    assert (set(answer), answer["exit_code"]) == ({"error", "hint", "exit_code"}, 2)
    assert message in answer["error"]
    assert f"error: {answer['error']}" in done.stderr


def test_help_and_results_end_as_ever_where_json_is_wanted(tmp_path):
    missing = gatewayctl("status", "-o", "json", cwd=tmp_path)

    assert gatewayctl("status", "-o", "json", "--help").returncode == 0
    assert (missing.returncode, json.loads(missing.stdout)["exit_code"]) == (2, 2)
