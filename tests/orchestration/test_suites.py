"""A bad result of a suite or a load, when a gateway replica was lost while it ran: the canary is not blamed."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from gatewayctl.domain.release import Mode, Outcome, Phase, Release
from gatewayctl.domain.smoke import LoadResult, LoadRun, SuiteResult, SuiteRun
from gatewayctl.orchestration.driver import Driver
from gatewayctl.ports import Tick
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
    """Suites during which something `happens` to the gateway; their results are bad in phase `bad`."""

    happens: Callable[[World], None] = lambda _: None
    bad: Phase = Phase.SMOKE

    def test(self, run: SuiteRun, tick: Tick) -> SuiteResult:
        self.healthy = self.bad is not Phase.SMOKE
        result = super().test(run, tick)
        if self.bad is Phase.SMOKE:
            self.happens(self.world)
        return result

    def load(self, run: LoadRun, tick: Tick) -> LoadResult:
        result = super().load(run, tick)
        if self.bad is not Phase.LOAD:
            return result
        self.happens(self.world)
        return replace(result, canary=replace(result.canary, errors=150))


def released(happens: Callable[[World], None], bad: Phase) -> tuple[World, Release]:
    """A release whose suites are disturbed in phase `bad`."""
    world = World()
    suites = DisturbedSuites(world, [], happens=happens, bad=bad)
    release = a_release(world, suites, mode=Mode.ON_SUCCESS)
    driver = a_driver(world, suites)
    return world, Driver(driver.ports, driver.holder).begin(release)


@pytest.mark.parametrize("bad", [Phase.SMOKE, Phase.LOAD])
@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (restart, "gateway replica gw-1 restarted meanwhile"),
        (lose, "gateway replica gw-1 was lost meanwhile"),
        (end_unseen, "gateway replica gw-1 was lost meanwhile"),
    ],
)
def test_a_bad_result_is_blamed_on_a_gateway_replica_that_ended(
    happens: Callable[[World], None], said: str, bad: Phase
) -> None:
    """p18: a replica that restarted under its name was not noticed, and the canary was rejected."""
    world, release = released(happens, bad)

    assert release.outcome is Outcome.FAILED
    assert said in release.reason
    assert world.deployments["orders"].image == "shop/orders:1.0"


@pytest.mark.parametrize("bad", [Phase.SMOKE, Phase.LOAD])
def test_a_bad_result_on_replicas_that_all_stayed_is_blamed_on_the_canary(bad: Phase) -> None:
    _, release = released(lambda _: None, bad)

    assert release.outcome is Outcome.REJECTED


def test_a_replica_that_restarts_during_a_good_suite_changes_nothing() -> None:
    world, release = released(restart, Phase.WAIT)

    assert release.outcome is Outcome.PROMOTED
    assert world.deployments["orders"].image == "shop/orders:1.1"
