"""`gatewayctl load-part`: what the Pods of a load with workers run, the master and each worker."""

import time
from pathlib import Path
from typing import Annotated

import typer

from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.smoke import LoadRun

_EVERY = 1.0  # seconds between two lines of progress


def load_part(
    run: Annotated[Path, typer.Option("--run", help="The load run, as JSON.")],
    master: Annotated[str, typer.Option("--master", help="Where its master is; empty for the master itself.")] = "",
) -> None:
    """One part of a load that several Pods share. The master says how it goes on, and as its last line the result."""
    from gatewayctl.adapters.smoke import load

    try:
        wanted = LoadRun.from_json(run.read_text())
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise UsageFault(f"{run}: no load run: {fault}") from fault
    told = time.monotonic() - _EVERY

    def tick(progress: str) -> None:
        nonlocal told
        if time.monotonic() - told >= _EVERY:
            told = time.monotonic()
            print(progress, flush=True)

    part = load.worker_options(master) if master else load.master_options(wanted.workers)
    done = load.run_locust(wanted, tick, part)
    print(done.to_json(), flush=True)
