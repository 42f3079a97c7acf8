"""One release while others act: processes that were paused, canaries that die, rules that are put back."""

from dataclasses import replace

import pytest

from gatewayctl.domain.errors import StaleWrite, Superseded
from gatewayctl.domain.lifecycle import AbortAsked, advance
from gatewayctl.domain.platform import Workload
from gatewayctl.domain.release import Mode, Outcome, Phase, Record
from gatewayctl.domain.routing import SourceFile
from tests.fakes.memory import MemoryWorkloadWriter
from tests.fakes.shop import a_driver, a_trial
from tests.fakes.world import ROUTES, Killed, World
from tests.orchestration.interference import a_started, at, when


def test_a_process_paused_before_it_scales_up_loses_to_an_abort_that_completed_meanwhile():
    world, suites, release = a_started()
    other = a_driver(world, suites, pid=2)

    def abort() -> None:
        world.dead.add(1)  # its lease ran out while it was paused
        assert other.abort("orders", "no").ended

    when(world, "before change orders-canary shop/orders:1.1 1", abort)
    with pytest.raises(Superseded):
        a_driver(world, suites, pid=1).begin(release)

    canary = world.deployments["orders-canary"]
    assert (canary.image, canary.replicas) == ("shop/orders:1.0", 0)


def test_a_process_paused_before_it_publishes_loses_to_an_abort_that_completed_meanwhile():
    world, suites, release = a_started()
    other = a_driver(world, suites, pid=2)

    def abort() -> None:
        world.dead.add(1)
        assert other.abort("orders", "no").ended

    when(world, "before write routes.txt", abort)
    with pytest.raises(Superseded):
        a_driver(world, suites, pid=1).begin(release)

    assert world.published[-1][1][0].text == ROUTES


def test_a_driver_lets_go_soon_after_an_abort_is_journaled():
    world, suites, release = a_started()
    moments = []

    def journal_an_abort() -> None:
        record = world.records["orders"]
        moved, _ = advance(record.release, AbortAsked("no"))
        world.records["orders"] = Record(moved, record.version + 1)
        moments.append(world.time)

    at(world, 0.5, journal_an_abort)
    with pytest.raises(Superseded):
        a_driver(world, suites).begin(replace(release, image="shop/orders:1.1-unready"))

    assert world.time - moments[0] < 3.0
    assert world.holders == {}


def a_canary_pod_ready_at(world: World, seconds: float) -> None:
    """As if its readiness probe had failed, to succeed again at that time."""
    world.deployments["orders-canary"].pods[0].born = seconds


def test_a_canary_that_dies_before_it_is_routed_is_never_routed():
    world, suites, release = a_started()
    when(world, "after journal route", lambda: a_canary_pod_ready_at(world, 1e6))

    ended = a_driver(world, suites).begin(release)

    assert ended.outcome is Outcome.REJECTED
    assert "not ready any more" in ended.reason
    assert [files for _, files in world.published if "gatewayctl" in files[0].text] == []


def test_a_leftover_route_with_our_name_keeps_the_canary_until_it_is_gone():
    world, suites, release = a_started(trial=a_trial(live=3.0))
    driver = a_driver(world, suites)
    driver.begin(release)
    stray = "/api/orders-admin x-canary=old stamp=r-0 name=gatewayctl-orders-canary -> orders-canary\n"

    def put_back() -> None:
        world.published.append((world.time - 5.0, (SourceFile("routes.txt", stray + ROUTES),)))
        world.store_version += 1

    when(world, "after journal clear", put_back)
    ended = driver.abort("orders", "no")

    assert (ended.phase, bool(ended.stuck)) == (Phase.CLEAR, True)
    assert "1 routes named gatewayctl-orders-canary" in ended.stuck
    assert world.deployments["orders-canary"].replicas == 1


def test_requests_that_never_end_do_not_hold_a_release_for_ever():
    world, suites, release = a_started()
    driver = a_driver(world, suites)
    driver.begin(release)
    world.in_flight_until = world.time + 1e6

    ended = driver.abort("orders", "no")

    assert ended.ended
    assert "gave 5 s; 2 requests in flight" in [note.text for note in ended.notes]


