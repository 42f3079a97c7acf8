"""Suites in a virtual environment of the team: its Python, its pytest, and our plugin without installing it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gatewayctl.adapters.smoke.interpreter import interpreter
from gatewayctl.adapters.smoke.suites import ChildSuites
from gatewayctl.domain.errors import EnvironmentFailed, UsageFault
from gatewayctl.domain.judgement import Verdict
from gatewayctl.domain.smoke import SuiteSettings
from gatewayctl.domain.suite_verdicts import judge_suite
from gatewayctl.domain.trial import Suite
from tests.adapters.smoke.environments import make_environment

ROOT = Path(__file__).parents[3]
SETTINGS = SuiteSettings(
    {"SHOP_PASSWORD": "hunter2!"}, {key: f"gatewayctl.yaml:7: {key}" for key in ("python", "env", "reruns")}
)

# Standard library only. BASE_URL is asked as any client may ask it.
BARE = """
    import os, sys, urllib.request

    def ask(path):
        name, value = os.environ["GATEWAYCTL_HEADER_NAME"], os.environ["GATEWAYCTL_HEADER_VALUE"]
        return urllib.request.urlopen(urllib.request.Request(os.environ["BASE_URL"] + path, headers={name: value}))

    def test_it(canary_headers, base_url):
        assert sys.prefix == os.environ["VIRTUAL_ENV"] != sys.base_prefix
        assert ask("/items").status == 200

    def test_only_our_package_is_added():
        for name in ("httpx", "pydantic", "yaml", "locust", "xdist"):
            try:
                __import__(name)
            except ImportError:
                continue
            raise AssertionError(name)
