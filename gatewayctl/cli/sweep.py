"""`gatewayctl sweep`: find what releases left behind, and remove it."""

from typing import Annotated

import typer

from gatewayctl.cli.options import Config, Namespace, Out, Output
from gatewayctl.cli.progress import Progress, make_console
from gatewayctl.cli.show import show
from gatewayctl.cli.signals import stop_on_signal
from gatewayctl.domain.errors import Conflict, ExitCode
from gatewayctl.domain.leftovers import Leftover, SweepAction, Swept
from gatewayctl.wiring.discovery import Session, wire_each


def sweep(
    app: Annotated[str | None, typer.Argument(metavar="[APP]", help="One application; all if not given.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be swept; change nothing.")] = False,
    config: Config = None,
    namespace: Namespace = "",
    output: Out = Output.TEXT,
) -> None:
    """Abort expired releases that no process drives, and remove canary rules that belong to no release.

    A canary that runs without a release and without a rule is reported, never changed: it may be in use.
    """
    from gatewayctl.orchestration.sweep import look
    from gatewayctl.reports.sweep import SweepReport

    swept: list[Swept] = []
    for name, session in wire_each(config, Progress(make_console()), app, namespace):
        found = look(session.ports, session.app(name))
        if found:
            swept.append(_sweep_one(session, found, dry_run=dry_run))
    report = SweepReport(tuple(swept))
    show(output, report)
    if report.needs_person:
        raise typer.Exit(int(ExitCode.PERSON))


def _sweep_one(session: Session, leftover: Leftover, *, dry_run: bool) -> Swept:
    """Remove a leftover if it is ours and this is no dry run."""
    from gatewayctl.orchestration.sweep import clean

    if not leftover.is_ours:
        return Swept(leftover, SweepAction.LEFT_ALONE)
    if dry_run:
        return Swept(leftover, SweepAction.NOT_WRITTEN)
    try:
        with stop_on_signal():
            reason = clean(session.driver, session.app(leftover.app), leftover).stuck
    except Conflict as fault:  # it is no leftover any more: the others are still swept
        return Swept(leftover, SweepAction.LEFT_ALONE, str(fault))
    return Swept(leftover, SweepAction.STUCK if reason else SweepAction.SWEPT, reason)
