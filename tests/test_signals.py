"""A test that interrupts a process may itself run where signals are ignored."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.signals import default_signals

WAITING = "import sys; print('ready', flush=True); sys.stdin.read()"


@contextmanager
def ignoring(which: signal.Signals) -> Iterator[None]:
    before = signal.signal(which, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(which, before)


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_a_child_can_be_interrupted_where_the_tests_themselves_cannot(which):
    with ignoring(which):
        with default_signals():
            child = subprocess.Popen(
                [sys.executable, "-c", WAITING],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        with child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            assert signal.getsignal(which) is signal.SIG_IGN

            child.send_signal(which)

            assert child.wait(20) == -which
