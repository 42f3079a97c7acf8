"""A gateway that loads its files only when it is told: it is told on the way in and on the way out, and waited for."""

from dataclasses import dataclass, field, replace

import pytest

from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.platform import Holder, Replica
from gatewayctl.domain.release import Mode, Outcome, Phase
from gatewayctl.domain.routing import Limits
from gatewayctl.orchestration.driver import Driver
from gatewayctl.orchestration.planning import ReleaseRequest, draft
from tests.fakes.shop import ORDERS, AskingSuites, a_release, a_trial, ports
from tests.fakes.toy import ToyDialect, parse
from tests.fakes.world import World


@dataclass
class ToldWorld(World):
    """Each replica runs the files of when it was last told."""

    told: dict[int, int] = field(default_factory=dict)

    def live(self, index: int):
        files = self.published[self.told.get(index, 0)][1]
        return [route for file in files for _, route in parse(file)]


class Telling:
    """ports.Activation for it; deaf replicas hear nothing."""

    def __init__(self, world: ToldWorld) -> None:
        self.world, self.asked, self.deaf, self.left = world, [], set(), 0

    def activate(self, replica: Replica) -> str:
        index, newest = int(replica.name.removeprefix("gw-")), len(self.world.published) - 1
        if self.world.told.get(index, 0) == newest:
            return ""
        self.asked.append(replica.name)
        if replica.name not in self.deaf:
            self.world.told[index] = newest
        return "it was told to load its files"

    def leftovers(self, replica: Replica) -> int | None:
        return self.left


def a_pilot(world: ToldWorld, suites: AskingSuites, telling: Telling) -> Driver:
    made = ports(world, suites)
    gateway = replace(made.gateway, activation=telling)
    return Driver(replace(made, gateway=gateway), Holder("ci", "host", 1, world.wall()))


def a_start(**spec):
    world = ToldWorld()
    suites, telling = AskingSuites(world, []), Telling(world)
    release = a_release(world, suites, replace(ORDERS, **spec), Mode.ON_SUCCESS)
    return world, a_pilot(world, suites, telling), telling, release


def test_every_replica_is_told_when_the_rule_comes_and_when_it_goes():
    _, driver, telling, release = a_start()

    ended = driver.begin(release)

    assert (ended.phase, ended.outcome) == (Phase.DONE, Outcome.PROMOTED)
    assert telling.asked == ["gw-0", "gw-1", "gw-0", "gw-1"]


def test_a_replica_that_does_not_load_fails_the_release_with_its_reason():
    _, driver, telling, release = a_start(trial=a_trial(live=3.0))
    telling.deaf.add("gw-1")

    ended = driver.begin(release)

    assert "gw-1: it was told to load its files" in ended.reason
    assert ended.outcome is not Outcome.PROMOTED


def test_a_canary_whose_address_the_rule_needs_is_looked_up_before_anything_is_written():
    world, driver, _, _ = a_start()

    class ByAddress(ToyDialect):
        limits = Limits(by_address=True)

    gateway = replace(driver.ports.gateway, dialect=ByAddress())
    request = ReleaseRequest(ORDERS, "shop/orders:1.1", Mode.ON_SUCCESS, "ci")

    asked = []
    known = replace(driver.ports, gateway=gateway, address=lambda name: asked.append(name) or "10.0.0.9")
    assert draft(known, request).rule.canary_host == "10.0.0.9"
    assert asked == ["orders-canary"]
    with pytest.raises(EnvironmentFailed, match="nobody can tell the IP address of the Service orders-canary"):
        draft(replace(driver.ports, gateway=gateway), request)
    given = replace(ORDERS, target=replace(ORDERS.target, canary_host="10.0.0.7"))
    assert draft(replace(driver.ports, gateway=gateway), replace(request, app=given)).rule.canary_host == "10.0.0.7"
    assert len(world.published) == 1
