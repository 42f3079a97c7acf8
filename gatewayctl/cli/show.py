"""Results on stdout, lines on stderr, and what a release's end means for the exit code."""

import json
import sys

from gatewayctl.cli.options import Output
from gatewayctl.domain.errors import ExitCode
from gatewayctl.domain.release import Outcome, Phase, Release
from gatewayctl.domain.visible import visible, visible_json
from gatewayctl.reports.report import Report

_EXITS = {
    Outcome.OPEN: ExitCode.DONE,
    Outcome.PROMOTED: ExitCode.DONE,
    Outcome.REJECTED: ExitCode.REJECTED,
    Outcome.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    Outcome.CONFLICT: ExitCode.CONFLICT,
    Outcome.ABORTED: ExitCode.REJECTED,
    Outcome.FAILED: ExitCode.ENVIRONMENT,
}


def show(output: Output, report: Report, *, is_patch: bool = False) -> None:
    """Print one result on stdout. A patch that a program reads keeps every character; a terminal gets none it obeys."""
    if output is Output.JSON:
        print(visible_json(json.dumps(report.data(), indent=2, ensure_ascii=False)))
    else:
        text = report.text().rstrip("\n")
        print(text if is_patch and not sys.stdout.isatty() else visible(text))
    sys.stdout.flush()


def tell(line: str) -> None:
    """Print one line on stderr that is neither a result nor progress."""
    print(visible(line), file=sys.stderr)


def exit_code(release: Release) -> ExitCode:
    """The exit code for a release as a command leaves it: PERSON where it is stuck or paused, else by its outcome."""
    needs_person = release.stuck or release.phase is Phase.PAUSED
    return ExitCode.PERSON if needs_person else _EXITS[release.outcome]
