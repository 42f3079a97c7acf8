"""What a person waits for at the prompt, and what a release takes of a machine's memory, beside a bare Python."""

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import cycle
from pathlib import Path

from bench.figures import Figure, Target, figure
from bench.measuring import gatewayctl, in_turns, peak, progress, run
from bench.rehearsal import rehearsal
from bench.size import Size

BARE = [sys.executable, "-c", "pass"]


def prompt(size: Size) -> Iterator[Figure]:
    """Wall time of `--help`, and of `plan` on the sandbox."""
    with tempfile.TemporaryDirectory() as folder:
        yield wall("--help", gatewayctl("--help"), Path(folder), (size.commands, Target(p95=0.35)))
    with rehearsal() as here:
        asked = gatewayctl("plan", "orders", "--image", "shop/orders:1.1")
        yield wall("plan (sandbox)", asked, here, (size.commands, Target(p95=0.7)))


def memory(size: Size) -> Iterator[Figure]:
    """The most resident memory of a whole release without suites, on the sandbox."""
    images = cycle(("shop/payments:1.1", "shop/payments:1.0"))

    def next_release() -> list[str]:
        return gatewayctl("release", "payments", "--image", next(images), "--promote", "on-success", "--untested")

    with rehearsal() as here:
        yield resident("memory of a release (sandbox)", next_release, here, size.memory)


def wall(name: str, argv: Sequence[str], cwd: Path, wanted: tuple[int, Target]) -> Figure:
    """How long a command takes; `wanted` is how often, and the target."""
    rounds, target = wanted
    progress(f"{name}: {rounds} times")
    ours, bare = in_turns(rounds, lambda: run(argv, cwd).seconds, lambda: run(BARE, cwd).seconds)
    return replace(figure(name, "s", ours, ("python -c pass", bare)), target=target)


def resident(name: str, release: Callable[[], list[str]], cwd: Path, rounds: int) -> Figure:
    """The most memory that releases had; `release` gives the command of the next one."""
    ours, bare = [], []
    for number in range(rounds):
        progress(f"{name}: {number + 1} of {rounds}")
        ours.append(peak(release(), cwd))
        bare.append(peak(BARE, cwd))
    row = figure(name, "MB", ours, ("python -c pass", bare))
    return replace(row, target=Target(median=68.0), note="the process itself, without suites")
