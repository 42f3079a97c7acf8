"""`gatewayctl route`: the canary rule as it is in the gateway's files, and the proof of what is live now."""

import typer

from gatewayctl.cli.examples import example
from gatewayctl.cli.inspect import open_release
from gatewayctl.cli.options import App, Config, Out, Output
from gatewayctl.cli.progress import Progress, a_console
from gatewayctl.cli.rule import as_dict, describe
from gatewayctl.cli.show import show
from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.wiring.discovery import wire

app = typer.Typer(help="The canary rule of an application, in the files and live.", no_args_is_help=True)


@app.command("show", epilog=example("route show"))
def show_rule(app: App, config: Config = None, output: Out = Output.TEXT) -> None:
    """The routes of APP and its canary rule, as the gateway's files have them."""
    session = wire(config, Progress(a_console()), app)
    target = session.app(app).target
    gateway = session.ports.gateway
    wanted = {target.service, target.canary_service}
    routes = [route for route in gateway.dialect.routes(gateway.store.read().files) if route.target in wanted]
    data = {"schema": "gatewayctl.rules/1", "routes": [as_dict(route) for route in routes]}
    show(output, data, "\n".join(describe(route) for route in routes) or f"no route to {target.service}")


@app.command(epilog=example("route verify"))
def verify(app: App, config: Config = None, output: Out = Output.TEXT) -> None:
    """Ask every gateway replica, by configuration and by traffic, whether it serves the rule of APP now."""
    from gatewayctl.orchestration.survey import survey

    session = wire(config, Progress(a_console()), app)
    open_release(session, app)
    seen = survey(session.ports, session.app(app).target)
    rows = [
        {"replica": one.name, "ready": one.ready, "serves_rule": one.serves_rule, "said": one.said}
        for one in seen.replicas
    ]
    lines = [f"{'✓' if one.serves_rule else '✗'} {one.name}: {one.said}" for one in seen.replicas]
    show(output, {"schema": "gatewayctl.verify/1", "app": app, "replicas": rows}, "\n".join(lines))
    if not rows or not all(row["serves_rule"] for row in rows):
        raise EnvironmentFailed(
            f"the rule of {app} is not served by every gateway replica", hint=f"gatewayctl status {app}"
        )
