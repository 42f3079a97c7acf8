"""How a command that drives a release ends: it completes the evidence, shows the result and exits with its code."""

import json

import typer

from gatewayctl.cli.options import Output
from gatewayctl.cli.progress import Progress
from gatewayctl.cli.show import exit_code, show
from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.release import Mode, Phase, Release
from gatewayctl.domain.survey import awaited
from gatewayctl.domain.visible import visible
from gatewayctl.wiring.discovery import Session


def end_command(
    session: Session, ended: Release, output: Output, *, aborting: bool = False, pausing: bool = False
) -> None:
    """Show the result and leave with its exit code; for `abort`, aborted is success, and paused is for `pause`."""
    from gatewayctl.reports.endings import ReleaseEnd

    announce_wait(session, ended)
    show(output, ReleaseEnd(ended, save_report(session, ended)))
    code = exit_code(ended)
    is_wanted = (aborting and not ended.stuck) or (pausing and ended.phase is Phase.PAUSED)
    raise typer.Exit(0 if is_wanted else int(code))


def announce_wait(session: Session, ended: Release) -> None:
    """If a release waits for a person, show the command that it waits for."""
    listener = session.ports.listener
    if ended.phase is Phase.PAUSED and isinstance(listener, Progress):
        listener.line("?", "paused", f"{ended.share} % of real traffic until: gatewayctl resume {ended.app}, or abort")
    if ended.phase is Phase.WAIT and isinstance(listener, Progress):
        if ended.has_expired(session.ports.clock.wall()):
            listener.line("?", "abort", f"it has expired, and can only be aborted: gatewayctl abort {ended.app}")
            return
        minutes = max(0, round((ended.expires - session.ports.clock.wall()) / 60))
        what = awaited(ended).name.lower()
        named = f" --release {ended.id}" if ended.mode is Mode.STAGED else ""  # a pipeline copies it
        listener.line("?", what, f"waiting for: gatewayctl {what} {ended.app}{named} (expires in {minutes} min)")


def save_report(session: Session, ended: Release) -> str:
    """Complete the evidence with the release's own report; returns the folder that holds all of it.

    What cannot be kept is told: the release has ended, so that a full disk changes no exit code. The folder is empty
    when there is none.
    """
    from gatewayctl.reports.release import ReleaseReport, release_data

    evidence, folder = session.ports.evidence, ""
    try:
        folder = evidence.folder(ended.id)
        evidence.put(ended.id, "release.json", json.dumps(release_data(ended), indent=1, ensure_ascii=False))
        evidence.put(ended.id, "report.txt", visible(ReleaseReport(ended, folder).text()))
    except EnvironmentFailed as fault:
        session.ports.listener.ended("evidence", "?", f"not kept as evidence: the report: {fault}", 0.0)
    return folder
