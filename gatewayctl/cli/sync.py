"""`gatewayctl sync`: bring the canary Deployment in line with stable, except for what must differ."""

from typing import Annotated

import typer

from gatewayctl.cli.options import App, Config, Out, Output
from gatewayctl.cli.progress import Progress, make_console
from gatewayctl.cli.show import show
from gatewayctl.wiring.discovery import wire


def sync(
    app: App,
    diff: Annotated[bool, typer.Option("--diff", help="Show what would change; write nothing.")] = False,
    config: Config = None,
    output: Out = Output.TEXT,
) -> None:
    """Bring the canary's Pod template in line with stable's; never its name, image, replicas or labels."""
    from gatewayctl.reports.sync import SyncReport
    from gatewayctl.wiring.kubernetes import sync_canary

    done = sync_canary(wire(config, Progress(make_console()), app).spec, app, write=not diff)
    show(output, SyncReport(app, done))
