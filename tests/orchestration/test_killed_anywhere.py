"""I5, exhaustively: the process dies before and after every write; another one resumes, or aborts, and all is well."""

from dataclasses import replace

import pytest

from gatewayctl.domain.errors import GatewayctlError
from gatewayctl.domain.lifecycle import PromoteAsked, Resumed
from gatewayctl.domain.ramp import Promotion, Ramp, Step
from gatewayctl.domain.release import Mode, Outcome, Release
from tests.fakes.shop import ORDERS, AskingSuites, a_driver, a_release
from tests.fakes.world import ROUTES, Killed, World

STANDING = replace(ORDERS, value="always", standing=True)
STEPS = Ramp((Step(10, 1.0), Step(50, 1.0, replicas=2)))
RAMP = replace(ORDERS, trial=replace(ORDERS.trial, ramp=STEPS, promotion=Promotion.STEERED))
SCENARIOS = {
    "promoted": {},
    "suite fails": {"healthy": False},
    "suite never touches the canary": {"touching": False},
    "canary crashes": {"image": "shop/orders:1.1-crash"},
    "canary never ready": {"image": "shop/orders:1.1-unready"},
    "standing rule": {"app": STANDING},
    "by hand": {"mode": Mode.MANUAL},
    "ramp, steered": {"app": RAMP},
}
PROMOTED = ("promoted", "standing rule", "by hand", "ramp, steered")


def start(world: World, scenario: dict) -> tuple[AskingSuites, Release]:
    suites = AskingSuites(world, [], scenario.get("healthy", True), scenario.get("touching", True))
    release = a_release(world, suites, scenario.get("app", ORDERS), scenario.get("mode", Mode.ON_SUCCESS))
    world.standing = release.standing
    suites.release[:] = [release]
    return suites, replace(release, image=scenario.get("image", release.image))


def run_release(world: World, suites: AskingSuites, release: Release) -> None:
    """The whole job by one process, and what a person would do at the gate."""
    driver = a_driver(world, suites, pid=1)
    ended = driver.begin(release)
    if not ended.ended:
        driver.send("orders", PromoteAsked())


def count_writes(scenario: dict) -> int:
    world = World()
    run_release(world, *start(world, scenario))
    return world.writes


def assert_world_is_whole(world: World, record: Release) -> None:
    """Either promoted, or byte for byte as before; never in between."""
    stable, canary = world.deployments["orders"], world.deployments["orders-canary"]
    assert canary.replicas == 0
    assert world.deployments["payments"].image == "shop/payments:1.0"
    text = world.published[-1][1][0].text
    if record.outcome is Outcome.PROMOTED:
        assert stable.image == canary.image == record.image
        assert ("gatewayctl-orders-canary" in text) is record.standing
    else:
        assert (stable.image, canary.image) == ("shop/orders:1.0", "shop/orders:1.0")
        assert text == ROUTES
    world.sleep(5.0)  # what is written reaches every replica, and the invariants still hold


@pytest.mark.parametrize("name", SCENARIOS)
def test_undisturbed_a_release_ends_whole(name):
    world = World()
    suites, release = start(world, SCENARIOS[name])

    run_release(world, suites, release)

    record = world.records["orders"].release
    assert record.ended
    assert (record.outcome is Outcome.PROMOTED) is (name in PROMOTED)
    assert world.writes > 10
    assert_world_is_whole(world, record)


@pytest.mark.parametrize("way_on", ["resume", "abort"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_at_any_write_another_process_completes(name, way_on):
    total = count_writes(SCENARIOS[name])
    for fuse in range(total):
        world = World(fuse=fuse)
        suites, release = start(world, SCENARIOS[name])
        with pytest.raises(Killed):
            run_release(world, suites, release)
        world.fuse = -1
        world.dead.add(1)

        complete(world, suites, way_on)


@pytest.mark.parametrize("name", ["promoted", "suite fails"])
def test_killed_again_while_completing_a_third_process_completes(name):
    total = count_writes(SCENARIOS[name])
    for first in range(2, total - 1, 3):  # after the very last write nothing is left to complete
        for second in range(0, 16, 2):
            world = World(fuse=first)
            suites, release = start(world, SCENARIOS[name])
            with pytest.raises(Killed):
                run_release(world, suites, release)
            world.dead.add(1)
            world.fuse = first + second
            try:
                finish(world, suites, "abort", pid=2)
            except Killed:
                world.dead.add(2)
            world.fuse = -1

            complete(world, suites, "resume", pid=3)


def finish(world: World, suites: AskingSuites, way_on: str, pid: int) -> None:
    driver = a_driver(world, suites, pid)
    if way_on == "abort":
        driver.abort("orders", "on-call says no")
        return
    release = driver.send("orders", Resumed())
    if not release.ended:
        driver.send("orders", PromoteAsked())


def complete(world: World, suites: AskingSuites, way_on: str, pid: int = 2) -> None:
    record = world.records.get("orders")
    if record is None:  # died before anything was journaled: nothing may have happened
        assert world.deployments["orders-canary"].version == 1
        assert world.store_version == 1
        return
    if record.release.ended:
        assert_world_is_whole(world, record.release)
        return
    finish(world, suites, way_on, pid)
    ended = world.records["orders"].release
    assert ended.ended, (ended.phase, ended.stuck)
    if way_on == "abort":
        assert ended.outcome is not Outcome.PROMOTED
    assert_world_is_whole(world, ended)


def test_a_process_that_was_taken_over_changes_nothing_any_more():
    world = World()
    suites, release = start(world, {})
    first, second = a_driver(world, suites, pid=1), a_driver(world, suites, pid=2)
    original = world.look
    aborted = []

    def abort_in_the_middle() -> None:
        original()
        if not aborted and world.deployments["orders-canary"].replicas == 1 and world.time > 1.0:
            aborted.append(world.writes)
            world.dead.add(1)  # its lease has run out: it is paused, not gone
            second.abort("orders", "on-call says no")

    world.look = abort_in_the_middle  # type: ignore[method-assign]

    with pytest.raises(GatewayctlError, match="was taken over"):
        first.begin(release)

    writes_after = [line for line in world.log[aborted[0] :] if "orders-canary shop/orders:1.1 1" in line]
    assert writes_after == []
    assert_world_is_whole(world, world.records["orders"].release)


def test_a_rule_whose_write_was_the_last_act_is_written_again_so_that_every_replica_hears_of_it():
    whole = World()
    run_release(whole, *start(whole, {}))
    world = World(fuse=whole.log.index("after write"))
    suites, release = start(world, {})
    with pytest.raises(Killed, match="after write"):
        run_release(world, suites, release)
    world.fuse = -1
    world.dead.add(1)
    world.log.clear()

    ended = a_driver(world, suites, pid=2).send("orders", Resumed())

    assert ended.outcome is Outcome.PROMOTED
    assert world.log.index("before write nothing") < world.log.index("before journal prove")
