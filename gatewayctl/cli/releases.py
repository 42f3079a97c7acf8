"""The commands that move a release: the whole job in one call, or in the stages a pipeline has."""

import contextlib
import json
import signal
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from gatewayctl.cli.options import AnyTag, App, Config, Image, Namespace, Out, Output, Reason
from gatewayctl.cli.progress import Progress, a_console
from gatewayctl.cli.show import exit_code, show
from gatewayctl.domain.apps import check_image
from gatewayctl.domain.errors import NeedsPerson, UsageFault
from gatewayctl.domain.lifecycle import PromoteAsked, Resumed, SmokeAsked
from gatewayctl.domain.phases import has_tests
from gatewayctl.domain.release import Mode, Phase, Release
from gatewayctl.wiring.discovery import Wired, current_holder, wire

if TYPE_CHECKING:
    from gatewayctl.domain.plan import Plan


class Promotion(StrEnum):
    """Who promotes."""

    ON_SUCCESS = "on-success"
    MANUAL = "manual"


def release(
    app: App,
    image: Annotated[str, typer.Option("--image", help="The new image, with a version or digest.")] = "",
    promote: Annotated[Promotion, typer.Option(help="Promote by itself when all passed, or wait.")] = Promotion.MANUAL,
    plan: Annotated[Path | None, typer.Option(help="Carry out a saved plan; refused if reality drifted.")] = None,
    in_cluster: Annotated[bool, typer.Option("--in-cluster", help="As a Job in the cluster; Ctrl-C detaches.")] = False,
    any_tag: AnyTag = False,
    config: Config = None,
    output: Out = Output.TEXT,
) -> None:
    """The whole job in one call: warm, route, prove, leaks, smoke, load, and promote or wait.

    A canary that fails is taken back at once, everything as before, exit code 3. Ctrl-C goes back too.
    """
    progress = Progress(a_console())
    wired = wire(config, progress, app)
    if bool(image) == bool(plan):
        raise UsageFault("name either --image or --plan", hint=f"gatewayctl release {app} --image IMAGE")
    if in_cluster:
        if plan:
            raise UsageFault("--plan was made here, and a Job makes its own", hint="give --image with --in-cluster")
        if not any_tag:
            check_image(image)
        from gatewayctl.cli.in_cluster import release_in_cluster

        release_in_cluster(wired, app, ("--image", image, "--promote", promote.value), output)
    made = saved(wired, app, plan) if plan else drafted(wired, app, image, Mode(promote.value), any_tag=any_tag)
    run(wired, made.release, output)


def start(app: App, image: Image, any_tag: AnyTag = False, config: Config = None, output: Out = Output.TEXT) -> None:
    """Warm the canary, route to it, prove it; then stop, for a pipeline to go on with smoke and promote."""
    wired = wire(config, Progress(a_console()), app)
    run(wired, drafted(wired, app, image, Mode.STAGED, any_tag=any_tag).release, output)


def smoke(app: App, config: Config = None, namespace: Namespace = "", output: Out = Output.TEXT) -> None:
    """Run the suites of a started release (again)."""
    wired = wire(config, Progress(a_console()), app, namespace)
    with interruptible():
        finish(wired, wired.driver.send(app, SmokeAsked()), output)


def promote(
    app: App,
    untested: Annotated[bool, typer.Option("--untested", help="The suites ran elsewhere.")] = False,
    config: Config = None,
    namespace: Namespace = "",
    output: Out = Output.TEXT,
) -> None:
    """Give stable the image of the waiting release, take the rule away, scale the canary to zero."""
    wired = wire(config, Progress(a_console()), app, namespace)
    with interruptible():
        finish(wired, wired.driver.promote(app, PromoteAsked(untested)), output)


def abort(
    app: App, reason: Reason = "asked for", config: Config = None, namespace: Namespace = "", output: Out = Output.TEXT
) -> None:
    """Turn a release back, whoever drives it and wherever it stands; always allowed, always wins."""
    wired = wire(config, Progress(a_console()), app, namespace)
    ended = wired.driver.abort(app, f"{reason} ({current_holder().actor})")
    finish(wired, ended, output, aborting=True)


