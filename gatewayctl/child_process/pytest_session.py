"""The reports of a pytest session that gatewayctl started.

Each answer is reported by the process that got it. With pytest-xdist the workers report what tests they begin, and the
controller their outcomes. A pytest that a test of the suite starts reports answers only: its tests are not the suite's.
"""

import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest

from gatewayctl.child_process import fixtures, present_test
from gatewayctl.child_process.fixture_setups import FixtureSetups
from gatewayctl.child_process.marked_process import mark_process
from gatewayctl.child_process.printed_answers import PrintedAnswers
from gatewayctl.child_process.run_context import EventFile
from gatewayctl.child_process.tally import Tally
from gatewayctl.domain.smoke import RunContext

_LONGEST_REASON = 300


def begin(config: pytest.Config, run_context: RunContext) -> None:
    """From now on, mark and attribute all requests of this process, report, and offer the fixtures."""
    is_nested = present_test.is_inside_test()
    config.stash[fixtures.ENDPOINTS], config.stash[fixtures.MARKING] = run_context.endpoints, mark_process(run_context)
    config.pluginmanager.register(fixtures, "gatewayctl-fixtures")
    if is_nested:
        return
    lines = EventFile(run_context.events)
    printed = PrintedAnswers(Tally(run_context.endpoints.attribution, lines))
    config.pluginmanager.register(printed, "gatewayctl-printed")
    setups = FixtureSetups()
    setups.note_requests()
    config.pluginmanager.register(setups, "gatewayctl-setups")
    config.pluginmanager.register(TestReporter(setups, lines), "gatewayctl-tests")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(OutcomeReporter(lines), "gatewayctl-outcomes")
        signal.signal(signal.SIGTERM, _end_in_order)


def _end_in_order(_number: int, _frame: FrameType | None) -> None:
    """Stop a suite that took too long so that it still tears down its fixtures and writes its JUnit file."""
    raise KeyboardInterrupt("asked to end")


class TestReporter:
    """Reports what the outcome of a test needs to be proven, from the process that runs the test."""

    __test__ = False  # it is no class of tests

    def __init__(self, setups: FixtureSetups, lines: EventFile) -> None:
        self._setups = setups
        self._lines = lines

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """A test begins, perhaps once more: answers that it got before do not count for its next outcome."""
        marks = item.iter_markers("gatewayctl")
        reason = next((mark.kwargs["unproven"] for mark in marks if "unproven" in mark.kwargs), None)
        unproven = reason.strip()[:_LONGEST_REASON] if isinstance(reason, str) else ""
        self._lines.write(kind="begins", test=present_test.shorten_id(item.nodeid), unproven=unproven)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """A test ends; only now all fixtures are known that it asked for."""
        yield
        setups = self._setups.named_by(item)
        if setups:
            test = present_test.shorten_id(item.nodeid)
            self._lines.write(kind="uses", test=test, setups=list(setups), fixtures=list(setups.values()))


class OutcomeReporter:
    """Reports the number of tests, and the outcome of each."""

    def __init__(self, lines: EventFile) -> None:
        self._lines = lines

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """All tests of this process are collected."""
        self._lines.write(kind="collected", count=len({item.nodeid for item in session.items}))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """A worker of pytest-xdist has collected its tests."""
        self._lines.write(kind="collected", count=len(set(ids)))

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
            if outcome == "skipped" and hasattr(report, "context"):
                return  # a part of a test (subtests), which goes on
            self._test(report, outcome)

    def _test(self, report: Any, outcome: str) -> None:
        reason = _first_line(report) if outcome in ("failed", "error") else ""
        self._lines.write(kind="test", id=present_test.shorten_id(report.nodeid), outcome=outcome, why=reason)


def _first_line(report: Any) -> str:
    """The first line of the failure's message."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        message = str(crash.message).strip()
        return message.splitlines()[0][:_LONGEST_REASON] if message else ""
    lines = [line.strip() for line in str(report.longrepr or "").splitlines() if line.strip()]
    marked = [line.removeprefix("E").strip() for line in lines if line.startswith("E  ")]
    return (marked or lines or [""])[-1][:_LONGEST_REASON]
