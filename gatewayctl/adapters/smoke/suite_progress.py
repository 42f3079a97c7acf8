"""All events of a pytest suite added up: the outcome of each test, and which version answered it.

The events come from foreign processes, so what does not have the expected form is skipped. The memory grows with the
number of tests, not with the number of answers.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gatewayctl.adapters.smoke.child import ProgramExit
from gatewayctl.domain.smoke import SuiteResult
from gatewayctl.domain.unproven import Unproven, find_reason

_KEPT = 5  # examples of a kind
_FAILURES_KEPT = 20
_TESTS_KEPT = 2000  # in the evidence
_BAD = ("failed", "error")
# A test may report several times (teardown after call, subtests); the worst report is its outcome. A test that passed
# and skips in its teardown has passed.
_SEVERITY = {"": -1, "skipped": 0, "passed": 1, "error": 2, "failed": 3}


@dataclass(slots=True)
class _Test:
    """One test: its outcome, the answers it got, the set-ups of fixtures that it uses, why it needs no answer."""

    outcome: str = ""
    reason: str = ""
    rerun: bool = False
    answers: Counter[str] = field(default_factory=Counter)
    setups: Mapping[str, str] = field(default_factory=dict)  # each with its fixture's name
    excuse: str = ""


@dataclass(slots=True)
class SuiteProgress:
    """What a suite did so far; `unproven` are the tests that need no answer of the canary."""

    unproven: tuple[Unproven, ...] = ()
    collected: int = 0
    finished: bool = False
    _tests: dict[str, _Test] = field(default_factory=dict)
    _outcomes: Counter[str] = field(default_factory=Counter)
    _answers: Counter[str] = field(default_factory=Counter)
    _canary_setups: set[str] = field(default_factory=set)
    _odd: list[str] = field(default_factory=list)
    _connections: int = 0
    _connection_texts: list[str] = field(default_factory=list)

    def add(self, event: Mapping[str, Any]) -> None:
        """Add one event."""
        match event:
            case {"kind": "collected", "count": int(count)}:
                self.collected = max(self.collected, count)
            case {"kind": "finished"}:
                self.finished = True
            case {"kind": "begins", "test": str(name), "unproven": str(excuse)}:
                test = self._test(name)
                test.excuse = excuse
                test.answers.clear()
                test.setups = {}
            case {"kind": "uses", "test": str(name), "setups": list(setups)}:
                fixtures = event.get("fixtures")
                names = fixtures if isinstance(fixtures, list) else ()
                pairs = itertools.zip_longest(setups, names, fillvalue="")
                self._test(name).setups = {one: str(fixture) for one, fixture in pairs if one and isinstance(one, str)}
            case {"kind": "answer", "by": str(version), "test": str(name), "setup": str(setup)}:
                self._add_answer(version, name, setup)
                self._answers["unnamed"] += event.get("unnamed") is True
                _keep(self._odd, event.get("why"))
            case {"kind": "unmarked connection"}:
                self._connections += 1
                _keep(self._connection_texts, event.get("why"))
            case {"kind": "test", "id": str(name), "outcome": "rerun"}:
                self._test(name).rerun = True
            case {"kind": "test", "id": str(name), "outcome": str(outcome), "why": str(reason)}:
                self._add_outcome(self._test(name), outcome, reason)

    def _test(self, name: str) -> _Test:
        return self._tests.setdefault(name, _Test())

    def _add_outcome(self, test: _Test, outcome: str, reason: str) -> None:
        if _SEVERITY.get(outcome, -1) >= _SEVERITY[test.outcome]:
            self._outcomes[test.outcome] -= 1
            self._outcomes[outcome] += 1
            test.outcome = outcome
            test.reason = test.reason or reason

    def _add_answer(self, version: str, name: str, setup: str) -> None:
        self._answers[version] += 1
        if name:
            self._test(name).answers[version] += 1
        elif version == "canary" and setup:
            self._canary_setups.add(setup)

    def _is_proven(self, test: _Test) -> bool:
        return test.answers["canary"] > 0 or bool(self._proving_fixtures(test))

    def _proving_fixtures(self, test: _Test) -> list[str]:
        """The fixtures of a test that the canary answered while they were set up."""
        return sorted({fixture for setup, fixture in test.setups.items() if setup in self._canary_setups})

    def _unmatched(self) -> Iterator[str]:
        """What the configuration names as unproven, and no test of this run is."""
        for wanted in self.unproven:
            if not any(map(wanted.covers, self._tests)):
                yield wanted.tests

    def _excuse_of(self, name: str, test: _Test) -> str:
        return test.excuse or find_reason(self.unproven, name)

    def _without_answer(self) -> Iterator[tuple[str, str]]:
        """Passed tests that are not proven, each with the reason why it need not be; empty if it must."""
        for name, test in self._tests.items():
            if test.outcome == "passed" and not self._is_proven(test):
                yield name, self._excuse_of(name, test)

    def describe(self) -> str:
        """The progress in one line, for a person."""
        outcomes = self._outcomes
        bad = outcomes["failed"] + outcomes["error"]
        failed = f", {bad} failed" if bad else ""
        answers = f"{self._answers['canary']} answers from the canary"
        return f"{outcomes['passed']}/{self.collected} passed{failed}, {answers}"

    def result(self, ended: ProgramExit, last_words: tuple[str, ...]) -> SuiteResult:
        """The result of the suite, after its process has ended."""
        outcomes = self._outcomes
        bad = [f"{name}: {test.reason}" for name, test in self._tests.items() if test.outcome in _BAD]
        without = list(self._without_answer())
        unproven = [name for name, excuse in without if not excuse]
        return SuiteResult(
            passed=outcomes["passed"],
            failed=outcomes["failed"],
            errors=outcomes["error"],
            skipped=outcomes["skipped"],
            flaky=tuple(sorted(name for name, test in self._tests.items() if test.rerun and test.outcome == "passed")),
            canary=self._answers["canary"],
            stable=self._answers["stable"],
            unknown=self._answers["unknown"],
            baseline=self._answers["baseline"],
            exit_code=ended.exit_code,
            seconds=ended.seconds,
            failures=tuple(bad[:_FAILURES_KEPT]) or last_words,
            odd_answers=tuple(self._odd),
            timed_out=ended.timed_out,
            finished=self.finished,
            unnamed=self._answers["unnamed"],
            collected=self.collected,
            unproven=len(unproven),
            unproven_tests=tuple(unproven[:_KEPT]),
            excused=len(without) - len(unproven),
            unmatched=tuple(self._unmatched())[:_KEPT],
            unmarked_connections=self._connections,
            unmarked_examples=tuple(self._connection_texts),
        )

    def figures(self) -> dict[str, object]:
        """Who answered each test, for the evidence; of many tests those first that passed without an answer."""
        without = dict(self._without_answer())
        names = sorted(self._tests, key=lambda name: name not in without)[:_TESTS_KEPT]
        return {
            "collected": self.collected,
            "answers": dict(self._answers),
            "unmarked_connections": self._connections,
            "tests_left_out": len(self._tests) - len(names),
            "tests": {
                name: {
                    "outcome": self._tests[name].outcome or "none",
                    "answers": dict(self._tests[name].answers),
                    "proven": self._is_proven(self._tests[name]),
                    **({"fixtures": fixtures} if (fixtures := self._proving_fixtures(self._tests[name])) else {}),
                    **({"needs_none": without[name]} if without.get(name) else {}),
                }
                for name in names
            },
        }


def _keep(texts: list[str], text: object) -> None:
    """Keep the first few texts that are not empty."""
    if isinstance(text, str) and text and len(texts) < _KEPT:
        texts.append(text)
