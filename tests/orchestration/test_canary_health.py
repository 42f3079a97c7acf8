"""Whether the canary is healthy, where what is read may be late."""

from dataclasses import replace

import pytest

from gatewayctl.domain.judgement import Judgement
from gatewayctl.domain.platform import Workload
from gatewayctl.orchestration.canary_health import CanaryHealth
from gatewayctl.orchestration.context import Fence, StepContext
from tests.fakes.memory import MemoryWorkloadReader
from tests.fakes.shop import AskingSuites, a_release, ports
from tests.fakes.world import Deployment, Pod, World


class LateReader(MemoryWorkloadReader):
    """A reader whose watch is silent: `read` gives what it gave when it was made, for as long as a test takes."""

    staleness = 3600.0

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.first = {name: super(LateReader, self).read(name) for name in world.deployments}

    def read(self, name: str) -> Workload:
        return self.first[name]

    def read_now(self, name: str) -> Workload:
        return super().read(name)


def a_canary() -> Deployment:
    """The canary of the release, ready."""
    return Deployment("shop/orders:1.1", 1, pods=[Pod("orders-canary-00001", "shop/orders:1.1", -9.0)])


@pytest.mark.parametrize(
    "before",
    [
        Deployment("shop/orders:1.1", 1, pods=[Pod("orders-canary-00001", "shop/orders:1.1", 0.0)]),
        Deployment("shop/orders:0.0", 1),
    ],
    ids=["not ready yet", "another image"],
)
def test_a_canary_that_is_lost_only_in_what_is_late_is_healthy(before: Deployment) -> None:
    """k07: a verdict of failure needs a request that is younger than the question."""
    world, suites = World(), AskingSuites(World(), [])
    release = a_release(world, suites)
    world.deployments["orders-canary"] = before
    workloads = LateReader(world)
    world.deployments["orders-canary"] = a_canary()
    wired = replace(ports(world, suites), workloads=workloads)
    health = CanaryHealth(StepContext(wired, release, Fence(lambda: None, lambda: None), lambda _: None))

    seen = [health.look()]
    for _ in range(int(workloads.readiness_gap) + 1):
        world.sleep(1.0)
        seen.append(health.look())

    assert not any(isinstance(one, Judgement) for one in seen)
    assert isinstance(seen[-1], float)


def test_a_canary_that_is_lost_now_is_lost() -> None:
    world, suites = World(), AskingSuites(World(), [])
    release = a_release(world, suites)
    world.deployments["orders-canary"] = Deployment("shop/orders:0.0", 1)
    wired = replace(ports(world, suites), workloads=LateReader(world))
    health = CanaryHealth(StepContext(wired, release, Fence(lambda: None, lambda: None), lambda _: None))

    seen = health.look()

    assert isinstance(seen, Judgement)
    assert "was changed to shop/orders:0.0" in seen.text


def a_health(world: World) -> CanaryHealth:
    """The health of a canary that is not ready, and that everybody can look at."""
    suites = AskingSuites(World(), [])
    release = a_release(world, suites)
    world.deployments["orders-canary"] = Deployment("shop/orders:1.1", 1, pods=[Pod("orders-canary-1", "x", 0.0)])
    return CanaryHealth(StepContext(ports(world, suites), release, Fence(lambda: None, lambda: None), lambda _: None))


def test_time_in_which_nobody_could_look_blames_no_canary() -> None:
    """It was not ready right before and right after the API server was away for 8 s."""
    world = World(ready_delay=1000.0)
    health = a_health(world)

    seen = [health.look()]
    world.sleep(8.0)
    seen.append(health.look())
    world.deployments["orders-canary"] = a_canary()
    world.ready_delay = 0.0
    seen.append(health.look())

    assert not any(isinstance(one, Judgement) for one in seen)
    assert seen[-1] == 0.0


@pytest.mark.parametrize("every", [0.1, 1.0, 8.0])
def test_a_canary_that_is_looked_at_and_stays_unready_is_lost(every: float) -> None:
    world = World(ready_delay=1000.0)
    health = a_health(world)
    begun, seen = world.time, health.look()

    while not isinstance(seen, Judgement):
        world.sleep(every)
        seen = health.look()

    assert "is not ready any more" in seen.text
    assert MemoryWorkloadReader.readiness_gap < world.time - begun <= MemoryWorkloadReader.readiness_gap + 3 * every
