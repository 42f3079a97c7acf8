"""Releases of an application that names itself by its version: after promotion stable gives the canary's word."""

from dataclasses import replace

import pytest

from gatewayctl.domain.evidence import Answer
from gatewayctl.domain.platform import Holder, Probe, Replica
from gatewayctl.domain.release import Outcome, Phase, version_of
from gatewayctl.gateways.no_readback import NoReadback
from gatewayctl.orchestration.driver import Driver
from gatewayctl.orchestration.preflight import preflight
from tests.fakes.memory import MemoryGateway
from tests.fakes.shop import AskingSuites, a_release, ports
from tests.fakes.world import ROUTES, World


class VersionGateway(MemoryGateway):
    """A gateway in front of applications that answer with their version in place of their Pod's name."""

    def ask(self, replica: Replica, probe: Probe) -> Answer:
        answer = super().ask(replica, probe)
        images = {pod.name: pod.image for one in self.world.deployments.values() for pod in one.pods}
        word = version_of(images.get(answer.headers.get("x-served-by", ""), ""))
        return replace(answer, headers={**answer.headers, "x-served-by": word}) if word else answer


def a_versioned_driver(world: World, suites: AskingSuites, *, asked: bool = True) -> Driver:
    """A process that drives releases of applications that name themselves by their version."""
    wired = ports(world, suites)
    prober = VersionGateway(world)
    gateway = replace(wired.gateway, prober=prober, readback=prober if asked else NoReadback(without_admin))
    return Driver(replace(wired, gateway=gateway), Holder("ci", "host", 1, world.wall()))


def without_admin(replica: Replica, path: str) -> str:
    raise AssertionError(f"{replica.name} was asked for {path}")


@pytest.mark.parametrize("asked", [True, False], ids=["with read-back", "by requests only"])
def test_a_promoted_release_ends_although_both_versions_give_the_same_word(asked):
    world = World()
    suites = AskingSuites(world, [])
    driver = a_versioned_driver(world, suites, asked=asked)

    release = driver.begin(a_release(world, suites))

    assert (release.phase, release.outcome, release.stuck) == (Phase.DONE, Outcome.PROMOTED, "")
    assert world.published[-1][1][0].text == ROUTES


def test_an_answer_that_the_rule_has_stamped_is_never_stables_even_after_promotion():
    world = World()
    release = a_release(world, AskingSuites(world, []))
    promoted = replace(release, outcome=Outcome.PROMOTED)
    stamp = {release.attribution.stamp_header: release.stamp}

    assert promoted.attribution.attribute(Answer(200, {"x-served-by": "1.1"})) == "stable"
    assert promoted.attribution.attribute(Answer(200, {"x-served-by": "1.1", **stamp})) == "unknown"
    assert promoted.attribution.attribute(Answer(200, {"x-served-by": "orders-canary-1"})) == "unknown"


@pytest.mark.parametrize("asked", [True, False], ids=["with read-back", "by requests only"])
@pytest.mark.parametrize("image", ["shop/payments:1.1", "shop/payments:1.0"], ids=["the canary's", "stable's"])
def test_a_neighbour_that_runs_the_same_version_number_is_no_leak(image, asked):
    world = World()
    world.deployments["payments"].image = image
    for pod in world.deployments["payments"].pods:
        pod.image = image
    suites = AskingSuites(world, [])

    release = a_versioned_driver(world, suites, asked=asked).begin(a_release(world, suites))

    assert (release.phase, release.outcome, release.reason) == (Phase.DONE, Outcome.PROMOTED, "")


def test_a_rejected_release_ends_with_stable_as_it_was():
    world = World()
    suites = AskingSuites(world, [], healthy=False)

    release = a_versioned_driver(world, suites).begin(a_release(world, suites))

    assert (release.phase, release.outcome, release.stuck) == (Phase.DONE, Outcome.REJECTED, "")
    assert world.published[-1][1][0].text == ROUTES


@pytest.mark.parametrize(
    ("stamps", "image", "reason"),
    [
        (False, "shop/orders:1.1", "this gateway cannot stamp answers"),
        (True, f"shop/orders@sha256:{'0' * 64}", "has no tag that its answers could name"),
    ],
    ids=["no stamps", "no version"],
)
def test_what_can_never_be_told_apart_is_refused_before_anything_is_touched(stamps, image, reason):
    world = World(stamps=stamps)
    suites = AskingSuites(world, [])
    driver = a_versioned_driver(world, suites)

    checks = preflight(driver.ports, replace(a_release(world, suites), image=image))

    faults = {str(check.fault) for check in checks if check.fault and check.name.endswith("serves stable")}
    assert len(faults) == 1
    assert reason in faults.pop()
