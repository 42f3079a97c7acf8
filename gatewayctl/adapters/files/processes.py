"""Processes on this machine. A pid is used again after a while, so a process is named by its pid and its start time."""

import os
import signal
import time
from pathlib import Path

from gatewayctl.domain.errors import EnvironmentFailed

_TAIL = 64 * 1024  # bytes at the end of a log that are read


def read_start_time(pid: int) -> str:
    """When `pid` started, in the kernel's clock ticks since boot; empty when no such process runs.

    A zombie does not run, unless it still has other threads: its ports are in use until the last one has ended.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return ""
    fields = stat.rpartition(b")")[2].split()  # the name before it may hold blanks and brackets
    threads = int(fields[17])
    return "" if fields[0] in (b"Z", b"X") and threads <= 1 else fields[19].decode()


def read_uptime() -> float:
    """Seconds since boot, on the clock that `read_start_time` counts in ticks."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def start_in_seconds(started: str) -> float:
    """A result of `read_start_time` in seconds since boot, exact to a tick."""
    return int(started) / os.sysconf("SC_CLK_TCK")


def find_children(pid: int) -> tuple[int, ...]:
    """The pids of the running processes that `pid` itself started."""
    pids = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_bytes()
            except OSError:  # it ended while we looked
                continue
            if int(stat.rpartition(b")")[2].split()[1]) == pid:
                pids.append(int(entry.name))
    return tuple(pids)


def read_title(pid: int) -> str:
    """The command line of a process, which a program may set itself; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def is_alive(pid: int, started: str) -> bool:
    """Whether the process that started at `started` runs, and not another one with the same pid."""
    return pid > 0 and bool(started) and read_start_time(pid) == started


def send_signal(pid: int, started: str, number: signal.Signals) -> bool:
    """Send a signal to the process that started at `started`; False when it has ended.

    Raises EnvironmentFailed when it belongs to another user.
    """
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if not is_alive(pid, started):
            return False
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    except PermissionError as fault:
        raise EnvironmentFailed(f"process {pid} belongs to someone else: {fault}") from fault
    finally:
        os.close(handle)
    return True


def read_tail(log: Path, lines: int) -> str:
    """The last `lines` lines of the file `log`; empty when there is no such file."""
    try:
        with log.open("rb") as handle:
            handle.seek(0, os.SEEK_END)
            handle.seek(max(0, handle.tell() - _TAIL))
            text = handle.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def describe_exit(code: int) -> str:
    """How a process ended, in words. `code` is its exit code, or minus the number of the signal that killed it."""
    if code >= 0:
        return f"exited {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
