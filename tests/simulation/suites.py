"""Suites that really ask the replicas of the simulated world, and end as the seed decides."""

from dataclasses import replace

from gatewayctl.domain.evidence import Attribution
from gatewayctl.domain.judgement import Verdict
from gatewayctl.domain.load_result import Cohort, LoadResult
from gatewayctl.domain.load_verdicts import judge_load
from gatewayctl.domain.platform import Probe
from gatewayctl.domain.smoke import GatewayEndpoints, LoadRun, SuiteResult, SuiteRun
from gatewayctl.domain.statistics import Histogram
from gatewayctl.domain.suite_verdicts import judge_suite
from gatewayctl.ports import Tick
from tests.simulation.apps import LOAD, App, SuiteOutcome
from tests.simulation.process import Process

_FAST = Histogram.of([0.01] * 100)
_SLOW = Histogram.of([0.5] * 200)


class SimSuites:
    """ports.Suites for one application; the observer learns what truly passed."""

    def __init__(self, process: Process, app: App) -> None:
        self.process, self.app = process, app

    def test(self, run: SuiteRun, tick: Tick) -> SuiteResult:
        asked = self._ask(run.endpoints, tick, self.app.suite_seconds)
        suite_outcome = self.app.suite_outcome
        if suite_outcome is SuiteOutcome.VACUOUS:
            asked = []
        canary, stable = asked.count(Attribution.CANARY), asked.count(Attribution.STABLE)
        failed = int(suite_outcome is SuiteOutcome.FAILING)
        result = SuiteResult(
            passed=2,
            failed=failed,
            errors=0,
            skipped=0,
            flaky=(),
            canary=canary,
            stable=stable,
            unknown=len(asked) - canary - stable,
            baseline=0,
            exit_code=-9 if suite_outcome is SuiteOutcome.KILLED else failed,
            seconds=1.0,
        )
        if judge_suite(result).verdict is Verdict.PASS:
            self.process.state.observer.passed_suites.add((run.endpoints.attribution.stamp, "suite"))
        return result

    def load(self, run: LoadRun, tick: Tick) -> LoadResult:
        asked = self._ask(run.endpoints, tick, self.app.load_seconds)
        wrong = len(asked) - asked.count(Attribution.CANARY)
        stable, half = Cohort(200, 0, _FAST + _FAST), Cohort(100, 0, _FAST)
        canary = replace(stable, latency=_SLOW) if self.app.suite_outcome is SuiteOutcome.SLOW else stable
        result = LoadResult(stable, canary, (half, half), wrong, 0, 1.0, 0)
        if judge_load(result, LOAD).verdict is Verdict.PASS:
            self.process.state.observer.passed_suites.add((run.endpoints.attribution.stamp, "load"))
        return result

    def _ask(self, endpoints: GatewayEndpoints, tick: Tick, seconds: float) -> list[Attribution]:
        """Ask one replica after the other for so long."""
        process, found, begun = self.process, [], self.process.world.time
        probe = Probe(endpoints.host, f"/api/{self.app.name}", ((endpoints.header.name, endpoints.header.value),))
        end = process.now() + seconds
        while process.now() < end:
            for url in endpoints.urls:
                process.sleep(0.25)
                tick("asking")
                name = url.removeprefix("http://").partition(":")[0]
                found.append(endpoints.attribution.attribute(process.world.answer_of(name, probe)))
        process.tested = begun, process.world.time
        return found
