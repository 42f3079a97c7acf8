"""When a write needs a look at the journal: what may have been read after a takeover does, all the rest does not."""

from dataclasses import dataclass, field, replace

import pytest

from gatewayctl.domain.errors import StaleWrite, Superseded
from gatewayctl.domain.lifecycle import PromoteAsked
from gatewayctl.domain.release import Mode, Outcome, Record, Release
from gatewayctl.orchestration.context import Fence, StepContext
from gatewayctl.ports import Journal
from tests.fakes.memory import MemoryJournal, MemoryWorkloadReader, MemoryWorkloadWriter
from tests.fakes.shop import AskingSuites, a_driver, a_release, ports
from tests.fakes.world import World


@dataclass
class CountingJournal:
    """ports.Journal that knows how often it was read for certain."""

    inner: Journal
    loads: list[str] = field(default_factory=list)
    staleness: float = 0.0

    def load(self, app: str) -> Record | None:
        self.loads.append(app)
        return self.inner.load(app)

    def save(self, app: str, release: Release, expected: int) -> Record:
        return self.inner.save(app, release, expected)

    def has_moved(self, app: str, version: int) -> bool:
        return self.inner.has_moved(app, version)

    def history(self, app: str) -> tuple[Release, ...]:
        return self.inner.history(app)


def a_world() -> tuple[World, AskingSuites]:
    world = World()
    return world, AskingSuites(world, [])


def test_an_undisturbed_release_reads_the_journal_once():
    world, suites = a_world()
    release = a_release(world, suites)
    driver = a_driver(world, suites)
    journal = CountingJournal(MemoryJournal(world))

    ended = replace(driver, ports=replace(driver.ports, journal=journal)).begin(release)

    assert ended.outcome is Outcome.PROMOTED
    assert journal.loads == ["orders"]


def test_routes_that_somebody_wrote_since_the_start_are_written_only_after_a_look_at_the_journal():
    world, suites = a_world()
    release = a_release(world, suites)
    driver = a_driver(world, suites)
    journal, burn = CountingJournal(MemoryJournal(world)), world.burn

    def burn_and_write(what: str) -> None:
        if what == "before journal route":
            world.store_version += 1
        burn(what)

    world.burn = burn_and_write  # type: ignore[method-assign]
    ended = replace(driver, ports=replace(driver.ports, journal=journal)).begin(release)

    assert ended.outcome is Outcome.PROMOTED
    assert journal.loads == ["orders", "orders"]


def test_who_takes_a_release_up_trusts_nothing_that_was_read_before():
    world, suites = a_world()
    a_driver(world, suites).begin(a_release(world, suites, mode=Mode.MANUAL))
    driver = a_driver(world, suites, pid=2)
    journal = CountingJournal(MemoryJournal(world))

    ended = replace(driver, ports=replace(driver.ports, journal=journal)).send("orders", PromoteAsked())

    assert ended.outcome is Outcome.PROMOTED
    # The release that is meant, the same with the lease held; then before stable, the routes and the canary.
    assert journal.loads == ["orders"] * 5


def raise_superseded() -> None:
    raise Superseded("somebody moved it on")


def a_context(world: World, suites: AskingSuites, known: dict[str, str]) -> StepContext:
    """A step of a process whose release was taken over, and that has not noticed."""
    fence = Fence(raise_superseded, lambda: None, known)
    return StepContext(ports(world, suites), a_release(world, suites), fence, lambda _: None)


def test_what_was_read_after_a_takeover_is_never_written():
    world, suites = a_world()
    before = MemoryWorkloadReader(world).read("orders")
    context = a_context(world, suites, {"orders": before.version})
    MemoryWorkloadWriter(world).change(before)  # the one who took over writes it once more
    now = context.ports.workloads.read("orders")

    with pytest.raises(Superseded):
        context.change(now, image="shop/orders:1.1")

    assert MemoryWorkloadReader(world).read("orders") == now


def test_what_was_read_before_a_takeover_loses_the_swap():
    world, suites = a_world()
    before = MemoryWorkloadReader(world).read("orders")
    context = a_context(world, suites, {"orders": before.version})
    now = MemoryWorkloadWriter(world).change(before)

    with pytest.raises(StaleWrite):
        context.change(before, image="shop/orders:1.1")

    assert MemoryWorkloadReader(world).read("orders").image == now.image


def test_a_write_of_ours_is_known_and_so_is_what_it_made():
    world, suites = a_world()
    before = MemoryWorkloadReader(world).read("orders-canary")
    context = a_context(world, suites, {"orders-canary": before.version})

    started = context.change(before, replicas=1)
    stopped = context.change(started, replicas=0)

    assert (started.replicas, stopped.replicas) == (1, 0)