def resume(app: App, config: Config = None, namespace: Namespace = "", output: Out = Output.TEXT) -> None:
    """Take up a release whose process died or got stuck, where it stood."""
    wired = wire(config, Progress(a_console()), app, namespace)
    with interruptible():
        finish(wired, wired.driver.send(app, Resumed()), output)


def drafted(wired: Wired, app: str, image: str, mode: Mode, *, any_tag: bool) -> "Plan":
    """A plan for a wish from the command line, every precondition checked. Raises what does not hold."""
    from gatewayctl.orchestration.prepare import prepare

    if not any_tag:
        check_image(image)
    made = wired.draft(app, image, mode)
    title(wired, made)
    return prepare(wired.ports, made)


def saved(wired: Wired, app: str, file: Path) -> "Plan":
    """A plan from a file, still true. Raises Drifted when reality moved on."""
    from gatewayctl.adapters.files.plans import plan_from
    from gatewayctl.orchestration.planning import check_drift
    from gatewayctl.orchestration.prepare import prepare

    made = plan_from(file)
    if made.release.app != app:
        raise UsageFault(f"{file} is a plan for {made.release.app}, not for {app}")
    check_drift(wired.ports, made)
    title(wired, made.release)
    return prepare(wired.ports, made.release)


def title(wired: Wired, made: Release) -> None:
    """The first line: what becomes what."""
    listener = wired.ports.listener
    if isinstance(listener, Progress):
        listener.title(f"{made.app} {made.before} → {made.image}, release {made.id}, {made.header}")


def run(wired: Wired, made: Release, output: Output) -> None:
    """Drive a new release, and tell how it ended."""
    with interruptible():
        finish(wired, wired.driver.begin(made), output)


def finish(wired: Wired, ended: Release, output: Output, *, aborting: bool = False) -> None:
    """Show the result and leave with its exit code; for `abort`, aborted is success."""
    from gatewayctl.reports.release import as_dict

    tell_wait(wired, ended)
    text = outcome(ended)
    folder = kept(wired, ended)
    show(output, {**as_dict(ended), "evidence": folder}, f"{text}\nevidence: {folder}")
    code = exit_code(ended)
    raise typer.Exit(0 if aborting and not ended.stuck else int(code))


def tell_wait(wired: Wired, ended: Release) -> None:
    """Where a release waits for someone, the command that it waits for."""
    listener = wired.ports.listener
    if ended.phase is Phase.WAIT and isinstance(listener, Progress):
        minutes = max(0, round((ended.expires - wired.ports.clock.wall()) / 60))
        what = "promote" if ended.tested or not has_tests(ended) else "smoke"
        listener.line("?", what, f"waiting for: gatewayctl {what} {ended.app} (expires in {minutes} min)")


def outcome(ended: Release) -> str:
    """How it ended, and who has to act if it has not."""
    from gatewayctl.reports.release import explain

    ways = f"\n  → gatewayctl resume {ended.app}, or gatewayctl abort {ended.app}" if ended.stuck else ""
    return explain(ended) + ways


def kept(wired: Wired, ended: Release) -> str:
    """Complete the evidence with the release's own report; the folder where a person finds it all."""
    from gatewayctl.reports.release import as_dict, as_text

    evidence = wired.ports.evidence
    folder = evidence.folder(ended.id)
    evidence.put(ended.id, "release.json", json.dumps(as_dict(ended), indent=1, ensure_ascii=False))
    evidence.put(ended.id, "report.txt", as_text(ended, folder))
    return folder


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """For the length of a job, SIGTERM works as Ctrl-C does: it is what a CI runner sends when it cancels."""
    try:
        with at_sigterm(interrupt):
            yield
    except KeyboardInterrupt:
        raise NeedsPerson("stopped at once, where it stood", hint="gatewayctl status, then resume or abort") from None


def interrupt() -> NoReturn:
    """What Ctrl-C does."""
    raise KeyboardInterrupt


@contextlib.contextmanager
def at_sigterm(act: Callable[[], object]) -> Iterator[None]:
    """Meanwhile SIGTERM does `act`, in the middle of whatever this thread does."""
    before = signal.signal(signal.SIGTERM, lambda _signum, _frame: act())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
