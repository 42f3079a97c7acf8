"""Processes as the kernel knows them: a pid alone names nobody for long, only together with its start time it does."""

import os
import signal
import sys
import time
from pathlib import Path

from gatewayctl.domain.errors import EnvironmentFailed

_TAIL = 64 * 1024  # bytes of a log that are looked at


def only_on_linux() -> None:
    """Raise EnvironmentFailed where the sandbox cannot keep its promises."""
    if sys.platform != "linux":
        raise EnvironmentFailed(
            f"the sandbox runs on Linux only (this is {sys.platform}): it needs 127.0.0.0/8 as it is on Linux, "
            "and children that end with their parent",
            hint="run it in a Linux container or virtual machine",
        )


def started_at(pid: int) -> str:
    """When `pid` started, in the kernel's own clock; empty when no such process runs.

    A zombie does not run, unless threads of it are still ending: until the last one has, its ports are taken.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return ""
    fields = stat.rpartition(b")")[2].split()  # the name before it may hold blanks and brackets
    threads = int(fields[17])
    return "" if fields[0] in (b"Z", b"X") and threads <= 1 else fields[19].decode()


def up_for() -> float:
    """Seconds on the clock that `started_at` counts in ticks."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def start_seconds(started: str) -> float:
    """What `started_at` said, in seconds; rounded down to a tick."""
    return int(started) / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> tuple[int, ...]:
    """The processes that `pid` started itself and that still run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_bytes()
            except OSError:  # it ended while we looked
                continue
            if int(stat.rpartition(b")")[2].split()[1]) == pid:
                found.append(int(entry.name))
    return tuple(found)


def title(pid: int) -> str:
    """How a process calls itself; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def alive(pid: int, started: str) -> bool:
    """Whether this very process still runs, and not another one with its number."""
    return pid > 0 and bool(started) and started_at(pid) == started


def tell(pid: int, started: str, what: signal.Signals) -> bool:
    """Send a signal to this very process; False when it is gone. Raises EnvironmentFailed when it is not ours."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if not alive(pid, started):
            return False
        signal.pidfd_send_signal(handle, what)
    except ProcessLookupError:
        return False
    except PermissionError as fault:
        raise EnvironmentFailed(f"process {pid} belongs to someone else: {fault}") from fault
    finally:
        os.close(handle)
    return True


def tail(log: Path, lines: int) -> str:
    """The last `lines` lines of a log; empty when there is none."""
    try:
        with log.open("rb") as handle:
            handle.seek(0, os.SEEK_END)
            handle.seek(max(0, handle.tell() - _TAIL))
            text = handle.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def exit_words(code: int) -> str:
    """How a process ended, for a person."""
    if code >= 0:
        return f"exited {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
