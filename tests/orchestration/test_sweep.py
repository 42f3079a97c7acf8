"""What releases leave behind, on the in-memory world: ours is taken away in order, the rest is told."""

from dataclasses import replace

from gatewayctl.domain.leftovers import LeftoverKind
from gatewayctl.domain.platform import Holder
from gatewayctl.domain.release import Mode, Outcome, Phase, Release
from gatewayctl.orchestration.sweep import clean, look
from tests.fakes.shop import ORDERS, AskingSuites, a_driver, a_release, ports
from tests.fakes.world import World


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
