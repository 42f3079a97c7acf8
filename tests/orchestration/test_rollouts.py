"""Rollouts that are slow, scaled, changed by a webhook or left with a Pod on a lost node, in whole releases."""

from dataclasses import replace

import pytest

from gatewayctl.domain.errors import Conflict, DeadlineExceeded, EnvironmentFailed, Transient
from gatewayctl.domain.judgement import Verdict
from gatewayctl.domain.platform import Trouble, TroubleKind, Workload
from gatewayctl.domain.release import Outcome, Phase, Release
from gatewayctl.orchestration.context import Fence, Ports, StepContext
from gatewayctl.orchestration.driver import Driver
from gatewayctl.orchestration.preflight import preflight
from gatewayctl.orchestration.workloads import promote_stable, restore_stable, stop_canary
from gatewayctl.ports import WorkloadReader, WorkloadWriter
from tests.fakes.memory import MemoryWorkloadReader, MemoryWorkloadWriter
from tests.fakes.shop import ORDERS, AskingSuites, a_driver, a_release, a_trial, ports
from tests.fakes.world import Pod, World

PLAIN = replace(ORDERS, trial=replace(ORDERS.trial, suite=None, load=None))
DIGEST = f"@sha256:{'a' * 64}"
GHOST = "orders-canary-x on node node-7"


class WeightlessWorld(World):
    """A world whose stable may be scaled by others."""

    def look(self) -> None:
        if self.deployments["orders"].replicas == 2:
            super().look()


class Seen(MemoryWorkloadReader):
    """Deployments with some facts of one of them replaced."""

    def __init__(self, world: World, name: str, **facts: object) -> None:
        super().__init__(world)
        self.name, self.facts = name, facts

    def read(self, name: str) -> Workload:
        now = super().read(name)
        return replace(now, **self.facts) if name == self.name else now  # type: ignore[arg-type]


class PinningWriter(MemoryWorkloadWriter):
    """A cluster with a webhook that pins the digest of each image."""

    def change(self, expected: Workload, *, image: str | None = None, replicas: int | None = None) -> Workload:
        pinned = image + DIGEST if image and "@" not in image else image
        return super().change(expected, image=pinned, replicas=replicas)


class Scaling(MemoryWorkloadWriter):
    """Somebody scales stable right before we give it an image."""

    wanted = 0

    def change(self, expected: Workload, *, image: str | None = None, replicas: int | None = None) -> Workload:
        if expected.name == "orders":
            self.world.deployments["orders"].replicas = self.wanted
        return super().change(expected, image=image, replicas=replicas)


def a_context(world: World, release: Release, reader: WorkloadReader, writer: WorkloadWriter) -> StepContext:
    fence = Fence(lambda: None, lambda: None)
    return StepContext(outside(world, reader, writer), release, fence, lambda _: None)


def outside(world: World, reader: WorkloadReader, writer: WorkloadWriter) -> Ports:
    return replace(ports(world, AskingSuites(world, [])), workloads=reader, workload_writer=writer)


def a_promotion(world: World) -> Release:
    suites = AskingSuites(world, [])
    return replace(a_release(world, suites, PLAIN), phase=Phase.PROMOTE)


def text_of(release: Release, phase: Phase) -> str:
    return next(note.text for note in release.notes if note.phase is phase)


def test_a_stable_that_rolls_slowly_but_steadily_is_promoted() -> None:
    """p24: each Pod takes 70 s, both together longer than the time that one may stand still."""
    world = World(ready_delay=70.0)
    suites = AskingSuites(world, [])
    app = replace(PLAIN, trial=replace(PLAIN.trial, timings=a_trial(ready=120.0).timings))

    ended = a_driver(world, suites).begin(a_release(world, suites, app))

    assert ended.outcome is Outcome.PROMOTED
    assert world.deployments["orders"].image == "shop/orders:1.1"


def test_a_stable_that_is_scaled_to_zero_is_not_promoted_and_the_way_back_completes() -> None:
    """p14: KEDA, a person, a shutdown at night."""
    world = WeightlessWorld()
    release = a_promotion(world)
    context = a_context(world, release, MemoryWorkloadReader(world), Scaling(world))

    promoted, restored = promote_stable(context), restore_stable(context)

    assert promoted.verdict is Verdict.CONFLICT
    assert "orders was scaled to 0 by someone else" in promoted.text
    assert restored.verdict is Verdict.PASS
    assert world.deployments["orders"].image == release.before


def test_a_release_whose_images_a_webhook_pins_is_promoted() -> None:
    """k11: no image is as it was written, and nobody changed one."""
    world = World()
    suites = AskingSuites(world, [])
    driver = a_driver(world, suites)
    driver = Driver(replace(driver.ports, workload_writer=PinningWriter(world)), driver.holder)

    ended = driver.begin(a_release(world, suites, PLAIN))

    assert ended.outcome is Outcome.PROMOTED
    assert world.deployments["orders"].image == f"shop/orders:1.1{DIGEST}"


def test_a_tag_that_stable_has_with_another_digest_is_still_written() -> None:
    """k11: that a pinned image counts as its tag must not make a promotion of the same tag write nothing."""
    world = World()
    release = replace(a_promotion(world), before=f"shop/orders:1.1{DIGEST}")
    world.deployments["orders"].image = release.before
    world.deployments["orders"].pods = [Pod(f"orders-{one}", release.before, -1000.0) for one in "ab"]

    promote_stable(a_context(world, release, MemoryWorkloadReader(world), MemoryWorkloadWriter(world)))

    assert world.deployments["orders"].image == "shop/orders:1.1"


