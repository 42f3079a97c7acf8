"""A program that runs another one, and at the end kills every process that came from it.

It is run by path, so that it starts fast and imports nothing of gatewayctl. Standard input is a pipe from the parent,
which never writes. End of file means that everything has to end: the parent closed the pipe, or has ended itself, also
by SIGKILL. A pipe works on every system.

What the user's tests started (a server, a browser) is mostly in this process group. A process that made a session of
its own has left the group, and if its parent has ended it would be a child of init, where nobody finds it. So on Linux
this process is a *subreaper*: such processes become its own children instead. Elsewhere only the group is ended.
"""

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_LONGEST = 5.0  # seconds; a process of another user, or one that waits for a device, cannot be killed
_PAUSE = 0.01


def main() -> int:
    """Run `sys.argv[1:]`; return its exit code, or 128 plus the number of the signal that killed it, like a shell."""
    for ending in (signal.SIGTERM, signal.SIGINT):
        # The whole group gets the signal; this process must end last, because it reports the exit code.
        signal.signal(ending, lambda *_: None)
    _adopt_orphans()
    threading.Thread(target=_end_all_at_end_of_input, daemon=True).start()
    empty_input = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
    child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=empty_input)
    code = _wait_for(child)
    _kill_descendants()
    return code if code >= 0 else 128 - code


def _adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, where the system can do that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _wait_for(child: int) -> int:
    """The exit code of `child`, or minus the signal that killed it. Adopted processes that end meanwhile are reaped."""
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == child:
            return os.waitstatus_to_exitcode(status)


def _end_all_at_end_of_input() -> None:
    os.read(0, 1)
    _kill_descendants()
    os.killpg(0, signal.SIGKILL)


def _kill_descendants() -> None:
    """Kill every process below this one, again and again until none is left: each may start others meanwhile."""
    deadline = time.monotonic() + _LONGEST
    while time.monotonic() < deadline:
        found = list(_find_descendants())
        if not found:
            return
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_PAUSE)


def _find_descendants() -> Iterator[int]:
    """The processes below this one that have not ended; none where the system does not list them in /proc."""
    children: dict[int, list[int]] = {}
    for pid, parent, state in _list_processes():
        if state not in ("Z", "X"):
            children.setdefault(parent, []).append(pid)
    waiting = children.get(os.getpid(), [])
    while waiting:
        pid = waiting.pop()
        yield pid
        waiting += children.get(pid, [])


def _list_processes() -> Iterator[tuple[int, int, str]]:
    """Process id, parent's id and state of every process."""
    if not os.path.isdir("/proc/self"):  # noqa: PTH112 (pathlib would take most of this program's time to start)
        return
    for name in os.listdir("/proc"):  # noqa: PTH208
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
            # The program's name stands in parentheses before these, and may contain anything.
            state, parent = file.read().rpartition(b")")[2].split()[:2]
            yield int(name), int(parent), state.decode()


if __name__ == "__main__":
    sys.exit(main())
