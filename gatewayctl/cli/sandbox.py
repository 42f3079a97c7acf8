"""`gatewayctl sandbox`: a small cluster of real processes on this machine, to rehearse a gatewayctl.yaml."""

from pathlib import Path

import typer

from gatewayctl.cli.examples import example
from gatewayctl.cli.options import Config, Out, Output
from gatewayctl.cli.progress import Progress, a_console
from gatewayctl.cli.show import show
from gatewayctl.domain.errors import UsageFault
from gatewayctl.wiring.discovery import Session, wire
from gatewayctl.wiring.sandbox import sandbox_root

app = typer.Typer(help="Rehearse a gatewayctl.yaml on real processes on loopback.", no_args_is_help=True)


@app.command(epilog=example("sandbox up"))
def up(
    config: Config = None,
    fresh: bool = typer.Option(False, "--fresh", help="Forget what the last one held; journal and evidence stay."),
    output: Out = Output.TEXT,
) -> None:
    """Start the sandbox of a configuration, and leave it running until `sandbox down`."""
    from gatewayctl.adapters.sandbox import cluster

    progress = Progress(a_console())
    session = _wire(config, progress)
    spec = session.spec
    if spec.platform.world is None:
        raise UsageFault(f"{spec.file}: platform.world is not set")
    root = sandbox_root(spec)
    if fresh:
        cluster.forget(root)
    progress.title(f"starting the sandbox of {spec.platform.world}")
    cluster.up(root, spec.platform.world, life=cluster.Life.DETACHED, clock=session.ports.clock)
    _show(session, output)


@app.command(epilog=example("sandbox down"))
def down(config: Config = None, output: Out = Output.TEXT) -> None:
    """Stop the sandbox and every process of it."""
    from gatewayctl.adapters.sandbox import cluster

    session = _wire(config, Progress(a_console()))
    ran = cluster.down(sandbox_root(session.spec), clock=session.ports.clock)
    show(output, {"schema": "gatewayctl.sandbox/1", "stopped": ran}, "stopped" if ran else "it was not running")


@app.command("show", epilog=example("sandbox show"))
def show_replicas(config: Config = None, output: Out = Output.TEXT) -> None:
    """Where the sandbox's gateway replicas listen."""
    _show(_wire(config, Progress(a_console())), output)


def _wire(config: Path | None, progress: Progress) -> Session:
    """The wiring of a sandbox. Raises UsageFault for a configuration of something else, before anything is asked."""
    from gatewayctl.config.load import find, load

    spec = load(find(config))
    if spec.platform.kind != "sandbox":
        raise UsageFault(
            f"{spec.file}: platform.kind is {spec.platform.kind}, not sandbox",
            hint="rehearse with a gatewayctl.yaml of its own: platform: {kind: sandbox, world: sandbox.yaml}",
        )
    return wire(spec.file, progress)


def _show(session: Session, output: Output) -> None:
    replicas = session.ports.gateway.replicas.list()
    rows = [
        {"replica": one.name, "traffic": one.traffic, "admin": one.admin, "ready": one.ready, "note": one.note}
        for one in replicas
    ]
    lines = [
        f"{'✓' if one.ready else '✗'} {one.name}: http://{one.traffic}, admin http://{one.admin} {one.note}".rstrip()
        for one in replicas
    ]
    show(output, {"schema": "gatewayctl.sandbox/1", "replicas": rows}, "\n".join(lines))
