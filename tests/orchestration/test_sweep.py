"""What releases leave behind, on the in-memory world: ours is taken away in order, the rest is told."""

from dataclasses import replace

import pytest

from gatewayctl.domain.evidence import Answer
from gatewayctl.domain.leftovers import LeftoverKind
from gatewayctl.domain.platform import Holder, Probe, Replica, RuleProof
from gatewayctl.domain.release import Mode, Outcome, Phase, Release
from gatewayctl.domain.routing import CanaryRule, Header, RouteView, SourceFile, mark_of
from gatewayctl.orchestration.driver import Driver
from gatewayctl.orchestration.sweep import clean, look
from tests.fakes.memory import MemoryGateway
from tests.fakes.shop import ORDERS, AskingSuites, a_driver, a_release, ports
from tests.fakes.world import ROUTES, World


def a_waiting(world: World):
    suites = AskingSuites(world, [])
    driver = a_driver(world, suites)
    return driver, driver.begin(a_release(world, suites, ORDERS, Mode.MANUAL))


def an_hour_passes(world: World, waiting: Release) -> None:
    """Until after its time to live. The world is at rest: one look at the end is as good as thousands on the way."""
    world.time += waiting.expires - world.wall() + 60
    world.sleep(1.0)


def rule_is_there(world: World) -> bool:
    return "gatewayctl-orders-canary" in world.published[-1][1][0].text


def test_nothing_is_found_where_nothing_was_released():
    world = World()

    assert look(ports(world, AskingSuites(world, [])), ORDERS) is None


def test_a_waiting_release_in_its_time_is_no_leftover():
    world = World()
    driver, _ = a_waiting(world)

    assert look(driver.ports, ORDERS) is None


def test_an_expired_release_is_aborted_by_the_ordinary_way_out():
    world = World()
    driver, waiting = a_waiting(world)
    an_hour_passes(world, waiting)

    found = look(driver.ports, ORDERS)
    assert found
    assert (found.kind, found.is_ours) == (LeftoverKind.EXPIRED, True)
    assert rule_is_there(world)
    swept = clean(driver, ORDERS, found)

    assert (swept.phase, swept.outcome) == (Phase.DONE, Outcome.ABORTED)
    assert "swept" in swept.reason
    assert not rule_is_there(world)
    assert driver.ports.workloads.read("orders-canary").replicas == 0
    assert look(driver.ports, ORDERS) is None


def test_an_expired_release_that_somebody_drives_is_left_to_them():
    world = World()
    driver, waiting = a_waiting(world)
    an_hour_passes(world, waiting)
    driver.ports.leases.acquire("orders", Holder("somebody", "elsewhere", 7, world.wall()))

    assert look(driver.ports, ORDERS) is None


def test_a_rule_whose_release_nobody_remembers_is_removed_before_its_canary_stops():
    world = World()
    driver, _ = a_waiting(world)
    world.records.clear()

    found = look(driver.ports, ORDERS)
    assert found
    assert (found.kind, found.is_ours) == (LeftoverKind.ORPHAN, True)
    assert "x-canary" in found.detail
    swept = clean(driver, ORDERS, found)

    assert (swept.phase, swept.outcome, swept.stuck) == (Phase.DONE, Outcome.ABORTED, "")
    assert not rule_is_there(world)
    assert driver.ports.workloads.read("orders-canary").replicas == 0
    assert driver.ports.workloads.read("orders").image == "shop/orders:1.0"


def test_a_standing_rule_between_releases_is_no_leftover():
    world = World()
    driver, _ = a_waiting(world)
    world.records.clear()

    assert look(driver.ports, replace(ORDERS, standing=True, value="always")) is None


def test_a_canary_that_nobody_of_ours_started_is_told_and_not_touched():
    world = World()
    driver = a_driver(world, AskingSuites(world, []))
    canary = driver.ports.workloads.read("orders-canary")
    driver.ports.workload_writer.change(canary, replicas=1)

    found = look(driver.ports, ORDERS)

    assert found
    assert (found.kind, found.is_ours) == (LeftoverKind.LONE_CANARY, False)
    assert "scale orders-canary to 0" in found.hint


def test_a_release_whose_process_died_is_told_with_both_ways_on():
    world = World()
    driver, waiting = a_waiting(world)
    record = driver.ports.journal.load("orders")
    assert record
    driver.ports.journal.save("orders", waiting.at(Phase.SMOKE), record.version)

    found = look(driver.ports, ORDERS)

    assert found
    assert (found.kind, found.is_ours) == (LeftoverKind.IDLE, False)
    assert found.hint == "gatewayctl resume orders, or gatewayctl abort orders"


class HeardHeaders(MemoryGateway):
    """A gateway that cannot be asked for its configuration, and remembers the marking headers of its requests."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.heard: set[str] = set()

    def ask(self, replica: Replica, probe: Probe) -> Answer:
        self.heard |= {value for name, value in probe.headers if name == "x-canary"}
        return super().ask(replica, probe)

    def rule_of(self, replica: Replica, rule: CanaryRule) -> RuleProof:
        return RuleProof(asked=False)


def test_the_way_out_of_an_orphan_asks_with_the_header_of_the_rule_itself():
    """s43: with another header stable answers while the rule is still live: the canary stopped under it."""
    world = World(lags=(5.0, 5.0))
    wired = ports(world, AskingSuites(world, []))
    gateway = HeardHeaders(world)
    wired = replace(wired, gateway=replace(wired.gateway, prober=gateway, readback=gateway))
    driver = Driver(wired, Holder("ci", "host", 1, world.wall()))
    wired.workload_writer.change(wired.workloads.read("orders-canary"), replicas=1)
    world.sleep(4.0)
    rule = "/api/orders x-canary=v1 stamp=r-old name=gatewayctl-orders-canary -> orders-canary\n"
    stored = wired.gateway.store.read()
    wired.gateway.store.write((SourceFile("routes.txt", rule + ROUTES),), stored)
    world.sleep(8.0)

    found = look(wired, ORDERS)
    assert found
    swept = clean(driver, ORDERS, found)

    assert (swept.phase, swept.header.value, gateway.heard) == (Phase.DONE, "v1", {"v1"})
    assert world.published[-1][1][0].text == ROUTES


@pytest.mark.parametrize("written", ["", "x-canary: A B", "x-canary: "])
def test_a_header_that_no_gateway_matches_exactly_gives_way_to_another(written):
    rule = RouteView("routes.txt", 1, "", "/", "orders-canary", "gatewayctl-orders-canary", written)

    assert mark_of((rule,), Header("x-canary", "swept")).value == "swept"
