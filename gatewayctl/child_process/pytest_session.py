"""The reports of a pytest session that gatewayctl started.

With pytest-xdist each worker counts its own answers, and only the controller reports outcomes.
"""

import os
import signal
from types import FrameType
from typing import Any

import pytest

from gatewayctl.child_process import fixtures
from gatewayctl.child_process.marked_process import mark_process, tally_of
from gatewayctl.child_process.run_context import EventFile
from gatewayctl.child_process.tally import Tally
from gatewayctl.domain.smoke import RunContext

_LONGEST_REASON = 300


def begin(config: pytest.Config, run_context: RunContext) -> None:
    """From now on, mark and attribute all requests of this process, report, and offer the fixtures."""
    tally, marking = tally_of(run_context), mark_process(run_context)
    lines = EventFile(run_context.events)
    config.stash[fixtures.ENDPOINTS], config.stash[fixtures.MARKING] = run_context.endpoints, marking
    config.pluginmanager.register(fixtures, "gatewayctl-fixtures")
    config.pluginmanager.register(AnswerReporter(tally, lines), "gatewayctl-counts")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(OutcomeReporter(lines), "gatewayctl-outcomes")
        signal.signal(signal.SIGTERM, _end_in_order)


def _end_in_order(_number: int, _frame: FrameType | None) -> None:
    """Stop a suite that took too long so that it still tears down its fixtures and writes its JUnit file."""
    raise KeyboardInterrupt("asked to end")


class AnswerReporter:
    """Reports the answers that this process counted: after each test, and at the end."""

    def __init__(self, tally: Tally, lines: EventFile) -> None:
        self._tally = tally
        self._lines = lines

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self) -> None:
        """A test is over."""
        self._report()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """All tests are over."""
        self._report()

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """Other plugins may have sent requests at the end; they are counted now too."""
        self._report()

    def _report(self) -> None:
        self._lines.write(kind="answers", process=os.getpid(), **self._tally.figures())


class OutcomeReporter:
    """Reports the number of tests, and the outcome of each."""

    def __init__(self, lines: EventFile) -> None:
        self._lines = lines

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """All tests of this process are collected."""
        self._lines.write(kind="collected", count=len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """A worker of pytest-xdist has collected its tests."""
        self._lines.write(kind="collected", count=len(ids))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """The session ended by itself, so all outcomes were reported."""
        self._lines.write(kind="finished")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file could not be collected."""
        if report.failed:
            self._test(report, "error")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A phase of a test is over; each rerun has its own outcome."""
        outcome: str = report.outcome
        if outcome == "failed":
            self._test(report, "failed" if report.when == "call" else "error")
        elif outcome in ("rerun", "skipped") or report.when == "call":
            self._test(report, outcome)

    def _test(self, report: Any, outcome: str) -> None:
        reason = _first_line(report) if outcome in ("failed", "error") else ""
        self._lines.write(kind="test", id=report.nodeid, outcome=outcome, why=reason)


def _first_line(report: Any) -> str:
    """The first line of the failure's message."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        message = str(crash.message).strip()
        return message.splitlines()[0][:_LONGEST_REASON] if message else ""
    lines = [line.strip() for line in str(report.longrepr or "").splitlines() if line.strip()]
    marked = [line.removeprefix("E").strip() for line in lines if line.startswith("E  ")]
    return (marked or lines or [""])[-1][:_LONGEST_REASON]
