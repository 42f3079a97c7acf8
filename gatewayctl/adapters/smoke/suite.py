"""Runs a pytest suite in a child process, and collects the events that it reports."""

import contextlib
import json
from pathlib import Path

from gatewayctl.adapters.smoke.child import (
    EventReader,
    Program,
    prepare_folder,
    read_last_line,
    run_program,
)
from gatewayctl.adapters.smoke.interpreter import Interpreter
from gatewayctl.adapters.smoke.pytest_command import pytest_arguments
from gatewayctl.adapters.smoke.suite_folder import find_folder
from gatewayctl.adapters.smoke.suite_progress import SuiteProgress
from gatewayctl.domain.smoke import RunContext, SuiteResult, SuiteRun
from gatewayctl.ports import Tick

JUNIT, LOG, EVENTS, ANSWERS = "junit.xml", "pytest.log", "events.jsonl", "answers.json"


def run_suite(wanted: SuiteRun, tick: Tick, interpreter: Interpreter) -> SuiteResult:
    """Run the suite until it ends or its timeout is over; `tick` may raise to stop it. Raises EnvironmentFailed."""
    folder = prepare_folder(wanted.folder, (JUNIT, LOG, EVENTS, ANSWERS))
    start = find_folder(Path(wanted.suite.path), wanted.suite.args)
    program = Program(
        arguments=pytest_arguments(wanted.suite, folder, start, JUNIT),
        run_context=RunContext(endpoints=wanted.endpoints, events=str(folder / EVENTS)),
        log=folder / LOG,
        timeout=wanted.suite.timeout,
        python=interpreter.program,
        folder=start,
        variables=interpreter.variables,
    )
    progress = SuiteProgress(wanted.suite.unproven)
    events = EventReader(folder / EVENTS)

    def watch() -> None:
        for event in events.read_new():
            progress.add(event)
        tick(progress.describe())

    ended = run_program(program, watch)
    with contextlib.suppress(OSError):  # a full disk; the events have it all, and the suite is over
        (folder / ANSWERS).write_text(json.dumps(progress.figures(), indent=1))
    return progress.result(ended, () if ended.exit_code in (0, 5) else read_last_line(program.log))
