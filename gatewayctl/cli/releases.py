"""The commands that drive a release: all of it in one call, or in stages for a pipeline."""

from pathlib import Path
from typing import Annotated

import typer

from gatewayctl.cli.drafts import draft_plan, load_plan
from gatewayctl.cli.ending import end_command
from gatewayctl.cli.options import (
    AnyTag,
    App,
    Config,
    Image,
    Namespace,
    Out,
    Output,
    Promotion,
    Reason,
    ReleaseId,
    Untested,
)
from gatewayctl.cli.progress import Progress, make_console
from gatewayctl.cli.signals import stop_on_signal
from gatewayctl.domain.apps import check_image
from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.lifecycle import PauseAsked, PromoteAsked, RampAsked, Resumed, SkipAsked, SmokeAsked
from gatewayctl.domain.release import Mode, Release
from gatewayctl.wiring.discovery import Session, current_holder, wire


def release(
    app: App,
    image: Annotated[str, typer.Option("--image", help="The new image, with a version or digest.")] = "",
    promote: Annotated[Promotion, typer.Option(help="Promote by itself when all passed, or wait.")] = Promotion.MANUAL,
    plan: Annotated[Path | None, typer.Option(help="Carry out a saved plan; refused if reality drifted.")] = None,
    in_cluster: Annotated[bool, typer.Option("--in-cluster", help="As a Job in the cluster; Ctrl-C detaches.")] = False,
    any_tag: AnyTag = False,
    untested: Untested = False,
    config: Config = None,
    output: Out = Output.TEXT,
) -> None:
    """A whole release in one call: warm, route, prove, leaks, smoke, load, and promote or wait.

    If the canary is bad, every change is undone at once, and the exit code is 3; 7 if its tests could not tell.
    Ctrl-C goes back, too.
    """
    progress = Progress(make_console())
    session = wire(config, progress, app)
    if bool(image) == bool(plan):
        raise UsageFault("name either --image or --plan", hint=f"gatewayctl release {app} --image IMAGE")
    if promote is Promotion.ON_SUCCESS and not untested and not session.app(app).trial.decides:
        raise UsageFault(
            f"{app} has neither a suite nor a load nor a judged ramp, so nothing would decide whether to promote it",
            hint="add smoke.pytest or smoke.locust to gatewayctl.yaml, or give --untested if it is tested elsewhere",
        )
    if in_cluster:
        if plan:
            raise UsageFault("--plan was made here, and a Job makes its own", hint="give --image with --in-cluster")
        check_image(image, any_tag=any_tag)
        from gatewayctl.cli.in_cluster import release_in_cluster

        release_in_cluster(session, app, ("--image", image, "--promote", promote.value), output)
    mode = Mode(promote.value)
    made = load_plan(session, app, plan, mode) if plan else draft_plan(session, app, image, mode, any_tag=any_tag)
    drive(session, made.release, output)


def start(app: App, image: Image, any_tag: AnyTag = False, config: Config = None, output: Out = Output.TEXT) -> None:
    """Start the canary, route to it and prove it; then stop, so that a pipeline can go on with smoke and promote."""
    session = wire(config, Progress(make_console()), app)
    drive(session, draft_plan(session, app, image, Mode.STAGED, any_tag=any_tag).release, output)


def smoke(
    app: App,
    release_id: ReleaseId = "",
    config: Config = None,
    namespace: Namespace = "",
    output: Out = Output.TEXT,
) -> None:
    """Run the suites of a started release (again)."""
    session = wire(config, Progress(make_console()), app, namespace)
    with stop_on_signal():
        end_command(session, session.driver.send(app, SmokeAsked(), release_id), output)


def promote(
    app: App,
    untested: Untested = False,
    release_id: ReleaseId = "",
    config: Config = None,
    namespace: Namespace = "",
    output: Out = Output.TEXT,
) -> None:
    """Give stable the image of the waiting release, remove the rule, scale the canary to zero."""
    session = wire(config, Progress(make_console()), app, namespace)
    with stop_on_signal():
        end_command(session, session.driver.send(app, PromoteAsked(untested), release_id), output)


def ramp(
    app: App,
    release_id: ReleaseId = "",
    config: Config = None,
    namespace: Namespace = "",
    output: Out = Output.TEXT,
) -> None:
    """Send real traffic to the canary of a started release, step by step, as its ramp says."""
    session = wire(config, Progress(make_console()), app, namespace)
    with stop_on_signal():
        end_command(session, session.driver.send(app, RampAsked(), release_id), output)


def pause(
    app: App,
    release_id: ReleaseId = "",
    config: Config = None,
    namespace: Namespace = "",
    output: Out = Output.TEXT,
) -> None:
    """Keep a ramp at its share until somebody resumes or aborts the release, also if another process drives it."""
    session = wire(config, Progress(make_console()), app, namespace)
    with stop_on_signal():
        end_command(session, session.driver.steer(app, PauseAsked(), release_id), output, pausing=True)


def skip(
    app: App,
    release_id: ReleaseId = "",
    config: Config = None,
    namespace: Namespace = "",
    output: Out = Output.TEXT,
) -> None:
    """End this step of a ramp and begin the next one, although the judge has not decided."""
    session = wire(config, Progress(make_console()), app, namespace)
    with stop_on_signal():
        end_command(session, session.driver.steer(app, SkipAsked(), release_id), output)


def abort(
    app: App,
    reason: Reason = "no reason was given",
    release_id: ReleaseId = "",
    config: Config = None,
    namespace: Namespace = "",
    output: Out = Output.TEXT,
) -> None:
    """Abort a release and undo its changes, in any phase, also if another process drives it."""
    session = wire(config, Progress(make_console()), app, namespace)
    with stop_on_signal():
        ended = session.driver.abort(app, f"{reason} ({current_holder().actor})", release_id)
        end_command(session, ended, output, aborting=True)


def resume(
    app: App,
    release_id: ReleaseId = "",
    config: Config = None,
    namespace: Namespace = "",
    output: Out = Output.TEXT,
) -> None:
    """Continue a release whose process died, or that is stuck, in the phase where it is."""
    session = wire(config, Progress(make_console()), app, namespace)
    with stop_on_signal():
        end_command(session, session.driver.send(app, Resumed(), release_id), output)


def drive(session: Session, release: Release, output: Output) -> None:
    """Drive a new release until it ends or waits, and end the command."""
    with stop_on_signal():
        end_command(session, session.driver.begin(release), output)
