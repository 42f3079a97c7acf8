"""A gateway replica that a late list does not have yet: no proof passes before it was looked at."""

from dataclasses import replace

import pytest

from gatewayctl.domain.platform import Replica
from gatewayctl.domain.release import Outcome, Phase
from gatewayctl.orchestration.context import Fence, StepContext
from gatewayctl.orchestration.driver import Driver
from gatewayctl.orchestration.proof.latecomers import find_unproven
from gatewayctl.waiting import Pending
from tests.fakes.memory import MemoryGateway, Silent
from tests.fakes.shop import AskingSuites, a_driver, a_release
from tests.fakes.world import World

LATE = 9.0  # seconds until the list has the new replica
OLD_FILES = 20.0  # seconds for which it runs the files that there were when it came


class LateList(MemoryGateway):
    """Lists gw-2 `LATE` seconds after it came."""

    came = float("inf")
    staleness = 10.0

    def list(self) -> tuple[Replica, ...]:
        has_told = self.world.time >= self.came + LATE
        return tuple(one for one in self.list_now() if has_told or one.name != "gw-2")

    def list_now(self) -> tuple[Replica, ...]:
        return super().list()


class Newcomer(Silent):
    """Brings gw-2 up when `phase` starts, with the files from before the last change of the rule."""

    def __init__(self, world: World, gateway: LateList, phase: Phase) -> None:
        super().__init__()
        self.world, self.gateway, self.phase = world, gateway, phase
        self.seen = {Phase.WARM: world.live(0)}

    def started(self, step: str) -> None:
        super().started(step)
        world = self.world
        self.seen[Phase(step)] = world.live(0)
        if step != self.phase or self.gateway.came < float("inf"):
            return
        way_in = self.phase in (Phase.ROUTE, Phase.CONFIRM)
        old, live, until = self.seen[Phase.WARM if way_in else Phase.CONFIRM], world.live, world.time + OLD_FILES
        world.lags, self.gateway.came = (*world.lags, 0.0), world.time
        world.live = lambda index: old if index == 2 and world.time < until else live(index)  # type: ignore[method-assign]


@pytest.mark.parametrize("phase", [Phase.UNROUTE, Phase.COOL])
def test_the_canary_does_not_stop_while_a_replica_that_is_not_listed_yet_runs_the_rule(phase: Phase) -> None:
    assert drive_with_a_newcomer(phase, "before change orders-canary shop/orders:1.1 0") == [False]


@pytest.mark.parametrize("phase", [Phase.ROUTE, Phase.CONFIRM])
def test_nothing_is_promoted_before_a_replica_that_is_not_listed_yet_serves_the_rule(phase: Phase) -> None:
    assert drive_with_a_newcomer(phase, "before change orders shop/orders:1.1 None") == [True]


def test_a_replica_that_restarted_since_it_was_proven_is_another_one() -> None:
    world = World(lags=(0.2, 0.9))
    suites = AskingSuites(world, [])
    release = a_release(world, suites)
    ports = a_driver(world, suites).ports
    fence = Fence(lambda: None, lambda: None)
    context = StepContext(ports, release, fence, lambda _: None)
    proven = ports.gateway.replicas.list()
    assert find_unproven(context, proven) is None

    found = find_unproven(context, (proven[0], replace(proven[1], identity="its process before")))

    assert isinstance(found, Pending)
    assert proven[1].name in found.detail


def drive_with_a_newcomer(phase: Phase, moment: str) -> list[bool]:
    """Whether gw-2, which comes when `phase` starts, has the rule at each `moment` of a release that is promoted."""
    world = World(lags=(0.2, 0.9))
    suites = AskingSuites(world, [])
    gateway = LateList(world)
    release = a_release(world, suites)
    driver = a_driver(world, suites)
    burn, has_rule = world.burn, []

    def burn_and_look(what: str) -> None:
        if what == moment:
            has_rule.append(any(route.name == release.rule.name for route in world.live(2)))
        burn(what)

    world.burn = burn_and_look  # type: ignore[method-assign]
    wired = replace(driver.ports.gateway, replicas=gateway, prober=gateway, readback=gateway)
    ports = replace(driver.ports, gateway=wired, listener=Newcomer(world, gateway, phase))
    ended = Driver(ports, driver.holder).begin(release)
    assert ended.outcome is Outcome.PROMOTED, ended.reason
    assert not ended.stuck
    return has_rule
