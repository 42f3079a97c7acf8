"""Child processes that end when the supervisor ends.

A supervisor that is killed with SIGKILL cannot run code to end its children. So each child asks the kernel at its start
to send it a signal when its parent ends.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
# The variables that a process needs to run on this machine; a pod gets no others of our environment.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "LD_LIBRARY_PATH")


async def spawn(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    folder: Path,
    log: Path,
    stop_signal: signal.Signals = signal.SIGKILL,
) -> asyncio.subprocess.Process:
    """Start `command` in `folder`, with its output appended to `log`; `python` as first word is this interpreter.

    The kernel sends it `stop_signal` when this process ends. Raises OSError.
    """
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    arguments = [sys.executable, *command[1:]] if command[0] == "python" else command
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            env={**passed_on, "PYTHONUNBUFFERED": "1", **env},
            start_new_session=True,
            preexec_fn=_EndWithParent(stop_signal),
        )


def end_group(leader: int) -> None:
    """End the rest of a process group, as in a container: its first process `leader`, from `spawn`, has ended."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


class _EndWithParent:
    """Runs in the child between fork and exec: asks for the signal, and exits when the parent has ended already."""

    def __init__(self, stop_signal: signal.Signals) -> None:
        self._stop_signal = stop_signal
        self._parent = os.getpid()
        self._prctl = ctypes.CDLL(None, use_errno=True).prctl

    def __call__(self) -> None:
        self._prctl(_PR_SET_PDEATHSIG, self._stop_signal, 0, 0, 0)
        if os.getppid() != self._parent:
            os._exit(1)
