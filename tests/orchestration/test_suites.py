"""A bad result of a suite or a load, when a gateway replica was lost while it ran: the canary is not blamed."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from gatewayctl.domain.load_result import LoadResult
from gatewayctl.domain.release import Mode, Outcome, Phase, Release
from gatewayctl.domain.smoke import LoadRun, SuiteResult, SuiteRun
from gatewayctl.orchestration.driver import Driver
from gatewayctl.ports import Tick
from tests.fakes.memory import Silent
from tests.fakes.shop import AskingSuites, a_driver, a_release
from tests.fakes.world import World


def restart(world: World) -> None:
    """The process of gw-1 ends, and another one serves under its name a second later."""
    world.down.add("gw-1")
    world.sleep(1.0)
    world.down.discard("gw-1")


def lose(world: World) -> None:
    """gw-1 ends for good."""
    world.down.add("gw-1")


def end_unseen(world: World) -> None:
    """gw-1 has ended, and that is reported a second later."""
    sleep = world.sleep

    def report(seconds: float) -> None:
        world.sleep = sleep  # type: ignore[method-assign]
        sleep(seconds)
        world.down.add("gw-1")

    world.sleep = report  # type: ignore[method-assign]


@dataclass
class DisturbedSuites(AskingSuites):
    """Suites whose first `bad_runs` results in phase `bad` are bad, while something `happens` to the gateway.

    Before a later run the gateway is whole again. A run of that phase takes so many seconds longer.
    """

    happens: Callable[[World], None] = lambda _: None
    bad: Phase = Phase.SMOKE
    bad_runs: int = 1
    takes: float = 0.0
    runs: int = 0

    def is_disturbed(self, phase: Phase) -> bool:
        """Count a run of this phase; whether it is a bad one."""
        if phase is not self.bad:
            return False
        self.runs += 1
        self.world.down.clear()
        self.world.sleep(self.takes)
        return self.runs <= self.bad_runs

    def test(self, run: SuiteRun, tick: Tick) -> SuiteResult:
        self.healthy = not self.is_disturbed(Phase.SMOKE)
        result = super().test(run, tick)
        if not self.healthy:
            self.happens(self.world)
        return result

    def load(self, run: LoadRun, tick: Tick) -> LoadResult:
        is_bad = self.is_disturbed(Phase.LOAD)
        result = super().load(run, tick)
        if not is_bad:
            return result
        self.happens(self.world)
        return replace(result, canary=replace(result.canary, errors=150))


def released(happens: Callable[[World], None], bad: Phase, bad_runs: int = 1) -> tuple[World, Release, list[str]]:
    """A release whose suites are disturbed in phase `bad`, and the lines that it showed."""
    world = World()
    suites = DisturbedSuites(world, [], happens=happens, bad=bad, bad_runs=bad_runs)
    release = a_release(world, suites, mode=Mode.ON_SUCCESS)
    driver, listener = a_driver(world, suites), Silent()
    ports = replace(driver.ports, listener=listener)
    return world, Driver(ports, driver.holder).begin(release), listener.lines


@pytest.mark.parametrize("bad", [Phase.SMOKE, Phase.LOAD])
@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (restart, "gateway replica gw-1 restarted meanwhile"),
        (lose, "gateway replica gw-1 was lost meanwhile"),
        (end_unseen, "gateway replica gw-1 was lost meanwhile"),
    ],
)
def test_a_bad_result_is_blamed_on_a_gateway_replica_that_ended_and_the_run_is_repeated(
    happens: Callable[[World], None], said: str, bad: Phase
) -> None:
    """p18: a replica that restarted under its name was not noticed, and the canary was rejected."""
    world, release, lines = released(happens, bad)

    assert release.outcome is Outcome.PROMOTED
    assert any(said in line and f"{bad}: waiting" in line for line in lines), lines
    assert world.deployments["orders"].image == "shop/orders:1.1"


@pytest.mark.parametrize("takes", [0.0, 70.0, 400.0])
@pytest.mark.parametrize("bad", [Phase.SMOKE, Phase.LOAD])
def test_where_replicas_end_during_three_runs_the_environment_fails_and_the_canary_is_not_blamed(
    bad: Phase, takes: float
) -> None:
    """A load of 70 s ran 168 times, and went on after the release had expired."""
    world = World()
    suites = DisturbedSuites(world, [], happens=restart, bad=bad, bad_runs=10_000, takes=takes)
    release = a_driver(world, suites).begin(a_release(world, suites, mode=Mode.ON_SUCCESS))

    assert release.outcome is Outcome.FAILED
    assert "gateway replica gw-1 restarted meanwhile" in release.reason
    assert "3 runs" in release.reason
    assert suites.runs == 3
    assert world.deployments["orders"].image == "shop/orders:1.0"


@pytest.mark.parametrize("bad", [Phase.SMOKE, Phase.LOAD])
def test_a_run_that_is_good_the_third_time_is_good_however_long_it_takes(bad: Phase) -> None:
    world = World()
    suites = DisturbedSuites(world, [], happens=restart, bad=bad, bad_runs=2, takes=400.0)

    assert a_driver(world, suites).begin(a_release(world, suites)).outcome is Outcome.PROMOTED


@pytest.mark.parametrize("bad", [Phase.SMOKE, Phase.LOAD])
def test_a_bad_result_on_replicas_that_all_stayed_is_blamed_on_the_canary(bad: Phase) -> None:
    _, release, _ = released(lambda _: None, bad)

    assert release.outcome is Outcome.REJECTED


def test_a_replica_that_restarts_during_a_good_suite_changes_nothing() -> None:
    world, release, _ = released(restart, Phase.WAIT)

    assert release.outcome is Outcome.PROMOTED
    assert world.deployments["orders"].image == "shop/orders:1.1"


@pytest.mark.parametrize("bad", [Phase.SMOKE, Phase.LOAD])
def test_the_logs_of_a_canary_that_is_rejected_are_kept_before_its_pods_go(bad: Phase) -> None:
    world = World()
    suites = DisturbedSuites(world, [], bad=bad, bad_runs=10_000)
    driver = a_driver(world, suites)
    asked: list[int] = []
    logs = driver.ports.workloads.logs

    def read(name: str, lines: int = 20) -> str:
        asked.append(world.deployments[name].replicas)
        return logs(name, lines)

    driver.ports.workloads.logs = read  # type: ignore[method-assign]
    release = driver.begin(a_release(world, suites, mode=Mode.ON_SUCCESS))

    assert release.outcome is Outcome.REJECTED
    assert world.documents[release.id, "logs/orders-canary.txt"] == "last words of orders-canary"
    assert asked == [1]


def test_a_good_release_asks_for_no_log() -> None:
    world = World()
    suites = AskingSuites(world, [])

    release = a_driver(world, suites).begin(a_release(world, suites, mode=Mode.ON_SUCCESS))

    assert release.outcome is Outcome.PROMOTED
    assert not [name for _, name in world.documents if name.startswith("logs/")]
