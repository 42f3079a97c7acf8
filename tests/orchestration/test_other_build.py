"""A tag that is pushed again between the tests and the promotion: what was tested is not what would run (q24)."""

import pytest

from gatewayctl.domain.lifecycle import PromoteAsked
from gatewayctl.domain.release import Outcome, Phase, Release
from tests.fakes.shop import AskingSuites, a_driver
from tests.fakes.world import World
from tests.orchestration.interference import a_started

TESTED, PUSHED = "sha256:aaaaaaaaaaaa", "sha256:bbbbbbbbbbbb"


def a_tested_release(build: str) -> tuple[World, AskingSuites, Release]:
    """It waits for a person; the canary's image was `build` when it started."""
    world, suites, release = a_started()
    world.builds["shop/orders:1.1"] = build
    waiting = a_driver(world, suites).begin(release)
    assert (waiting.phase, waiting.tested, waiting.build) == (Phase.WAIT, True, build)
    return world, suites, waiting


def drain_the_node_of_the_canary(world: World) -> None:
    world.standing = True  # its rule points for a moment at what is not ready, which is nobody's fault
    for pod in world.deployments["orders-canary"].pods:
        pod.ending = world.time
    world.sleep(10.0)


def promote(world: World, suites: AskingSuites) -> Release:
    return a_driver(world, suites, pid=2).send("orders", PromoteAsked())


def test_a_canary_that_started_again_with_another_build_of_its_tag_is_not_promoted() -> None:
    world, suites, _ = a_tested_release(TESTED)
    world.builds["shop/orders:1.1"] = PUSHED
    drain_the_node_of_the_canary(world)

    ended = promote(world, suites)

    assert (ended.phase, ended.outcome) == (Phase.DONE, Outcome.CONFLICT)
    assert "orders-canary runs another build of shop/orders:1.1 than the one that was tested" in ended.reason
    assert world.deployments["orders"].image == "shop/orders:1.0"


def test_stable_goes_back_when_the_tag_names_another_build_by_now() -> None:
    world, suites, _ = a_tested_release(TESTED)
    world.builds["shop/orders:1.1"] = PUSHED

    ended = promote(world, suites)

    assert (ended.phase, ended.outcome) == (Phase.DONE, Outcome.CONFLICT)
    assert "orders runs another build of shop/orders:1.1" in ended.reason
    assert world.deployments["orders"].image == "shop/orders:1.0"


@pytest.mark.parametrize("build", [TESTED, ""], ids=["the same build", "no digests known"])
def test_a_canary_that_started_again_with_the_same_build_is_promoted(build: str) -> None:
    world, suites, _ = a_tested_release(build)
    drain_the_node_of_the_canary(world)

    assert promote(world, suites).outcome is Outcome.PROMOTED