def test_a_canary_whose_last_pod_is_on_a_lost_node_is_stopped() -> None:
    """t01: its Endpoints are gone; a person would have nothing to do but to wait for the node."""
    world = World()
    reader = Seen(world, "orders-canary", ghosts=(GHOST,))

    found = stop_canary(a_context(world, a_promotion(world), reader, MemoryWorkloadWriter(world)))

    assert found.verdict is Verdict.PASS
    assert f"Pod {GHOST} is still terminating" in found.text


def test_a_canary_whose_pods_end_slowly_is_stopped() -> None:
    """A grace period that is longer than timings.ready: the Pods end by themselves, and get no requests."""
    world = World()
    reader = Seen(world, "orders-canary", pods=("orders-canary-x",), ending=1)

    found = stop_canary(a_context(world, a_promotion(world), reader, MemoryWorkloadWriter(world)))

    assert found.verdict is Verdict.PASS
    assert "1 of its Pods are still ending" in found.text


def test_a_canary_with_a_pod_that_nobody_ends_is_not_stopped() -> None:
    world = World()
    reader = Seen(world, "orders-canary", pods=("orders-canary-x",))

    with pytest.raises(DeadlineExceeded, match="still has 1 pods"):
        stop_canary(a_context(world, a_promotion(world), reader, MemoryWorkloadWriter(world)))


@pytest.mark.parametrize("name", ["orders", "orders-canary"])
def test_preflight_passes_with_a_note_where_a_pod_is_left_on_a_lost_node(name: str) -> None:
    """k05."""
    world = World()
    checks = preflight(outside(world, Seen(world, name, ghosts=(GHOST,)), MemoryWorkloadWriter(world)), fresh(world))

    [check] = [check for check in checks if check.name == ("stable" if name == "orders" else "canary")]
    assert check.fault is None
    assert f"Pod {GHOST} is still terminating" in check.detail


def test_preflight_says_that_pods_of_the_last_canary_are_still_ending() -> None:
    world = World()
    reader = Seen(world, "orders-canary", pods=("orders-canary-x",), ending=1)
    checks = preflight(outside(world, reader, MemoryWorkloadWriter(world)), fresh(world))

    [check] = [check for check in checks if check.name == "canary"]
    assert isinstance(check.fault, Conflict)
    assert "1 Pods of orders-canary are still ending" in check.detail


def fresh(world: World) -> Release:
    return a_release(world, AskingSuites(world, []), PLAIN)


class Unschedulable(MemoryWorkloadReader):
    """The first look at stable's new Pods finds one without a node."""

    seen = 0

    def read(self, name: str) -> Workload:
        now = super().read(name)
        if name != "orders" or now.image == "shop/orders:1.0" or self.seen > 30:
            return now
        self.seen += 1
        return replace(now, trouble=Trouble("0/3 nodes are available", TroubleKind.PASSING))


def test_a_surge_pod_without_a_node_for_a_moment_does_not_fail_a_promotion() -> None:
    """k02, t02."""
    world = World()
    context = a_context(world, a_promotion(world), Unschedulable(world), MemoryWorkloadWriter(world))

    assert promote_stable(context).verdict is Verdict.PASS
    assert restore_stable(context).verdict is Verdict.PASS


class Away(MemoryWorkloadReader):
    """Deployments of which the last part of a rollout cannot be read for `away` seconds."""

    away = 10.0

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.since: float | None = None

    def read(self, name: str) -> Workload:
        now = super().read(name)
        if now.image == "shop/orders:1.1" and not now.complete:
            self.since = self.world.time if self.since is None else self.since
        if self.since is not None and self.world.time < self.since + self.away:
            raise Transient("cannot reach the Kubernetes API server: Connection refused")
        return now


def test_a_rollout_that_cannot_be_read_for_a_moment_is_looked_at_again() -> None:
    world = World()
    context = a_context(world, a_promotion(world), Away(world), MemoryWorkloadWriter(world))

    assert promote_stable(context).verdict is Verdict.PASS


def test_a_rollout_that_cannot_be_read_any_more_is_no_fault_of_the_image() -> None:
    world = World()
    reader = Away(world)
    reader.away = 1000.0

    with pytest.raises(EnvironmentFailed, match="cannot reach"):
        promote_stable(a_context(world, a_promotion(world), reader, MemoryWorkloadWriter(world)))


class WithoutRoom(MemoryWorkloadReader):
    """No node ever has room for a new Pod of stable."""

    def read(self, name: str) -> Workload:
        found = super().read(name)
        if name != "orders" or found.image == "shop/orders:1.0":
            return found
        trouble = Trouble("orders: 0/3 nodes are available", TroubleKind.PASSING)
        return replace(found, updated=1, ready=0, available=0, others=2, trouble=trouble)


def test_a_cluster_without_room_is_no_fault_of_the_image() -> None:
    """Of the kind of k02: what it waits for may come, and when it does not, the platform failed."""
    world = WeightlessWorld()
    context = a_context(world, a_promotion(world), WithoutRoom(world), MemoryWorkloadWriter(world))

    with pytest.raises(EnvironmentFailed, match=r"made no progress for 20 s.*0/3 nodes are available"):
        promote_stable(context)
