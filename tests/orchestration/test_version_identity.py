"""Releases of an application that names itself by its version: after promotion stable gives the canary's word."""

from dataclasses import replace

import pytest

from gatewayctl.domain.evidence import Answer
from gatewayctl.domain.platform import Holder, Probe, Replica
from gatewayctl.domain.release import Outcome, Phase, version_of
from gatewayctl.gateways.no_readback import NoReadback
from gatewayctl.orchestration.driver import Driver
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


def without_admin(replica: Replica, path: str) -> str:
    raise AssertionError(f"{replica.name} was asked for {path}")


@pytest.mark.parametrize("asked", [True, False], ids=["with read-back", "by requests only"])
def test_a_promoted_release_ends_although_both_versions_give_the_same_word(asked):
    world = World()
    suites = AskingSuites(world, [])
    wired = ports(world, suites)
    prober = VersionGateway(world)
    gateway = replace(wired.gateway, prober=prober, readback=prober if asked else NoReadback(without_admin))
    driver = Driver(replace(wired, gateway=gateway), Holder("ci", "host", 1, world.wall()))

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
