"""`gatewayctl load-part`: the command that the Pods of a load with workers run, the master and each worker."""

import time
from pathlib import Path
from typing import Annotated

import typer

from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.smoke import LoadRun
from gatewayctl.wiring.jobs import run_load_part

_EVERY = 1.0  # seconds between two lines of progress


def load_part(
    run: Annotated[Path, typer.Option("--run", help="The load run, as JSON.")],
    master: Annotated[str, typer.Option("--master", help="Where its master is; empty for the master itself.")] = "",
) -> None:
    """One part of a load that several Pods share. The master prints its progress, and as its last line the result."""
    try:
        wanted = LoadRun.from_json(run.read_text())
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise UsageFault(f"{run}: no load run: {fault}") from fault
    shown = time.monotonic() - _EVERY

    def tick(progress: str) -> None:
        nonlocal shown
        if time.monotonic() - shown >= _EVERY:
            shown = time.monotonic()
            print(progress, flush=True)

    print(run_load_part(wanted, master, tick), flush=True)
