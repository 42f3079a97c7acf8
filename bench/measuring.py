"""Taking times and memory: ours and the baseline in turns, so that a machine that gets slower slows both."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LOOK = 0.005  # seconds between two looks at a process's memory
_WITHIN = 600.0  # seconds for any one command


class Broken(Exception):
    """What was to be measured did not do its work; a time of that would mean nothing."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that ended well: how long it took, in seconds, and what it printed."""

    seconds: float
    out: str
    err: str


def progress(text: str) -> None:
    """A line for whoever waits."""
    sys.stderr.write(f"  {text}\n")
    sys.stderr.flush()


def timed(what: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    what()
    return time.perf_counter() - start


def in_turns(rounds: int, *calls: Callable[[], float]) -> tuple[list[float], ...]:
    """What each call returned in each round; one round before them is not counted."""
    for call in calls:
        call()
    taken = [[call() for call in calls] for _ in range(rounds)]
    return tuple(list(values) for values in zip(*taken, strict=True))


def run(argv: Sequence[str], cwd: Path, more: Mapping[str, str] | None = None, given: str = "") -> Ran:
    """Run a command to its end. Raises Broken when it fails."""
    start = time.perf_counter()
    done = subprocess.run(argv, cwd=cwd, env=clean(more), input=given, capture_output=True, text=True, timeout=_WITHIN)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise Broken(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return Ran(seconds, done.stdout, done.stderr)


def peak(argv: Sequence[str], cwd: Path) -> float:
    """The most memory (MB, resident) that a command's own process had. Raises Broken when it fails.

    Read from /proc as it runs: what wait4 tells also counts the process it was forked from, and its children.
    """
    with subprocess.Popen(
        argv, cwd=cwd, env=clean(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as child:
        most = 0.0
        deadline = time.monotonic() + _WITHIN
        while child.poll() is None:
            most = max(most, _high_water(child.pid))
            if time.monotonic() > deadline:
                child.kill()
                raise Broken(f"{' '.join(argv)}: not done after {_WITHIN:.0f} s")
            time.sleep(_LOOK)
        said = child.stderr.read() if child.stderr else ""
    if child.returncode:
        raise Broken(f"{' '.join(argv)}: exit {child.returncode}\n{said[-2000:]}")
    return most


def clean(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Our environment without what somebody has set for gatewayctl."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GATEWAYCTL_")}
    return {**kept, **(more or {})}


def gatewayctl(*arguments: str) -> list[str]:
    """The command line of this checkout's gatewayctl."""
    return [sys.executable, "-m", "gatewayctl", *arguments]


def _high_water(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    found = next((line.split()[1] for line in lines if line.startswith("VmHWM:")), "0")
    return int(found) * 1024 / 1_000_000
