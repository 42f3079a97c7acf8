"""Functional suites and load, each in a child process, so that foreign code cannot change our process."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from gatewayctl.adapters.smoke.interpreter import Interpreter, explain_missing, inspect, interpreter
from gatewayctl.adapters.smoke.load import run_load
from gatewayctl.adapters.smoke.suite import run_suite
from gatewayctl.domain.load_result import Failure, FailureKind, LoadResult
from gatewayctl.domain.smoke import LoadRun, SuiteResult, SuiteRun, SuiteSettings
from gatewayctl.domain.trial import Suite
from gatewayctl.ports import Tick

_SHORTEST_SECRET = 4  # characters; a shorter value, such as 1 or on, is part of many texts


@dataclass(frozen=True, slots=True)
class ChildSuites:
    """Implements ports.Suites with pytest, in the folder of the suite, and locust, in the current folder.

    `settings` has by application what its suite takes from the configuration.
    """

    settings: Mapping[str, SuiteSettings] = field(default_factory=dict)

    def check(self, app: str, suite: Suite) -> str:
        """Which Python and pytest run the suite. Raises UsageFault, EnvironmentFailed when that is not possible."""
        settings = self._settings(app)
        return inspect(interpreter(suite.python, suite.env, settings), suite.reruns, settings)

    def test(self, run: SuiteRun, tick: Tick) -> SuiteResult:
        """Run a pytest suite; `tick` gets a progress text several times a second and may raise to stop it.

        Raises UsageFault, EnvironmentFailed when it cannot be run.
        """
        settings, suite = self._settings(run.app), run.suite
        found = interpreter(suite.python, suite.env, settings)
        if suite.python:
            inspect(found, suite.reruns, settings)
        result = run_suite(run, tick, found)
        failures = tuple(explain_missing(reason, suite.python) for reason in result.failures)
        return _hide_values(replace(result, failures=failures), suite.env, found)

    def load(self, run: LoadRun, tick: Tick) -> LoadResult:
        """Run a locust load on stable and canary side by side; `tick` as in `test`."""
        result = run_load(run, tick)
        return replace(result, failures=tuple(map(_explain_library, result.failures)))

    def _settings(self, app: str) -> SuiteSettings:
        return self.settings.get(app, SuiteSettings())


def _explain_library(failure: Failure) -> Failure:
    """The failure, with where to install what the locustfile imports when it is not there."""
    if failure.kind is not FailureKind.RUN or "No module named" not in failure.detail:
        return failure
    told = f"{failure.detail} (locust runs with gatewayctl's own Python, {sys.executable}: install it there)"
    return replace(failure, detail=told)


def _hide_values(result: SuiteResult, names: tuple[str, ...], found: Interpreter) -> SuiteResult:
    """The result, which goes into the journal, without the values of the variables `names`.

    The name of a test may have a value, as its parameter, and the path of a request, too. A value that is part of
    another one is hidden after it, so that no rest is left.
    """
    values = [(found.variables[name], name) for name in names if len(found.variables[name]) >= _SHORTEST_SECRET]
    shown = {form: name for value, name in values for form in (value, repr(value)[1:-1], quote(value, safe=""))}

    def hide(texts: tuple[str, ...]) -> tuple[str, ...]:
        for form in sorted(shown, key=len, reverse=True):
            texts = tuple(text.replace(form, f"<{shown[form]}>") for text in texts)
        return texts

    return replace(
        result,
        failures=hide(result.failures),
        flaky=hide(result.flaky),
        odd_answers=hide(result.odd_answers),
        unproven_tests=hide(result.unproven_tests),
        unmarked_examples=hide(result.unmarked_examples),
    )
