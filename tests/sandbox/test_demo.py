"""`gatewayctl demo`: the whole job, every bad canary, and nothing left behind however it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.sandbox.shop import spawn_command

pytestmark = pytest.mark.sandbox


@contextmanager
def demo(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """The demo in its own process and session."""
    with spawn_command("demo", *words, cwd=folder, stderr=subprocess.PIPE, start_new_session=True) as process:
        yield process


def find_processes(folder: Path) -> list[str]:
    """The command lines of processes that name `folder`, or run in it."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                place = str((entry / "cwd").readlink())
            except OSError:  # it ended while we looked
                continue
            if str(folder) in command or place.startswith(str(folder)):
                found.append(command)
    return found


def wait_until_nothing_is_left(folder: Path) -> None:
    deadline = time.monotonic() + 20
    while left := find_processes(folder):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def phase_of(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "gatewayctl", "status", "orders", "-o", "json"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    release = json.loads(done.stdout)["apps"][0]["release"] if done.returncode == 0 else None
    return release["phase"] if release else ""


def wait_for_phase(folder: Path, phases: set[str]) -> None:
    deadline = time.monotonic() + 60
    while phase_of(folder) not in phases:
        assert time.monotonic() < deadline, phases
        time.sleep(0.05)


def test_the_demo_promotes_and_status_tells_during_and_after(tmp_path):
    with demo(tmp_path) as process:
        wait_for_phase(tmp_path, {"smoke", "load", "confirm", "promote"})
        output, progress = process.communicate(timeout=120)

    assert process.returncode == 0, output + progress
    assert "was promoted" in output
    assert "replicas  2/2 gateway replicas serve it" in output
    assert "leaks     0 in" in output
    evidence = Path(output.strip().rpartition("evidence: ")[2])
    assert {"plan.txt", "preflight.txt", "leaks.json", "load.json", "audit.jsonl", "release.json"} <= {
        file.name for file in evidence.iterdir()
    }
    assert phase_of(tmp_path) == "done"
    wait_until_nothing_is_left(tmp_path)


@pytest.mark.parametrize(
    ("canary", "reason"),
    [
        pytest.param("errors", "failed", marks=pytest.mark.all),  # this and the next, as test_release.py has them
        pytest.param("crash", "exited 1", marks=pytest.mark.all),
        ("slow", "the canary is slower"),
        ("unready", "made no progress"),
    ],
)
def test_a_bad_canary_is_rejected_with_exit_code_3(tmp_path, canary, reason):
    with demo(tmp_path, "--canary", canary) as process:
        output, progress = process.communicate(timeout=120)

    assert process.returncode == 3, output + progress
    assert reason in output
    assert "routes byte for byte as before, canary at 0, stable runs shop/orders:1.0" in output
    wait_until_nothing_is_left(tmp_path)


def test_ctrl_c_takes_everything_back_and_leaves_no_process(tmp_path):
    with demo(tmp_path) as process:
        wait_for_phase(tmp_path, {"smoke", "load"})
        process.send_signal(signal.SIGINT)
        output, progress = process.communicate(timeout=60)

    assert process.returncode == 3, output + progress
    assert "was aborted: interrupted by" in output
    wait_until_nothing_is_left(tmp_path)


def test_ctrl_c_while_it_starts_leaves_no_process(tmp_path):
    with demo(tmp_path) as process:
        deadline = time.monotonic() + 30
        while not (tmp_path / ".gatewayctl").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            # Python drops an interrupt that meets it in a callback of an import; a person presses the keys again.
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)

    assert process.returncode in (3, 6, 130, -signal.SIGINT)
    wait_until_nothing_is_left(tmp_path)


def test_killed_it_leaves_no_process(tmp_path):
    with demo(tmp_path) as process:
        wait_for_phase(tmp_path, {"smoke", "load"})
        process.kill()
        process.wait()

    wait_until_nothing_is_left(tmp_path)


def test_a_second_demo_in_the_same_folder_says_so(tmp_path):
    with demo(tmp_path) as first:
        wait_for_phase(tmp_path, {"warm", "route", "prove", "leaks", "smoke", "load"})
        with demo(tmp_path) as second:
            _, progress = second.communicate(timeout=60)
        assert second.returncode == 5
        assert "a demo runs in" in progress
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=60)
