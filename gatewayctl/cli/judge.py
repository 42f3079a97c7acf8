"""`gatewayctl judge`: the judge alone, for a pipeline that deployed a canary by other means."""

from typing import Annotated

import typer

from gatewayctl.cli.options import App, Config, Out, Output
from gatewayctl.cli.progress import Progress, make_console
from gatewayctl.cli.show import show
from gatewayctl.domain.errors import ExitCode, UsageFault
from gatewayctl.domain.judge.settings import Settings
from gatewayctl.domain.judgement import Verdict
from gatewayctl.domain.ramp import Judging, Undecided
from gatewayctl.domain.release import Mode
from gatewayctl.wiring.discovery import wire

_EXITS = {Verdict.PASS: ExitCode.DONE, Verdict.FAIL: ExitCode.REJECTED, Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE}


def judge(
    app: App,
    time: Annotated[str, typer.Option("--for", metavar="TIME", help="How long at most, such as 90s or 15m.")] = "15m",
    config: Config = None,
    output: Out = Output.TEXT,
) -> None:
    """Judge the canary of APP by real traffic beside stable, as ramp.judge of the configuration says; changes nothing.

    Exit code 0: it is as good as stable, 3: it is worse, 7: the time was too short to tell.
    """
    from gatewayctl.orchestration.judging import judge_for
    from gatewayctl.reports.judged import JudgeReport

    progress = Progress(make_console())
    session = wire(config, progress, app)
    judging = session.app(app).trial.ramp.judging or Judging("gateway", Settings(), Undecided.FAIL)
    seconds = _seconds_of(time)
    # Only its target counts: the image is the one that the canary runs.
    canary = session.ports.workloads.read(session.app(app).target.canary)
    release = session.draft(app, canary.image, Mode.MANUAL)
    decided = judge_for(session.ports, release, judging, seconds, lambda text: progress.progress("judge", text))
    report = JudgeReport(app, decided)
    show(output, report)
    raise typer.Exit(int(_EXITS[report.verdict]))


def _seconds_of(time: str) -> float:
    from gatewayctl.config.fields import parse_duration

    try:
        return parse_duration(time)
    except ValueError as fault:
        raise UsageFault(f"--for {time!r}: {fault}") from fault