def test_an_ended_release_has_left_no_pod():
    world, suites, release = a_started(Mode.ON_SUCCESS)

    assert a_driver(world, suites).begin(release).ended

    assert world.deployments["orders-canary"].pods == []


def test_a_neighbour_with_a_rule_of_its_own_for_the_same_header_is_no_leak():
    world, suites, release = a_started(Mode.ON_SUCCESS, value="always", standing=True)
    theirs = (
        "/api/payments x-canary=always stamp=standing-payments name=gatewayctl-payments-canary -> payments-canary\n"
    )
    world.published.append((-500.0, (SourceFile("routes.txt", theirs + ROUTES),)))
    world.deployments["payments-canary"] = replace(world.deployments["payments"], pods=[])
    world.deployments["payments-canary"].replicas = 1
    world.standing = True
    world.sleep(5.0)

    ended = a_driver(world, suites).begin(release)

    assert ended.outcome is Outcome.PROMOTED, ended.reason


def test_a_canary_is_not_named_before_its_nodes_can_know_of_it():
    world, suites, release = a_started()
    driver = a_driver(world, suites)
    driver.ports.workloads.lag = 2.0  # type: ignore[misc]

    ended = driver.begin(release)

    assert ended.phase is Phase.WAIT
    ready = world.deployments["orders-canary"].pods[0].born + world.ready_delay
    named = next(since for since, files in world.published if "gatewayctl" in files[0].text)
    assert named - ready >= 2.0


def test_a_canary_that_is_not_ready_for_a_moment_is_no_failure():
    world, suites, release = a_started()
    when(world, "after journal route", lambda: a_canary_pod_ready_at(world, world.time + 1.0))

    ended = a_driver(world, suites).begin(release)

    assert ended.phase is Phase.WAIT


@pytest.mark.parametrize("lost", [19, 25, 100])
def test_writes_that_are_lost_to_others_on_the_way_out_need_nobody(lost: int):
    """After 20 of them *cool* needed a person, with the canary running."""
    world, suites, release = a_started()
    a_driver(world, suites).begin(release)
    driver, left = a_driver(world, suites, pid=2), [lost]

    class Busily(MemoryWorkloadWriter):
        def change(self, expected: Workload, *, image: str | None = None, replicas: int | None = None) -> Workload:
            if replicas == 0 and left[0]:
                left[0] -= 1
                raise StaleWrite(f"{expected.name} was changed meanwhile")
            return super().change(expected, image=image, replicas=replicas)

    ended = replace(driver, ports=replace(driver.ports, workload_writer=Busily(world))).abort("orders", "no")

    assert (ended.phase, ended.outcome, ended.stuck, left) == (Phase.DONE, Outcome.ABORTED, "", [0])
    assert world.deployments["orders-canary"].replicas == 0


def test_an_image_that_somebody_gives_to_stable_while_it_is_restored_is_left_alone_and_needs_nobody():
    world, suites, release = a_started(Mode.ON_SUCCESS)

    def die() -> None:
        raise Killed("right after the write to stable")

    when(world, "before journal unroute", die)
    with pytest.raises(Killed):
        a_driver(world, suites).begin(release)
    world.dead.add(1)

    def give_another_image() -> None:
        world.deployments["orders"].image = "shop/orders:9.9"
        world.deployments["orders"].version += 1

    when(world, "after change orders", lambda: at(world, world.time + 0.5, give_another_image))
    ended = a_driver(world, suites, pid=2).abort("orders", "no")

    assert (ended.phase, ended.outcome, ended.stuck) == (Phase.DONE, Outcome.ABORTED, "")
    assert world.deployments["orders"].image == "shop/orders:9.9"


def test_an_image_that_somebody_gives_to_stable_while_it_is_promoted_still_ends_in_a_conflict():
    world, suites, release = a_started(Mode.ON_SUCCESS)

    def give_another_image() -> None:
        world.deployments["orders"].image = "shop/orders:9.9"
        world.deployments["orders"].version += 1

    when(world, "after journal promote", lambda: at(world, world.time + 0.5, give_another_image))
    ended = a_driver(world, suites).begin(release)

    assert (ended.phase, ended.outcome, ended.stuck) == (Phase.DONE, Outcome.CONFLICT, "")
    assert world.deployments["orders"].image == "shop/orders:9.9"
