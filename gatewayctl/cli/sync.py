"""`gatewayctl sync`: the canary Deployment is brought in line with stable, but for what must be its own."""

from typing import Annotated

import typer

from gatewayctl.cli.options import App, Config, Out, Output
from gatewayctl.cli.progress import Progress, a_console
from gatewayctl.cli.show import show
from gatewayctl.wiring.discovery import wire
from gatewayctl.wiring.kubernetes import sync_canary


def sync(
    app: App,
    diff: Annotated[bool, typer.Option("--diff", help="Show what would change; write nothing.")] = False,
    config: Config = None,
    output: Out = Output.TEXT,
) -> None:
    """Bring the canary's Pod template in line with stable's; never its name, image, replicas or labels."""
    done = sync_canary(wire(config, Progress(a_console()), app).spec, app, write=not diff)
    rows = [{"path": one.path, "stable": one.stable, "canary": one.canary} for one in done.differences]
    lines = [
        *(f"{one.path}: {one.canary} → {one.stable}" for one in done.differences),
        f"{done.canary}: {done.outcome}",
    ]
    data = {"schema": "gatewayctl.sync/1", "app": app, "done": done.outcome.value, "changes": rows}
    show(output, data, "\n".join(lines))
