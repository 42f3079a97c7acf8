"""Results on stdout, and what a release's end means for the exit code."""

import json
import sys

from gatewayctl.cli.options import Output
from gatewayctl.domain.errors import ExitCode
from gatewayctl.domain.release import Outcome, Release
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


def show(output: Output, report: Report) -> None:
    """Print one result on stdout."""
    if output is Output.JSON:
        print(json.dumps(report.data(), indent=2, ensure_ascii=False))
    else:
        print(report.text().rstrip("\n"))
    sys.stdout.flush()


def exit_code(release: Release) -> ExitCode:
    """The exit code for a release as a command leaves it: PERSON where it is stuck, else what its outcome says."""
    return ExitCode.PERSON if release.stuck else _EXITS[release.outcome]
