"""A rule that somebody puts back while the canary of a promoted release is about to stop."""

from dataclasses import replace

from gatewayctl.domain.platform import Replica
from gatewayctl.domain.release import Outcome, Phase, Release
from gatewayctl.orchestration.driver import Driver
from tests.fakes.memory import MemoryGateway
from tests.fakes.shop import AskingSuites, a_driver, a_release
from tests.fakes.world import World


def test_the_canary_stops_only_when_no_replica_can_still_take_a_rule_that_was_put_back():
    world = World()
    suites = AskingSuites(world, [])
    release = a_release(world, suites)
    burn, removed, stopped = world.burn, [], []

    def burn_and_meddle(what: str) -> None:
        if what == "before journal cool":
            write_rule_back(world)
        if what == "before write routes.txt":
            removed.append(world.time)
        if what.endswith("0") and what.startswith("before change orders-canary"):
            stopped.append(world.time)
        burn(what)

    world.burn = burn_and_meddle  # type: ignore[method-assign]
    a_driver(world, suites).begin(release)

    assert len(removed) == 3  # published, removed, and removed once more
    assert stopped[0] - removed[-1] >= 1.0


class MeddledGateway(MemoryGateway):
    """While the last requests end in the last phase, somebody writes the rule back, so many times."""

    def __init__(self, world: World, times: int) -> None:
        super().__init__(world)
        self.times = times

    def in_flight(self, replica: Replica, upstream: str) -> int | None:
        if self.world.records["orders"].release.phase is Phase.COOL and replica.name == "gw-0" and self.times:
            self.times -= 1
            write_rule_back(self.world)
        return super().in_flight(replica, upstream)


def write_rule_back(world: World) -> None:
    """A person writes files that were read a while ago."""
    with_rule = next(files for _, files in reversed(world.published) if "gatewayctl" in files[0].text)
    world.published.append((world.time, with_rule))
    world.store_version += 1


def drive_while_put_back(times: int) -> tuple[World, Release]:
    world = World()
    suites = AskingSuites(world, [])
    release = a_release(world, suites)
    driver = a_driver(world, suites)
    burn = world.burn

    def burn_and_meddle(what: str) -> None:
        if what == "before journal cool":
            write_rule_back(world)
        burn(what)

    world.burn = burn_and_meddle  # type: ignore[method-assign]
    gateway = replace(driver.ports.gateway, readback=MeddledGateway(world, times))
    return world, Driver(replace(driver.ports, gateway=gateway), driver.holder).begin(release)


def test_a_rule_that_is_put_back_while_the_last_requests_end_goes_before_the_canary_does():
    world, ended = drive_while_put_back(times=2)

    assert ended.outcome is Outcome.PROMOTED
    assert not ended.stuck
    assert world.deployments["orders-canary"].replicas == 0
    assert "gatewayctl" not in world.published[-1][1][0].text


def test_a_rule_that_is_always_put_back_keeps_the_canary_and_needs_a_person():
    world, ended = drive_while_put_back(times=99)

    assert ended.stuck
    assert world.deployments["orders-canary"].replicas == 1
    assert "came back 5 times in a row; the last time: in the files" in ended.notes[-1].text
