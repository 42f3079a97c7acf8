"""The commands that only read: plan, doctor, status, curl, history, report."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatewayctl.cli.options import AnyTag, App, Config, Image, Namespace, Out, Output
from gatewayctl.cli.progress import Progress, make_console
from gatewayctl.cli.show import show
from gatewayctl.domain.apps import check_image
from gatewayctl.domain.errors import EnvironmentFailed, UsageFault
from gatewayctl.domain.release import Mode, Release
from gatewayctl.wiring.discovery import Session, wire, wire_each
from gatewayctl.wiring.files import write_plan

if TYPE_CHECKING:
    from gatewayctl.domain.survey import Survey

MaybeApp = Annotated[str | None, typer.Argument(metavar="[APP]", help="One application; all if not given.")]


def plan(
    app: App,
    image: Image,
    save: Annotated[Path | None, typer.Option(help="Keep the plan, for release --plan FILE.")] = None,
    any_tag: AnyTag = False,
    config: Config = None,
    output: Out = Output.TEXT,
) -> None:
    """Every step and the exact diff of every write of a release, before anything is written."""
    from gatewayctl.orchestration.planning import plan as make
    from gatewayctl.orchestration.preflight import preflight, require
    from gatewayctl.reports.plan import PlanReport

    session = wire(config, Progress(make_console()), app)
    check_image(image, any_tag=any_tag)
    release = session.draft(app, image, Mode.MANUAL)
    require(preflight(session.ports, release))  # a plan that `release` would refuse is none
    made = make(session.ports, release)
    if save:
        write_plan(made, save)
    show(output, PlanReport(made))


def doctor(app: MaybeApp = None, config: Config = None, output: Out = Output.TEXT) -> None:
    """Every precondition of a release, each with what to do about it; changes nothing."""
    from gatewayctl.orchestration.preflight import check_value, exit_code_of, preflight
    from gatewayctl.reports.doctor import DoctorReport

    report = DoctorReport(
        tuple(
            (name, check)
            for name, session in wire_each(config, Progress(make_console()), app)
            for check in (
                *preflight(session.ports, session.draft(name, "image:to-come", Mode.MANUAL)),
                *check_value(session.app(name)),
            )
        )
    )
    show(output, report)
    raise typer.Exit(int(exit_code_of(check for _, check in report.checks)))


def status(
    app: MaybeApp = None,
    watch: Annotated[bool, typer.Option("--watch", help="Again every two seconds, until nothing is going on.")] = False,
    config: Config = None,
    namespace: Namespace = "",
    output: Out = Output.TEXT,
) -> None:
    """Phase, proof per gateway replica, how QA reaches the canary, and who may act next."""
    from gatewayctl.orchestration.survey import survey, watch_surveys
    from gatewayctl.reports.status import StatusReport

    each = wire_each(config, Progress(make_console()), app, namespace)

    def look() -> "tuple[Survey, ...]":
        return tuple(survey(session.ports, session.app(name).target) for name, session in each)

    for seen in watch_surveys(look, each[0][1].ports.clock) if watch else [look()]:
        show(output, StatusReport(seen))


def curl(
    app: App,
    path: Annotated[str, typer.Argument(help="What to ask for; the probe path if not given.")] = "",
    config: Config = None,
    output: Out = Output.TEXT,
) -> None:
    """Send a request through every gateway replica as QA would, and show which version answered."""
    from gatewayctl.orchestration.survey import ask_all
    from gatewayctl.reports.curl import CurlReport

    session = wire(config, Progress(make_console()), app)
    if path and not path.startswith("/"):
        raise UsageFault(f"path {path!r} does not start with /")
    release = find_routed_release(session, app)
    report = CurlReport(ask_all(session.ports, release, path), release.has_expired(session.ports.clock.wall()))
    show(output, report)
    if not report.is_all_canary:
        raise EnvironmentFailed(f"not every replica answered from the canary of {app}", hint=f"gatewayctl status {app}")


def find_routed_release(session: Session, app: str) -> Release:
    """The release whose rule is in the gateway's files, a standing rule's last one included.

    Raises UsageFault when there is none, Conflict when it goes through another gateway than this configuration's.
    """
    from gatewayctl.orchestration.open_release import check_place

    record = session.ports.journal.load(app)
    if record is None or not session.ports.gateway.own_routes(app):
        raise UsageFault(f"no canary of {app} is routed", hint=f"gatewayctl start {app} --image IMAGE")
    check_place(session.ports, record.release)
    return record.release


def history(app: App, config: Config = None, namespace: Namespace = "", output: Out = Output.TEXT) -> None:
    """The ended releases of an application, newest first."""
    from gatewayctl.reports.history import HistoryReport

    session = wire(config, Progress(make_console()), app, namespace)
    show(output, HistoryReport(app, session.ports.journal.history(app)))


RELEASE = Annotated[str, typer.Argument(metavar="RELEASE", help="A release's id, as history shows it.")]


def report(release: RELEASE, config: Config = None, output: Out = Output.TEXT) -> None:
    """What one release did, step by step, and where its evidence is."""
    from gatewayctl.reports.release import ReleaseReport

    session, found = _find_release(release, config)
    show(output, ReleaseReport(found, session.ports.evidence.folder(found.id)))


def explain(release: RELEASE, config: Config = None, output: Out = Output.TEXT) -> None:
    """Why a release ended as it did: every decision in a sentence with its figures, those of the judge included."""
    from gatewayctl.reports.explain import ExplainReport, read_decisions

    session, found = _find_release(release, config)
    show(output, ExplainReport(found, read_decisions(found, session.ports.evidence.get)))


def _find_release(release: str, config: Path | None) -> tuple[Session, Release]:
    """The release of that id, with the session of its application. Raises UsageFault when nobody knows it."""
    for app, session in wire_each(config, Progress(make_console()), None):
        if one := session.find_release(app, release):
            return session, one
    raise UsageFault(f"no release {release} is known", hint="gatewayctl history APP lists them")
