"""When a process counts as running."""

import subprocess
import sys
from pathlib import Path

from gatewayctl.adapters.files.processes import is_alive, read_start_time
from tests.adapters.sandbox.conftest import until

# The main thread ends and another one goes on: to the kernel the process is a zombie that still holds its files.
WITHOUT_MAIN_THREAD = """\
import ctypes, os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0))).start()
ctypes.CDLL(None).pthread_exit(None)
"""


def read_state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_process_runs_until_its_last_thread_has_ended_and_not_as_a_zombie():
    with subprocess.Popen([sys.executable, "-c", WITHOUT_MAIN_THREAD], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        started = read_start_time(process.pid)
        try:
            until(lambda: read_state(process.pid) == "Z", "the first thread to end")
            assert is_alive(process.pid, started)

            process.stdin.close()
            until(lambda: not is_alive(process.pid, started), "the last thread to end")
            assert read_state(process.pid) == "Z", "nobody has asked for its exit code yet"
        finally:
            process.kill()
