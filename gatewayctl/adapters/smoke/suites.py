"""Functional suites and load, each in a child process, so that foreign code cannot change our process."""

from gatewayctl.adapters.smoke.load import run_load
from gatewayctl.adapters.smoke.suite import run_suite
from gatewayctl.domain.smoke import LoadResult, LoadRun, SuiteResult, SuiteRun
from gatewayctl.ports import Tick


class ChildSuites:
    """Implements ports.Suites with pytest and locust of this Python, in the current working directory."""

    def test(self, run: SuiteRun, tick: Tick) -> SuiteResult:
        """Run a pytest suite; `tick` gets a progress text several times a second and may raise to stop it."""
        return run_suite(run, tick)

    def load(self, run: LoadRun, tick: Tick) -> LoadResult:
        """Run a locust load on stable and canary side by side; `tick` as in `test`."""
        return run_load(run, tick)
