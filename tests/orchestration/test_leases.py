"""Who has the lease drives; what becomes of it when its own calls fail, or when its holder sleeps too long."""

from dataclasses import dataclass, field, replace

import pytest

from gatewayctl.domain.errors import Busy, EnvironmentFailed, Transient
from gatewayctl.domain.lifecycle import Resumed
from gatewayctl.domain.platform import Holder
from gatewayctl.domain.release import Mode, Outcome, Phase, Record, Release
from gatewayctl.orchestration.driver import Driver
from tests.fakes.memory import MemoryJournal, MemoryLeases
from tests.fakes.shop import AskingSuites, a_driver, a_release
from tests.fakes.world import World


@dataclass
class LossyLeases(MemoryLeases):
    """ports.Leases whose answers to `losing` never come home; what was asked for is done."""

    world: World
    losing: str
    asked: list[str] = field(default_factory=list)

    def acquire(self, app: str, holder: Holder) -> None:
        super().acquire(app, holder)
        self._lose("acquire")

    def release(self, app: str, holder: Holder) -> None:
        super().release(app, holder)
        self._lose("release")

    def _lose(self, what: str) -> None:
        self.asked.append(what)
        if what == self.losing:
            raise EnvironmentFailed("no answer")


@dataclass
class SlowJournal(MemoryJournal):
    """ports.Journal whose reader falls asleep, right after reading, until its lease is another one's."""

    world: World
    follower: Holder

    def load(self, app: str) -> Record | None:
        record = super().load(app)
        self.world.sleep(70.0)
        MemoryLeases(self.world).acquire(app, self.follower)
        return record


def a_started() -> tuple[World, Driver, Driver]:
    """A world with a release that waits, and two processes."""
    world = World()
    suites = AskingSuites(world, [])
    a_driver(world, suites).begin(a_release(world, suites, mode=Mode.MANUAL))
    return world, a_driver(world, suites, pid=2), a_driver(world, suites, pid=3)


def with_slow_journal(driver: Driver, world: World, follower: Holder) -> Driver:
    """The same process with a journal that it reads too slowly."""
    return replace(driver, ports=replace(driver.ports, journal=SlowJournal(world, follower)))


def test_a_lease_that_was_taken_although_the_answer_got_lost_is_given_back():
    world, driver, other = a_started()
    leases = LossyLeases(world, "acquire")

    with pytest.raises(EnvironmentFailed, match="no answer"):
        replace(driver, ports=replace(driver.ports, leases=leases)).send("orders", Resumed())

    assert leases.asked == ["acquire", "release"]
    assert other.send("orders", Resumed()).phase is Phase.WAIT


def test_a_lease_that_cannot_be_given_back_does_not_change_how_a_release_ended():
    world, driver, _ = a_started()
    leases = LossyLeases(world, "release")

    ended = replace(driver, ports=replace(driver.ports, leases=leases)).abort("orders", "no")

    assert (ended.outcome, leases.asked) == (Outcome.ABORTED, ["acquire", "release"])


def test_who_slept_between_reading_and_taking_up_a_release_does_not_disturb_who_followed():
    world, driver, other = a_started()
    version = world.records["orders"].version

    with pytest.raises(Busy):
        with_slow_journal(driver, world, other.holder).send("orders", Resumed())

    assert world.records["orders"].version == version
    assert world.holders["orders"] == other.holder


def test_who_slept_before_its_first_record_does_not_begin_in_another_ones_place():
    world = World()
    suites = AskingSuites(world, [])
    release = a_release(world, suites)
    follower = a_driver(world, suites, pid=2).holder

    with pytest.raises(Busy):
        with_slow_journal(a_driver(world, suites), world, follower).begin(release)

    assert (world.records, world.holders) == ({}, {"orders": follower})


@dataclass
class OvertakenJournal(MemoryJournal):
    """ports.Journal whose last answer gets lost, and before it is asked again the next release has begun."""

    world: World
    following: Release

    def save(self, app: str, release: Release, expected: int) -> Record:
        record = super().save(app, release, expected)
        if release.ended:
            super().save(app, self.following, record.version)
            raise Transient("no answer")
        return record


def test_a_release_whose_last_answer_got_lost_has_ended_even_if_the_next_one_has_begun_since():
    world, driver, _ = a_started()
    following = replace(world.records["orders"].release, id="r-next", notes=())

    overtaken = replace(driver, ports=replace(driver.ports, journal=OvertakenJournal(world, following)))
    ended = overtaken.abort("orders", "no")

    assert (ended.outcome, ended.phase) == (Outcome.ABORTED, Phase.DONE)
    assert world.records["orders"].release == following


@dataclass
class BusyLeases(MemoryLeases):
    """ports.Leases of which others hold one until `free`; `taken` is when the second of them took it (seconds)."""

    world: World
    taken: float
    free: float

    def acquire(self, app: str, holder: Holder) -> None:
        if self.world.time < self.free:
            raise Busy(f"{app} is held by {'the one who drove it' if self.world.time < self.taken else 'a colleague'}")
        super().acquire(app, holder)


@pytest.mark.parametrize(("taken", "free", "ends"), [(50.0, 90.0, True), (0.0, 90.0, False), (50.0, 120.0, False)])
def test_an_abort_gives_time_anew_to_who_took_the_release_over_while_it_waited(taken, free, ends):
    """A driver that died keeps its lease for 45 s; who takes it over then has a whole way out to go."""
    world, driver, _ = a_started()
    world.holders.clear()
    now = world.time
    leases = BusyLeases(world, now + taken, now + free)
    waiting = replace(driver, ports=replace(driver.ports, leases=leases))

    if ends:
        assert waiting.abort("orders", "no").outcome is Outcome.ABORTED
    else:
        with pytest.raises(EnvironmentFailed, match="waited 60 s for the process that drives orders to let go"):
            waiting.abort("orders", "no")