"""


@pytest.fixture(scope="module")
def team(tmp_path_factory) -> Path:
    """The Python of a virtual environment with pytest only."""
    return make_environment(tmp_path_factory.mktemp("team") / "venv")


def test_a_python_with_only_pytest_runs_the_suite(run_suite, team):
    result = run_suite(BARE, python=str(team))

    assert (result.passed, result.failed, result.errors, result.exit_code) == (2, 0, 0, 0), result.failures
    assert result.finished


def test_the_folder_of_a_virtual_environment_will_do(run_suite, team):
    result = run_suite("import sys\ndef test_it(gatewayctl_python=sys.prefix): pass", python=str(team.parents[1]))

    assert result.passed == 1


def test_what_is_installed_there_too_is_not_loaded_twice(run_suite, tmp_path):
    python = make_environment(tmp_path / "with-gatewayctl")
    (site,) = (tmp_path / "with-gatewayctl").glob("lib/python*/site-packages")
    old = site / "gatewayctl"
    old.mkdir()
    (old / "__init__.py").write_text("raise AssertionError('another gatewayctl')\n")
    info = site / "gatewayctl-0.0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gatewayctl\nVersion: 0.0.1\n")
    (info / "entry_points.txt").write_text("[pytest11]\ngatewayctl = gatewayctl.pytest_plugin\n")

    result = run_suite(BARE, python=str(python))

    assert (result.passed, result.exit_code) == (2, 0), result.failures


def test_the_sitecustomize_that_ours_hides_is_still_run(run_suite, tmp_path):
    python = make_environment(tmp_path / "venv")
    (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    (site / "sitecustomize.py").write_text("import builtins\nbuiltins.of_the_team = 1\n")

    result = run_suite("def test_it(): assert of_the_team and __import__('sitecustomize').builtins", python=str(python))

    assert result.passed == 1, result.failures


def test_a_missing_module_names_the_option(run_suite, team):
    ours = run_suite("import no_such_library\ndef test_it(): pass")
    theirs = run_suite("import no_such_library\ndef test_it(): pass", python=str(team))

    assert judge_suite(ours).verdict is Verdict.INCONCLUSIVE
    assert "No module named 'no_such_library' (the suite runs with gatewayctl's own Python: name your suite's by " in (
        judge_suite(ours).text
    )
    assert f"(the suite runs with smoke.pytest.python, {team}: install it there)" in judge_suite(theirs).text


@pytest.mark.parametrize(
    "text",
    [
        "def test_it(no_such_fixture): pass",
        "import pytest\ndef test_it(): pytest.importorskip('x'); import no_such_library",
        "def test_it(): import no_such_library",
    ],
)
def test_so_does_what_a_missing_plugin_would_have_given(run_suite, text):
    result = run_suite(text)

    assert all("smoke.pytest.python" in reason for reason in result.failures), result.failures


def test_a_missing_module_of_a_conftest_names_the_option(run_suite, write):
    write("suite/conftest.py", "import no_such_library")

    assert "smoke.pytest.python" in judge_suite(run_suite("def test_it(): pass")).text


def fault_of(suite: Suite) -> str:
    with pytest.raises(UsageFault) as fault:
        ChildSuites({"orders": SETTINGS}).check("orders", suite)
    return f"{fault.value} → {fault.value.hint}"


def test_a_python_that_cannot_run_a_suite_is_told_by_key_and_line(tmp_path, team):
    bare = make_environment(tmp_path / "bare", ())
    old = tmp_path / "python2"
    old.write_text('#!/bin/sh\necho \'{"python": [3, 9], "pytest": "8.4.0"}\'\n')
    old.chmod(0o755)
    odd = tmp_path / "odd"
    odd.write_text("#!/bin/sh\nexit 3\n")
    odd.chmod(0o755)
    (tmp_path / "file").write_text("")

    assert fault_of(Suite("s", python=str(tmp_path / "no"))).startswith(
        f"gatewayctl.yaml:7: python: {tmp_path}/no does"
    )
    assert "has no pytest → install it there" in fault_of(Suite("s", python=str(bare)))
    assert "is Python 3.9, and suites need 3.11 or newer" in fault_of(Suite("s", python=str(old)))
    assert "does not work as a Python" in fault_of(Suite("s", python=str(odd)))
    assert "is no program" in fault_of(Suite("s", python=str(tmp_path / "file")))
    assert "gatewayctl.yaml:7: reruns: " in fault_of(Suite("s", python=str(team), reruns=1))
    assert "Python 3." in ChildSuites().check("orders", Suite("s", python=str(team)))


def test_arguments_choose_tests(run_suite, write):
    write("suite/pytest.ini", "[pytest]\naddopts = --junitxml=mine.xml\n")
    result = run_suite(
        """
        def test_chosen(client, pytestconfig):
            client.get("/items")
            assert "xdist" in str(pytestconfig.pluginmanager.get_plugins())
        def test_left_out(): assert 0
        """,
        args=("-k", "chosen", "-n", "2"),
    )

    assert judge_suite(result).text == "1 passed, its one answer from the canary"


def test_a_suite_may_use_pytests_cache(run_suite, write, evidence, tmp_path):
    suite = """
        def test_cache(client, cache):
            client.get("/items")
            assert cache.get("mine/value", None) is None
            cache.set("mine/value", 1)
        def test_fails_first(): pass
    """
    for _ in range(2):  # with the cache of the first run --lf would choose tests
        result = run_suite(suite, args=("--ff", "--lf"))

        assert (result.passed, result.exit_code) == (2, 0), result.failures
    assert (evidence / ".pytest_cache/v/mine/value").exists()
    assert not (tmp_path / ".pytest_cache").exists()


def test_variables_reach_the_suite_and_appear_nowhere_else(gateway, write, evidence, monkeypatch):
    from gatewayctl.domain.smoke import SuiteRun

    monkeypatch.setenv("SHOP_TOKEN", "of the person")
    monkeypatch.setenv("PYTHONPATH", "/not/there")
    path = write(
        "suite/test_it.py",
        """
        import os, sys
        def test_it(client):
            client.get("/items")
            assert "/not/there" in sys.path
            assert (os.environ["SHOP_TOKEN"], os.environ["GATEWAYCTL_HEADER_NAME"]) == ("of the person", "x-canary")
            raise ValueError(os.environ["SHOP_PASSWORD"])
        """,
    )
    run = SuiteRun(Suite(str(path), env=("SHOP_PASSWORD", "SHOP_TOKEN")), gateway.endpoints(), str(evidence), "orders")
    suites = ChildSuites({"orders": SETTINGS})
    result = suites.test(run, lambda _: None)

    assert result.failures == ("suite/test_it.py::test_it: ValueError: <SHOP_PASSWORD>",)
    assert "hunter2!" not in repr((run, suites, SETTINGS, interpreter("", run.suite.env, SETTINGS)))


def test_a_variable_without_a_value_is_told_with_what_to_do():
    with pytest.raises(EnvironmentFailed, match="env: NOT_SET_ANYWHERE has no value here") as fault:
        ChildSuites({"orders": SETTINGS}).check("orders", Suite("s", env=("SHOP_PASSWORD", "NOT_SET_ANYWHERE")))

    assert "export NOT_SET_ANYWHERE" in fault.value.hint


def test_our_folder_on_the_path_holds_one_module_and_works_with_any_python(tmp_path):
    found = interpreter("", (), SuiteSettings())
    folder = Path(found.variables["PYTHONPATH"].split(os.pathsep)[0])

    assert [path.name for path in folder.iterdir() if path.name != "__pycache__"] == ["sitecustomize.py"]
    shown = subprocess.run(
        [sys.executable, "-c", "import gatewayctl; print(gatewayctl.__file__)"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
    )
    assert (shown.stdout.strip(), shown.stderr) == (str(ROOT / "gatewayctl/__init__.py"), "")


@pytest.mark.all
@pytest.mark.parametrize("version", [7, 8, 9])
def test_every_pytest_that_is_in_use_runs_suites(run_suite, tmp_path, version):
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv/bin/python"
    install = [str(python), "-m", "pip", "install", "-q", f"pytest=={version}.*", "requests", "pytest-xdist"]
    subprocess.run(install, check=True)

    result = run_suite(
        """
        import pytest, requests
        def test_it(base_url, cache):
            assert requests.get(base_url + "/items").json()["pod"].startswith("orders-canary")
        """,
        python=str(tmp_path / "venv"),
        args=("-n", "2"),
    )

    assert judge_suite(result).text == "1 passed, its one answer from the canary"
