"""`gatewayctl route`: the canary rule as it is in the gateway's files, and the proof of what is live now."""

from typing import Annotated

import typer

from gatewayctl.cli.examples import example
from gatewayctl.cli.inspect import find_routed_release
from gatewayctl.cli.options import App, Config, Out, Output
from gatewayctl.cli.progress import Progress, make_console
from gatewayctl.cli.show import show
from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.wiring.discovery import wire

app = typer.Typer(help="The canary rule of an application, in the files and live.", no_args_is_help=True)


@app.command("show", epilog=example("route show"))
def show_rule(app: App, config: Config = None, output: Out = Output.TEXT) -> None:
    """The routes of APP and its canary rule, as the gateway's files have them."""
    from gatewayctl.reports.rules import RulesReport

    session = wire(config, Progress(make_console()), app)
    target = session.app(app).target
    gateway = session.ports.gateway
    wanted = {target.service, target.canary_service}
    routes = tuple(route for route in gateway.dialect.routes(gateway.store.read().files) if route.target in wanted)
    show(output, RulesReport(routes, empty=f"no route to {target.service}"))


@app.command(epilog=example("route share"))
def share(
    app: App,
    requests: Annotated[int, typer.Option("--requests", min=10, max=100_000, help="How many, over all replicas.")] = (
        1000
    ),
    config: Config = None,
    output: Out = Output.TEXT,
) -> None:
    """Send unmarked requests to every gateway replica and count how many the canary of APP answers."""
    from gatewayctl.orchestration.survey import count_shares
    from gatewayctl.reports.share import ShareReport

    progress = Progress(make_console())
    session = wire(config, progress, app)
    release = find_routed_release(session, app)
    counts = count_shares(session.ports, release, requests, lambda text: progress.progress("share", text))
    show(output, ShareReport(app, release.rule.share, counts))


@app.command(epilog=example("route verify"))
def verify(app: App, config: Config = None, output: Out = Output.TEXT) -> None:
    """Check on every gateway replica, by its configuration and by requests, whether it serves the rule of APP now."""
    from gatewayctl.orchestration.survey import survey
    from gatewayctl.reports.verify import VerifyReport

    session = wire(config, Progress(make_console()), app)
    find_routed_release(session, app)
    report = VerifyReport(app, survey(session.ports, session.app(app).target).replicas)
    show(output, report)
    if not report.is_served:
        raise EnvironmentFailed(
            f"the rule of {app} is not served by every gateway replica", hint=f"gatewayctl status {app}"
        )
