"""Runs a pytest suite in a child process, and collects the events that it reports."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gatewayctl.adapters.smoke.child import (
    EventReader,
    Program,
    ProgramExit,
    prepare_folder,
    read_last_line,
    run_program,
)
from gatewayctl.adapters.smoke.interpreter import Interpreter
from gatewayctl.adapters.smoke.pytest_command import pytest_arguments
from gatewayctl.domain.smoke import RunContext, SuiteResult, SuiteRun
from gatewayctl.ports import Tick

JUNIT, LOG, EVENTS = "junit.xml", "pytest.log", "events.jsonl"
_ODD_KEPT = 5
_FAILURES_KEPT = 20
# A test may report several times (teardown after call, subtests); the worst report is its outcome.
_SEVERITY = {"passed": 0, "skipped": 1, "error": 2, "failed": 3}


def run_suite(wanted: SuiteRun, tick: Tick, interpreter: Interpreter) -> SuiteResult:
    """Run the suite until it ends or its timeout is over; `tick` may raise to stop it. Raises EnvironmentFailed."""
    folder = prepare_folder(wanted.folder, (JUNIT, LOG, EVENTS))
    program = Program(
        arguments=pytest_arguments(wanted, folder, JUNIT),
        run_context=RunContext(endpoints=wanted.endpoints, events=str(folder / EVENTS)),
        log=folder / LOG,
        timeout=wanted.timeout,
        python=interpreter.program,
        variables=interpreter.variables,
    )
    progress = _SuiteProgress()
    events = EventReader(folder / EVENTS)

    def watch() -> None:
        for event in events.read_new():
            progress.add(event)
        tick(progress.describe())

    ended = run_program(program, watch)
    return progress.result(ended, () if ended.exit_code in (0, 5) else read_last_line(program.log))


@dataclass(slots=True)
class _SuiteProgress:
    """All events of a suite so far, added up."""

    collected: int = 0
    outcomes: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    finished: bool = False
    rerun: set[str] = field(default_factory=set)
    answers: dict[int, Mapping[str, Any]] = field(default_factory=dict)

    def add(self, event: Mapping[str, Any]) -> None:
        """Add one event. Each process reports its answers again and again; its last report counts."""
        match event:
            case {"kind": "collected", "count": int(count)}:
                self.collected = max(self.collected, count)
            case {"kind": "finished"}:
                self.finished = True
            case {"kind": "answers", "process": int(process)}:
                self.answers[process] = event
            case {"kind": "test", "id": str(test), "outcome": "rerun"}:
                self.rerun.add(test)
            case {"kind": "test", "id": str(test), "outcome": str(outcome), "why": str(reason)}:
                if outcome in _SEVERITY and _SEVERITY[outcome] >= _SEVERITY[self.outcomes.get(test, "passed")]:
                    self.outcomes[test] = outcome
                    self.reasons[test] = self.reasons.get(test) or reason

    def count(self, name: str) -> int:
        """The number of answers of the kind `name` in all processes."""
        counts = (answers.get(name, 0) for answers in self.answers.values())
        return sum(count for count in counts if isinstance(count, int))

    def describe(self) -> str:
        """The progress in one line, for a person."""
        outcomes = Counter(self.outcomes.values())
        bad = outcomes["failed"] + outcomes["error"]
        failed = f", {bad} failed" if bad else ""
        return f"{outcomes['passed']}/{self.collected} passed{failed}, {self.count('canary')} answers from the canary"

    def result(self, ended: ProgramExit, last_words: tuple[str, ...]) -> SuiteResult:
        """The result of the suite, after its process has ended."""
        outcomes = Counter(self.outcomes.values())
        passed = {test for test, outcome in self.outcomes.items() if outcome == "passed"}
        bad = [test for test, outcome in self.outcomes.items() if outcome in ("failed", "error")]
        odd = [str(text) for answers in self.answers.values() for text in answers.get("odd", ())]
        return SuiteResult(
            passed=outcomes["passed"],
            failed=outcomes["failed"],
            errors=outcomes["error"],
            skipped=outcomes["skipped"],
            flaky=tuple(sorted(self.rerun & passed)),
            canary=self.count("canary"),
            stable=self.count("stable"),
            unknown=self.count("unknown"),
            baseline=self.count("baseline"),
            exit_code=ended.exit_code,
            seconds=ended.seconds,
            failures=tuple(f"{test}: {self.reasons[test]}" for test in bad[:_FAILURES_KEPT]) or last_words,
            odd_answers=tuple(odd[:_ODD_KEPT]),
            timed_out=ended.timed_out,
            finished=self.finished,
            unnamed=self.count("unnamed"),
        )
