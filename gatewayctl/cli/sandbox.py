"""`gatewayctl sandbox`: a small cluster of real processes on this machine, to rehearse a gatewayctl.yaml."""

from pathlib import Path

import typer

from gatewayctl.cli.examples import example
from gatewayctl.cli.options import Config, Out, Output
from gatewayctl.cli.progress import Progress, make_console
from gatewayctl.cli.show import show
from gatewayctl.domain.errors import UsageFault
from gatewayctl.wiring.discovery import Session, wire
from gatewayctl.wiring.sandbox import forget_sandbox, start_sandbox, stop_sandbox, world_of

app = typer.Typer(help="Rehearse a gatewayctl.yaml on real processes on loopback.", no_args_is_help=True)


@app.command(epilog=example("sandbox up"))
def up(
    config: Config = None,
    fresh: bool = typer.Option(False, "--fresh", help="Forget what the last one held; journal and evidence stay."),
    output: Out = Output.TEXT,
) -> None:
    """Start the sandbox of a configuration, and leave it running until `sandbox down`."""
    progress = Progress(make_console())
    session = _wire(config, progress)
    world = world_of(session.spec)
    if fresh:
        forget_sandbox(session.spec)
    progress.title(f"starting the sandbox of {world}")
    for note in start_sandbox(session.spec, session.ports.clock):
        progress.title(f"note: {note}")
    _show(session, output)


@app.command(epilog=example("sandbox down"))
def down(config: Config = None, output: Out = Output.TEXT) -> None:
    """Stop the sandbox and every process of it."""
    from gatewayctl.reports.sandbox import SandboxStopReport

    session = _wire(config, Progress(make_console()))
    show(output, SandboxStopReport(stop_sandbox(session.spec, session.ports.clock)))


@app.command("show", epilog=example("sandbox show"))
def show_replicas(config: Config = None, output: Out = Output.TEXT) -> None:
    """Where the sandbox's gateway replicas listen."""
    _show(_wire(config, Progress(make_console())), output)


def _wire(config: Path | None, progress: Progress) -> Session:
    """The session of a sandbox. Raises UsageFault for another platform, before any cluster is asked."""
    from gatewayctl.config.load import find, load

    spec = load(find(config))
    if spec.platform.kind != "sandbox":
        raise UsageFault(
            f"{spec.file}: platform.kind is {spec.platform.kind}, not sandbox",
            hint="rehearse with a gatewayctl.yaml of its own: platform: {kind: sandbox, world: sandbox.yaml}",
        )
    return wire(spec.file, progress)


def _show(session: Session, output: Output) -> None:
    from gatewayctl.reports.sandbox import SandboxReport

    schemes = {one.target.probe.scheme for one in session.spec.apps.values()}
    scheme = schemes.pop() if len(schemes) == 1 else ""
    show(output, SandboxReport(session.ports.gateway.replicas.list(), scheme))
