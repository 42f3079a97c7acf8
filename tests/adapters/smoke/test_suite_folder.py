"""Suites that expect to be run in their own folder, as their authors run them."""

from pathlib import Path

import pytest

from gatewayctl.adapters.smoke.suite_folder import find_folder
from tests.adapters.smoke.environments import make_environment

# What public suites do: a log beside the code, data by a relative path, modules of the folder without a package.
RELATIVE = """
    import pathlib
    from clients import shop

    pathlib.Path("logs/requests.log").write_text("")

    def test_it(client):
        assert client.get(pathlib.Path("data/path.txt").read_text()).status_code == shop.OK
"""


def test_a_suite_runs_in_the_folder_of_its_own_configuration(run_suite, write):
    write("logs/.gitkeep", "")
    write("data/path.txt", "/items")
    write("clients/shop.py", "OK = 200")
    write("suite/__init__.py", "")

    result = run_suite(RELATIVE)

    assert (result.passed, result.canary, result.exit_code) == (1, 1, 0), result.failures


def test_the_suite_and_its_python_may_be_given_by_relative_paths(run_suite, write, tmp_path, monkeypatch):
    make_environment(tmp_path / "away" / "venv")
    monkeypatch.chdir(tmp_path / "away")

    result = run_suite("def test_it(): pass", path="../suite", python="venv", folder="evidence")

    assert result.passed == 1, result.failures
    assert (tmp_path / "away" / "evidence" / "junit.xml").exists()


def test_a_relative_pythonpath_is_still_seen_from_where_the_release_was_started(
    run_suite, tmp_path, monkeypatch, write
):
    write("away/library/of_the_team.py", "")
    monkeypatch.chdir(tmp_path / "away")
    monkeypatch.setenv("PYTHONPATH", "library")

    result = run_suite("import of_the_team\ndef test_it(): pass", path=str(tmp_path / "suite"))

    assert result.passed == 1, result.failures


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.ini", ""),
        (".pytest.ini", "[pytest]\n"),
        ("pytest.toml", "[pytest]\n"),
        ("pyproject.toml", "[project]\n[tool.pytest.ini_options]\n"),
        ("pyproject.toml", "[tool.pytest]\n"),
        ("tox.ini", "[tox]\n[pytest]\n"),
        ("setup.cfg", "[metadata]\n[tool:pytest]\n"),
    ],
)
def test_the_next_configuration_above_the_suite_decides(tmp_path, name, text):
    (tmp_path / "project" / "tests" / "api").mkdir(parents=True)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "project" / name).write_text(text)
    (tmp_path / "project" / "tests" / "setup.cfg").write_text("[metadata]\n")

    assert find_folder(tmp_path / "project" / "tests" / "api" / "test_it.py", ()) == tmp_path / "project"


def test_without_a_configuration_it_is_the_current_folder(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[project]\n")

    assert find_folder(tmp_path, ()) == Path.cwd()


@pytest.mark.parametrize("args", [("-c", "other.ini"), ("--config-file=other.ini",), ("-x", "--rootdir=.")])
def test_arguments_that_name_another_configuration_are_seen_from_the_current_folder(tmp_path, args):
    (tmp_path / "pytest.ini").write_text("")

    assert find_folder(tmp_path, args) == Path.cwd()
