"""A judged ramp on the fake world: what a source of signals says decides, and silence decides nothing."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from gatewayctl.domain.apps import AppSpec
from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.judge.rule_text import parse_rule
from gatewayctl.domain.judge.rules import RuleSet
from gatewayctl.domain.judge.settings import ERRORS, Settings
from gatewayctl.domain.judgement import Verdict
from gatewayctl.domain.lifecycle import Resumed
from gatewayctl.domain.ramp import Judging, Ramp, Step, Undecided
from gatewayctl.domain.release import Outcome, Phase, Release
from gatewayctl.domain.signals import Counters, Gauge, Snapshot, Version
from gatewayctl.orchestration.driver import Driver
from gatewayctl.orchestration.judging import judge_for
from tests.fakes.shop import ORDERS, AskingSuites, a_driver, a_release
from tests.fakes.world import Killed, World

PER_SECOND = 100.0
SETTINGS = Settings(signals=(ERRORS,))


@dataclass
class WorldSignals:
    """ports.SignalSource: a hundred requests a second for each version, of which these shares fail."""

    world: World
    canary: float = 0.005
    stable: float = 0.005
    fault: str = ""
    gauges: Callable[[], dict[str, Gauge]] = dict
    name: str = "gateway"
    every: float = 1.0

    def read(self, release: Release) -> Snapshot:
        at, requests = self.world.wall(), PER_SECOND * (self.world.time + 1000.0)
        if self.fault:
            return Snapshot(at, faults=(self.fault,))
        found = {
            ("gw-0", version): Counters(round(requests), round(requests * share))
            for version, share in ((Version.CANARY, self.canary), (Version.STABLE, self.stable))
        }
        return Snapshot(at, found, self.gauges())


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def suites(world: World) -> AskingSuites:
    return AskingSuites(world, [])


def judged(undecided: Undecided = Undecided.FAIL, settings: Settings = SETTINGS, seconds: float = 60.0) -> AppSpec:
    ramp = Ramp((Step(10, seconds), Step(50, seconds)), Judging("gateway", settings, undecided, patience=120.0))
    return replace(ORDERS, trial=replace(ORDERS.trial, ramp=ramp))


def driving(world: World, suites: AskingSuites, signals: WorldSignals, pid: int = 1) -> Driver:
    driver = a_driver(world, suites, pid)
    return replace(driver, ports=replace(driver.ports, signals=(signals,)))


def released(world: World, suites: AskingSuites, signals: WorldSignals, app: AppSpec) -> Release:
    suites.release[:] = []
    driver = driving(world, suites, signals)
    return driver.begin(drafted(world, suites, app))


def drafted(world: World, suites: AskingSuites, app: AppSpec) -> Release:
    """The draft with the ramp of `app`; the builder's own ports have no source that a draft could look for."""
    release = a_release(world, suites, ORDERS)
    expires = release.created + app.trial.time_to_live
    suites.release[:] = [replace(release, trial=app.trial, expires=expires)]
    return suites.release[0]


def observed(release: Release) -> list[str]:
    return [note.text for note in release.notes if note.phase is Phase.OBSERVE and note.mark != "–"]


def test_a_canary_as_good_as_stable_passes_each_step_with_its_evidence(world, suites):
    ended = released(world, suites, WorldSignals(world), judged())

    assert ended.outcome is Outcome.PROMOTED, ended.reason
    first, second = observed(ended)
    assert first.startswith("10 % of real traffic passed after ")
    assert "errors within its margin" in first
    assert second.startswith("50 % of real traffic passed after ")
    assert any(name.endswith("ramp/step-1/judge.jsonl") for _, name in world.documents)


def test_a_canary_with_more_errors_is_rejected_in_the_first_step_with_the_figures(world, suites):
    ended = released(world, suites, WorldSignals(world, canary=0.05), judged())

    assert (ended.outcome, ended.step, ended.share) == (Outcome.REJECTED, 0, 0)
    assert ended.reason.startswith("failed after ")
    assert "errors" in ended.reason


