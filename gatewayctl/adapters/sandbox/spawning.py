"""Child processes that cannot outlive us.

A supervisor that is killed with SIGKILL runs no code of its own any more, so the kernel is asked beforehand to end its
children with it.
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
# What a process needs to run on this machine; everything else of our environment is not the pods' business.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "LD_LIBRARY_PATH")


async def spawn(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    folder: Path,
    log: Path,
    stop_signal: signal.Signals = signal.SIGKILL,
) -> asyncio.subprocess.Process:
    """Start `command` in `folder`, its prints appended to `log`; when we die it gets `farewell`. Raises OSError."""
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
            preexec_fn=_Leash(stop_signal),
        )


def end_group(leader: int) -> None:
    """When a container's first process ends, everything in it does; `leader` was started by `spawn` and has ended."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


class _Leash:
    """Runs in the child between fork and exec: end with the parent, even if it is gone already."""

    def __init__(self, stop_signal: signal.Signals) -> None:
        self._farewell = stop_signal
        self._parent = os.getpid()
        self._prctl = ctypes.CDLL(None, use_errno=True).prctl

    def __call__(self) -> None:
        self._prctl(_PR_SET_PDEATHSIG, self._farewell, 0, 0, 0)
        if os.getppid() != self._parent:
            os._exit(1)
