"""Where a cluster cannot run, the error names the very command that helps."""

import subprocess
import sys
from pathlib import Path

import pytest

from gatewayctl.domain.errors import EnvironmentFailed
from tests.cluster.host import PACKAGES, Host, check, install_command, lacking
from tests.cluster.place import PROJECT


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    for name in ("ptp", "host-local", "loopback"):
        (tmp_path / name).touch()
    return tmp_path


def a_host(plugins: Path, absent: tuple[str, ...] = (), user: int = 0, platform: str = "linux") -> Host:
    return Host(platform, user, lambda name: None if name in absent else f"/bin/{name}", (plugins,))


def test_root_on_a_machine_with_everything_may_go_on(plugins):
    check(a_host(plugins))


def test_a_package_is_lacking_when_any_of_its_programs_is(plugins):
    assert lacking(a_host(plugins)) == ()
    assert lacking(a_host(plugins, ("ctr", "runc"))) == ("containerd", "runc")
    assert lacking(a_host(plugins / "elsewhere")) == ("containernetworking-plugins",)


def test_root_without_the_packages_is_told_how_to_install_exactly_those(plugins):
    with pytest.raises(EnvironmentFailed, match="containerd, conntrack") as failed:
        check(a_host(plugins, ("containerd", "conntrack")))

    assert failed.value.hint == "apt-get update && apt-get install -y containerd conntrack"


def test_whoever_is_not_root_is_told_to_be_and_what_else_is_lacking(plugins):
    with pytest.raises(EnvironmentFailed, match="only root") as failed:
        check(a_host(plugins, ("runc",), user=1000))

    assert "sudo -E" in failed.value.hint
    assert install_command(["runc"]) in failed.value.hint


def test_elsewhere_than_on_linux_nothing_is_suggested_that_cannot_help(plugins):
    with pytest.raises(EnvironmentFailed, match="darwin") as failed:
        check(a_host(plugins, platform="darwin"))

    assert "KUBECONFIG" in failed.value.hint
    assert "apt-get" not in failed.value.hint


def test_all_packages_have_programs_to_be_known_by():
    assert all(PACKAGES.values())


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["up", "--name", "Not_a_name"], 2, "no name for a cluster"),
        (["enter", "--name", "never-started", "--", "true"], 4, "python -m tests.cluster up --name never-started"),
        (["show", "--name", "never-started"], 0, "does not run"),
    ],
)
def test_the_command_line_answers_with_a_code_and_the_next_step(arguments, code, words):
    done = subprocess.run(
        [sys.executable, "-m", "tests.cluster", *arguments], cwd=PROJECT, capture_output=True, text=True, timeout=60
    )

    assert done.returncode == code, done.stderr
    assert words in done.stdout + done.stderr
