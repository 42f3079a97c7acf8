"""Nothing that a child started outlives the run, however it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import pytest

from gatewayctl.adapters.smoke.child import read_last_line
from gatewayctl.domain.judgement import Verdict
from gatewayctl.domain.smoke import RunContext, SuiteResult
from gatewayctl.domain.suite_verdicts import judge_suite

# A suite that starts a process, writes both pids to files, and hangs.
HANGING = """
    import os, signal, subprocess, sys, time
    from pathlib import Path

    HERE = Path(__file__).parent

    def write_pid(name, pid):
        (HERE / "unfinished").write_text(str(pid))
        (HERE / "unfinished").rename(HERE / name)

    # It leaves the process group, and its parent ends: without a subreaper nobody finds it as a descendant.
    DETACHED = "setsid sh -c 'echo $$ > unfinished; mv unfinished detached; exec sleep 600' &"

    def test_first(client):
        client.get("/items")

    def test_hangs():
        {before}
        started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        subprocess.run(["sh", "-c", DETACHED], cwd=HERE, check=True)
        while not (HERE / "detached").exists():
            time.sleep(0.01)
        write_pid("grandchild", started.pid)
        write_pid("child", os.getpid())
        time.sleep(600)
"""


class Stop(Exception):
    """What a tick raises."""


def run_until_it_hangs(run_suite, tmp_path, before="pass") -> SuiteResult:
    """Run the suite with longer and longer timeouts, until it came to the point where it hangs."""
    for timeout in (2.5, 10, 40):
        result = run_suite(HANGING.format(before=before), timeout=timeout)
        if (tmp_path / "suite/child").exists():
            break
    return result


def test_a_deadline_ends_the_whole_group_and_keeps_what_was_seen(run_suite, ends_soon, tmp_path, evidence):
    result = run_until_it_hangs(run_suite, tmp_path)

    assert result.timed_out
    assert judge_suite(result).verdict is Verdict.INCONCLUSIVE
    assert judge_suite(result).text.startswith("pytest did not end within")
    assert (result.passed, result.canary) == (1, 1)
    assert (evidence / "junit.xml").exists()
    assert ends_soon(tmp_path / "suite/child")
    assert ends_soon(tmp_path / "suite/grandchild")
    assert ends_soon(tmp_path / "suite/detached")


def test_a_suite_that_does_not_want_to_end_is_killed(run_suite, ends_soon, tmp_path):
    stubborn = "[signal.signal(number, signal.SIG_IGN) for number in (signal.SIGTERM, signal.SIGINT)]"
    result = run_until_it_hangs(run_suite, tmp_path, before=stubborn)

    assert result.timed_out
    assert ends_soon(tmp_path / "suite/child")
    assert ends_soon(tmp_path / "suite/grandchild")
    assert ends_soon(tmp_path / "suite/detached")


def test_a_tick_that_raises_ends_the_whole_group(run_suite, ends_soon, tmp_path):
    def tick(_text: str) -> None:
        if (tmp_path / "suite/child").exists():
            raise Stop

    with pytest.raises(Stop):
        run_suite(HANGING.format(before="pass"), tick=tick)

    assert ends_soon(tmp_path / "suite/child")
    assert ends_soon(tmp_path / "suite/grandchild")
    assert ends_soon(tmp_path / "suite/detached")


def test_what_a_suite_started_and_forgot_is_ended_with_it(run_suite, ends_soon, tmp_path):
    result = run_suite("""
        import subprocess, sys, time
        from pathlib import Path

        def test_it(client):
            client.get("/items")
            forgotten = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            (Path(__file__).parent / "forgotten").write_text(str(forgotten.pid))
            forgotten.returncode = 0  # so that it does not complain

        def test_its_own_session(client):
            client.get("/items")
            here = Path(__file__).parent
            shell = "setsid sh -c 'echo $$ > unfinished; mv unfinished daemon; exec sleep 600' &"
            subprocess.run(["sh", "-c", shell], cwd=here, check=True)
            while not (here / "daemon").exists():
                time.sleep(0.01)
    """)

    assert judge_suite(result).verdict is Verdict.PASS
    assert ends_soon(tmp_path / "suite/forgotten")
    assert ends_soon(tmp_path / "suite/daemon")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_when_we_are_killed_the_whole_group_ends(gateway, write, ends_soon, tmp_path, number):
    path = write("suite/test_it.py", HANGING.format(before="pass"))
    program = f"""
        from gatewayctl.adapters.smoke.suites import ChildSuites
        from gatewayctl.domain.smoke import RunContext, SuiteRun
        from gatewayctl.domain.trial import Suite
        endpoints = RunContext.from_json({to_run_context(gateway)!r}).endpoints
        run = SuiteRun(Suite({str(path)!r}), endpoints, {str(tmp_path / "evidence")!r})
        ChildSuites().test(run, lambda text: None)
    """
    with subprocess.Popen([sys.executable, "-c", dedent(program)]) as ours:
        child, deadline = tmp_path / "suite/child", time.monotonic() + 30
        while not child.exists() and time.monotonic() < deadline and ours.poll() is None:
            time.sleep(0.02)
        started = child.exists()
        os.kill(ours.pid, number)

    assert started
    assert ends_soon(child)
    assert ends_soon(Path(tmp_path / "suite/grandchild"))
    assert ends_soon(tmp_path / "suite/detached")


def to_run_context(gateway) -> str:
    return RunContext(gateway.endpoints(), events="").to_json()


def test_the_last_line_has_the_error_of_arguments_that_were_refused(tmp_path):
    log = tmp_path / "log"
    log.write_text("usage: x\npytest: error: unrecognized arguments: --zzz\n  inifile: a.ini\n  rootdir: /a\n\n")

    assert read_last_line(log) == ("pytest: error: unrecognized arguments: --zzz inifile: a.ini rootdir: /a",)
