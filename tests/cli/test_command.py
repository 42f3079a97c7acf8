"""The command as a whole: help that teaches, quick to start, errors with exit codes, no heavy import."""

import subprocess
import sys

import pytest

HEAVY = ("kubernetes", "locust", "gevent", "pytest", "httpx", "envoy", "dns", "yaml", "pydantic.main", "hypothesis")
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
    shown = gatewayctl(command, "--help")

    assert shown.returncode == 0
    assert len(shown.stdout.splitlines()) > 5


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


def test_an_unknown_option_is_a_usage_fault():
    assert gatewayctl("status", "--no-such-option").returncode == 2
