"""Python programs that the tests of a suite start: their requests are marked and counted as those of the tests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gatewayctl.adapters.smoke.interpreter import BOOTSTRAP
from gatewayctl.domain.suite_verdicts import judge_suite
from tests.adapters.smoke.gateway import HEADER

PROGRAM = """
    import multiprocessing, subprocess, sys

    ASK = '''if True:
        import os, requests, httpx
        for client in (requests, httpx):
            answer = client.get(os.environ["BASE_URL"] + "/items")
            assert answer.json()["pod"].startswith("orders-canary"), answer.text
    '''

    def test_a_program():
        subprocess.run([sys.executable, "-c", ASK], check=True)
"""


def test_a_python_program_that_a_test_starts_is_marked_and_counted(gateway, run_suite):
    result = run_suite(PROGRAM)

    assert judge_suite(result).text == "1 passed, all 2 answers from the canary"
    assert {seen.mark for seen in gateway.seen} == {HEADER.value}


def test_so_is_a_program_that_is_started_by_it_or_by_multiprocessing(run_suite):
    result = run_suite(
        PROGRAM
        + """
    def test_a_program_of_a_program():
        again = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {ASK!r}], check=True)"
        subprocess.run([sys.executable, "-c", again], check=True)

    def test_a_spawned_process():
        process = multiprocessing.get_context("spawn").Process(target=exec, args=(ASK,))
        process.start()
        process.join()
        assert process.exitcode == 0
    """
    )

    assert judge_suite(result).text == "3 passed, all 6 answers from the canary"


def run_python(code: str, variables: dict[str, str], python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(BOOTSTRAP), **variables}
    return subprocess.run([python, "-c", code], env=given, capture_output=True, text=True)


@pytest.mark.parametrize("context", [{}, {"GATEWAYCTL_SMOKE_CONTEXT": "/not/there/any/more"}])
def test_a_program_that_outlives_the_suite_is_left_alone(context):
    code = "import socket, sys; print([name for name in sys.modules if name.startswith('gatewayctl')])"
    done = run_python(code, context)

    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_a_program_that_sends_nothing_imports_nothing_of_ours(tmp_path):
    context = tmp_path / "context.json"
    context.write_text("not read")
    code = "import sys, json; print([name for name in sys.modules if name.startswith('gatewayctl')])"

    assert run_python(code, {"GATEWAYCTL_SMOKE_CONTEXT": str(context)}).stdout == "[]\n"


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10", "3.12", "3.13", "3.14"])
def test_another_python_starts_as_ever(version):
    """Each one that is on this machine."""
    found = next(
        (str(program) for folder in os.get_exec_path() if (program := Path(folder) / f"python{version}").is_file()), ""
    )
    if not found or subprocess.run([found, "-c", ""], capture_output=True).returncode:
        pytest.skip(f"there is no Python {version}")
    done = run_python("import socket; print(1)", {}, found)

    assert (done.stdout, done.stderr) == ("1\n", "")
