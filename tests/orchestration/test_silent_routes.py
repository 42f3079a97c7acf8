"""A route that never answers, such as a long poll, is named as not proven; a replica in trouble is waited for."""

import pytest

from gatewayctl.domain.evidence import Answer
from gatewayctl.domain.platform import Probe, Replica, RuleProof
from gatewayctl.domain.release import Outcome, Phase
from gatewayctl.domain.routing import CanaryRule
from tests.fakes.memory import MemoryGateway
from tests.fakes.world import World
from tests.orchestration.test_coverage import ADMIN, SilentGateway, a_driver, a_plain_release, said


class AskedGateway(SilentGateway):
    """The same, which tells its configuration."""

    def rule_of(self, replica: Replica, rule: CanaryRule) -> RuleProof:
        return MemoryGateway.rule_of(self, replica, rule)


def never(world: World, probe: Probe) -> Answer:
    """What comes for a request that nobody answers."""
    world.sleep(probe.timeout)
    return Answer(0, {}, error=f"no answer within {probe.timeout:g} s")


@pytest.mark.parametrize(
    ("kind", "proven"),
    [(SilentGateway, "on 1 of 2 routes; not proven: "), (AskedGateway, "on 2 routes; by configuration only: ")],
    ids=["by requests only", "with read-back"],
)
def test_a_route_that_never_answers_is_named_and_ends_no_release(kind: type[SilentGateway], proven: str):
    """A long poll: each release failed, and its way out was stuck for ever."""
    world = World()
    gateway = kind(world, odd=lambda probe: never(world, probe) if probe.path == ADMIN else None)

    ended = a_driver(world, gateway).begin(a_plain_release(world))

    silent = f"{ADMIN} (no answer within 5 s)"
    assert (ended.phase, ended.outcome, ended.reason) == (Phase.DONE, Outcome.PROMOTED, "")
    assert said(ended, Phase.PROVE).endswith(proven.partition("; ")[2] + silent)
    assert said(ended, Phase.LEAKS).endswith(f"not proven: no header on {silent}")
    assert said(ended, Phase.CLEAR) == f"gone from 2/2 gateway replicas {proven}{silent}"


def test_a_route_that_did_not_answer_once_is_asked_again():
    world = World()
    broken = iter([Answer(0, {}, error="ConnectionResetError")])
    gateway = SilentGateway(world, odd=lambda probe: next(broken, None) if probe.path == ADMIN else None)

    ended = a_driver(world, gateway).begin(a_plain_release(world))

    assert said(ended, Phase.PROVE).startswith("2/2 gateway replicas serve it on 2 routes")
    assert next(broken, None) is None


@pytest.mark.parametrize("after", [Phase.PROVE, Phase.CLEAR])
def test_a_replica_that_is_silent_everywhere_is_waited_for(after: Phase):
    """What a replica in trouble does not answer is no gap of its route."""
    world = World()
    since: list[float] = []

    def odd(probe: Probe) -> Answer | None:
        release = world.records["orders"].release
        if probe.path == ADMIN and release.phase is after and not since:
            since.append(world.time)
        is_silent = since and world.time < since[0] + 12.0
        return never(world, probe) if is_silent else None

    ended = a_driver(world, SilentGateway(world, odd=odd)).begin(a_plain_release(world))

    assert since
    assert ended.outcome is Outcome.PROMOTED
    assert "not proven" not in "".join(note.text for note in ended.notes)