@pytest.mark.parametrize(
    ("undecided", "phase", "outcome"),
    [(Undecided.FAIL, Phase.DONE, Outcome.INCONCLUSIVE), (Undecided.ASK, Phase.PAUSED, Outcome.OPEN)],
)
def test_a_source_that_says_nothing_never_passes_a_canary(world, suites, undecided, phase, outcome):
    signals = WorldSignals(world, fault="prometheus does not answer")

    ended = released(world, suites, signals, judged(undecided))

    assert (ended.phase, ended.outcome) == (phase, outcome)
    assert "prometheus does not answer" in observed(ended)[0]
    assert ended.share == (10 if phase is Phase.PAUSED else 0)


def test_a_release_that_may_wait_goes_on_when_the_source_is_back(world, suites):
    signals = WorldSignals(world, fault="away")
    sleep = world.sleep

    def come_back(seconds: float) -> None:
        sleep(seconds)
        if world.time > 600:
            signals.fault = ""

    world.sleep = come_back  # type: ignore[method-assign]

    assert released(world, suites, signals, judged(Undecided.WAIT)).outcome is Outcome.PROMOTED


def test_a_rule_that_fails_at_once_ends_the_release_whatever_the_statistics_say(world, suites):
    rules = RuleSet(fail=(parse_rule("OOMKilled >= 1"),))
    killed = WorldSignals(world, gauges=lambda: {"OOMKilled": Gauge(1.0 if world.time > 60 else 0.0)})

    ended = released(world, suites, killed, judged(settings=replace(SETTINGS, rules=rules)))

    assert ended.outcome is Outcome.REJECTED
    assert "OOMKilled" in ended.reason


def test_what_was_seen_before_a_crash_counts_after_it(world, suites):
    release = drafted(world, suites, judged(seconds=600.0))
    begun = world.time
    burn = world.burn

    def die(what: str) -> None:
        burn(what)
        if world.time > begun + 100:
            raise Killed(what)

    world.burn = die  # type: ignore[method-assign]
    with pytest.raises(Killed):
        driving(world, suites, WorldSignals(world)).begin(release)
    world.burn = burn  # type: ignore[method-assign]
    world.dead.add(1)
    before = world.records["orders"].release
    assert before.judged is not None
    assert before.judged.tracks[0].seen.canary > 1000

    ended = driving(world, suites, WorldSignals(world), pid=2).send("orders", Resumed())

    assert ended.outcome is Outcome.PROMOTED
    assert ended.judged is not None
    assert ended.judged.tracks[0].seen.canary > before.judged.tracks[0].seen.canary
    took = next(note.seconds for note in ended.notes if note.phase is Phase.OBSERVE and note.mark == "✓")
    assert 600 <= took < 660


def test_a_ramp_is_refused_before_anything_is_written_where_its_source_is_missing(world, suites):
    with pytest.raises(UsageFault, match="no source of signals is called gateway here; there is: none"):
        a_release(world, suites, judged())

    assert world.writes == 0


@pytest.mark.parametrize(("canary", "verdict"), [(0.005, Verdict.PASS), (0.05, Verdict.FAIL)])
def test_a_canary_that_others_deployed_is_judged_alone_and_nothing_is_written(world, suites, canary, verdict):
    ports = driving(world, suites, WorldSignals(world, canary=canary)).ports

    decided = judge_for(ports, a_release(world, suites), Judging("gateway", SETTINGS, Undecided.FAIL), 900.0, str)

    assert decided.verdict is verdict
    assert world.writes == 0


def test_the_judge_alone_says_that_it_could_not_tell_in_time(world, suites):
    ports = driving(world, suites, WorldSignals(world, fault="away")).ports

    decided = judge_for(ports, a_release(world, suites), Judging("gateway", SETTINGS, Undecided.FAIL), 30.0, str)

    assert decided.verdict is None
    assert "away" in decided.text
