"""The commands that look and change nothing: plan, doctor, status, curl, history, report."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatewayctl.cli.options import AnyTag, App, Config, Image, Namespace, Out, Output
from gatewayctl.cli.progress import Progress, a_console
from gatewayctl.cli.show import show
from gatewayctl.domain.apps import check_image
from gatewayctl.domain.errors import EnvironmentFailed, ExitCode, UsageFault
from gatewayctl.domain.evidence import Attribution
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
    from gatewayctl.orchestration.prepare import as_text

    session = wire(config, Progress(a_console()), app)
    if not any_tag:
        check_image(image)
    made = make(session.ports, session.draft(app, image, Mode.MANUAL))
    if save:
        write_plan(made, save)
    data = {
        "schema": "gatewayctl.plan/1",
        "release": made.release.id,
        "header": {"name": made.release.header.name, "value": made.release.header.value},
        "steps": list(made.steps),
        "diffs": [{"name": diff.name, "diff": diff.text} for diff in made.diffs],
        "basis": dict(made.basis),
    }
    show(output, data, as_text(made))


def doctor(app: MaybeApp = None, config: Config = None, output: Out = Output.TEXT) -> None:
    """Every precondition of a release, each with what to do about it; changes nothing."""
    from gatewayctl.orchestration.preflight import preflight

    rows: list[dict[str, object]] = []
    for name, session in wire_each(config, Progress(a_console()), app):
        for check in preflight(session.ports, session.draft(name, "image:to-come", Mode.MANUAL)):
            hint = check.fault.hint if check.fault else check.hint
            rows.append(
                {"app": name, "check": check.name, "ok": check.fault is None, "found": check.detail, "hint": hint}
            )
    text = "\n".join(
        f"{_mark(row)} {row['app']}: {row['check']}: {row['found']}" + (f"\n    → {row['hint']}" if row["hint"] else "")
        for row in rows
    )
    show(output, {"schema": "gatewayctl.doctor/1", "checks": rows}, text)
    raise typer.Exit(0 if all(row["ok"] for row in rows) else int(ExitCode.ENVIRONMENT))


def _mark(row: dict[str, object]) -> str:
    """A hint on what is fine is a warning."""
    return "✗" if not row["ok"] else "?" if row["hint"] else "✓"


def status(
    app: MaybeApp = None,
    watch: Annotated[bool, typer.Option("--watch", help="Again every two seconds, until nothing is going on.")] = False,
    config: Config = None,
    namespace: Namespace = "",
    output: Out = Output.TEXT,
) -> None:
    """Phase, proof per gateway replica, how QA reaches the canary, and who may act next."""
    from gatewayctl.orchestration.survey import survey, watch_surveys
    from gatewayctl.reports import status as report

    each = wire_each(config, Progress(a_console()), app, namespace)

    def look() -> "tuple[Survey, ...]":
        return tuple(survey(session.ports, session.app(name).target) for name, session in each)

    for seen in watch_surveys(look, each[0][1].ports.clock) if watch else [look()]:
        show(output, report.as_dict(seen), "\n".join(report.as_text(one) for one in seen))


def curl(
    app: App,
    path: Annotated[str, typer.Argument(help="What to ask for; the probe path if not given.")] = "",
    config: Config = None,
    output: Out = Output.TEXT,
) -> None:
    """A request through every gateway replica as QA would send it, and who answered."""
    from gatewayctl.orchestration.survey import ask_all
    from gatewayctl.reports.status import curl_line

    session = wire(config, Progress(a_console()), app)
    if path and not path.startswith("/"):
        raise UsageFault(f"path {path!r} does not start with /")
    replies = ask_all(session.ports, open_release(session, app), path)
    data = [
        {
            "replica": reply.replica,
            "curl": curl_line(reply.address, reply.probe),
            "status": reply.status,
            "answered_by": reply.who.value,
            "said": reply.said,
            "seconds": round(reply.seconds, 4),
            "body": reply.body,
        }
        for reply in replies
    ]
    lines = [
        f"{curl_line(reply.address, reply.probe)}\n{reply.replica}: answered by {reply.who} ({reply.said})"
        for reply in replies
    ]
    show(output, {"schema": "gatewayctl.curl/1", "replies": data}, "\n".join([*lines, "", replies[0].body]))
    if any(reply.who is not Attribution.CANARY for reply in replies):
        raise EnvironmentFailed(f"not every replica answered from the canary of {app}", hint=f"gatewayctl status {app}")


def open_release(session: Session, app: str) -> Release:
    """The release whose rule is in the gateway's files, a standing rule's last one included. Raises UsageFault."""
    record = session.ports.journal.load(app)
    if record is None or not session.ports.gateway.own_routes(app):
        raise UsageFault(f"no canary of {app} is routed", hint=f"gatewayctl start {app} --image IMAGE")
    return record.release


def history(app: App, config: Config = None, namespace: Namespace = "", output: Out = Output.TEXT) -> None:
    """The ended releases of an application, newest first."""
    from gatewayctl.reports.release import as_dict, explain, moment

    session = wire(config, Progress(a_console()), app, namespace)
    ended = session.ports.journal.history(app)
    lines = [f"{moment(one.created)}  {one.id}  {explain(one)}  (by {one.actor})" for one in ended]
    data = {"schema": "gatewayctl.history/1", "app": app, "releases": [as_dict(one) for one in ended]}
    show(output, data, "\n".join(lines) or f"{app} has no ended release")


def report(
    release: Annotated[str, typer.Argument(metavar="RELEASE", help="A release's id, as history shows it.")],
    config: Config = None,
    output: Out = Output.TEXT,
) -> None:
    """What one release did, step by step, and where its evidence is."""
    from gatewayctl.reports.release import as_dict, as_text

    for app, session in wire_each(config, Progress(a_console()), None):
        one = session.find_release(app, release)
        if one:
            folder = session.ports.evidence.folder(one.id)
            show(output, {**as_dict(one), "evidence": folder}, as_text(one, folder))
            return
    raise UsageFault(f"no release {release} is known", hint="gatewayctl history APP lists them")
