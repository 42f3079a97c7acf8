"""A command means one release, by its id, and one gateway, the one that the release froze when it started."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest

from gatewayctl.cli.inspect import find_routed_release
from gatewayctl.domain.errors import Busy, Conflict, Drifted, NeedsPerson, Superseded, UsageFault
from gatewayctl.domain.leftovers import LeftoverKind
from gatewayctl.domain.lifecycle import PromoteAsked, Resumed, SmokeAsked
from gatewayctl.domain.load_result import LoadResult
from gatewayctl.domain.place import GatewayLocation
from gatewayctl.domain.platform import Holder, Workload
from gatewayctl.domain.release import Mode, Outcome, Phase, Record, Release
from gatewayctl.domain.smoke import LoadRun
from gatewayctl.domain.trial import Trial
from gatewayctl.orchestration.driver import Driver
from gatewayctl.orchestration.planning import check_drift, plan
from gatewayctl.orchestration.survey import survey
from gatewayctl.orchestration.sweep import clean, look
from gatewayctl.ports import Tick
from tests.fakes.memory import MemoryLeases, MemoryWorkloadWriter
from tests.fakes.shop import ORDERS, PLACE, AskingSuites, a_driver, a_release, a_trial, ports
from tests.fakes.world import ROUTES, Killed, World
from tests.orchestration.interference import when

PLAIN = replace(ORDERS, trial=Trial(timings=ORDERS.trial.timings))
"""Its pipeline tests it elsewhere, so nothing but its id tells one release from the next."""

Command = Callable[[Driver, str], Release]
COMMANDS: dict[str, Command] = {
    "promote": lambda driver, wanted: driver.send("orders", PromoteAsked(), wanted),
    "resume": lambda driver, wanted: driver.send("orders", Resumed(), wanted),
    "smoke": lambda driver, wanted: driver.send("orders", SmokeAsked(), wanted),
    "abort": lambda driver, wanted: driver.abort("orders", "no", wanted),
}
every_command = pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)


def a_shop() -> tuple[World, AskingSuites]:
    world = World()
    return world, AskingSuites(world, [])


def begin(world: World, suites: AskingSuites, name: str, pid: int) -> Release:
    """A release called `name` that waits for its pipeline."""
    drafted = replace(a_release(world, suites, PLAIN, Mode.STAGED), id=name, image=f"shop/orders:{name}")
    return a_driver(world, suites, pid).begin(drafted)


def replace_release(world: World, suites: AskingSuites) -> None:
    """Somebody aborts what is open, and somebody else starts r-bbb."""
    a_driver(world, suites, 2).abort("orders", "on call")
    begin(world, suites, "r-bbb", 3)


# -- one release -------------------------------------------------------------------------------------------------------


@every_command
def test_a_command_for_a_release_that_was_replaced_does_nothing_to_the_new_one(command):
    """p03: a pipeline's `promote` made somebody else's untested image stable."""
    world, suites = a_shop()
    begin(world, suites, "r-aaa", 1)
    replace_release(world, suites)
    writes = world.writes

    with pytest.raises(Superseded, match=r"release r-aaa of orders has ended, it was aborted.*r-bbb .*started by ci"):
        command(a_driver(world, suites, 4), "r-aaa")

    assert world.writes == writes
    assert world.records["orders"].release.id == "r-bbb"
    assert world.deployments["orders"].image == "shop/orders:1.0"


@every_command
def test_without_an_id_a_command_means_the_release_that_was_open_when_it_started(command):
    """p03 without an id: the releases change between the first look and the lease, or the write of an abort."""
    world, suites = a_shop()
    begin(world, suites, "r-aaa", 1)
    driver = a_driver(world, suites, 4)
    journal, first = driver.ports.journal, []

    class ChangesHandsAfterTheFirstLook(type(journal)):  # type: ignore[misc]
        def load(self, app: str):
            found = super().load(app)
            if not first:
                first.append(found)
                replace_release(world, suites)
            return found

    changing = replace(driver, ports=replace(driver.ports, journal=ChangesHandsAfterTheFirstLook(world)))
    with pytest.raises(Superseded, match=r"r-aaa.*r-bbb"):
        command(changing, "")

    assert world.records["orders"].release.outcome is Outcome.OPEN
    assert world.records["orders"].release.phase is Phase.WAIT


@every_command
def test_a_command_for_an_id_that_never_was_says_so(command):
    world, suites = a_shop()
    with pytest.raises(UsageFault, match="orders has no release r-typo, and none in progress"):
        command(a_driver(world, suites), "r-typo")

    begin(world, suites, "r-aaa", 1)
    with pytest.raises(Superseded, match="r-typo of orders is not the one in progress; in progress is r-aaa"):
        command(a_driver(world, suites), "r-typo")


def test_a_command_with_the_id_of_the_open_release_acts_on_it():
    world, suites = a_shop()
    begin(world, suites, "r-aaa", 1)

    ended = a_driver(world, suites, 2).send("orders", PromoteAsked(), "r-aaa")

    assert (ended.id, ended.outcome) == ("r-aaa", Outcome.PROMOTED)


def test_an_abort_that_another_process_completed_is_not_a_conflict():
    world, suites = a_shop()
    begin(world, suites, "r-aaa", 1)

    class SomebodyElseIsQuicker(MemoryLeases):
        used = False

        def acquire(self, app: str, holder: Holder) -> None:
            if not self.used:
                self.used = True
                a_driver(world, suites, 2).send("orders", Resumed())
                begin(world, suites, "r-bbb", 3)
            super().acquire(app, holder)

    driver = a_driver(world, suites, 4)
    ended = replace(driver, ports=replace(driver.ports, leases=SomebodyElseIsQuicker(world))).abort("orders", "no")

    assert (ended.id, ended.outcome) == ("r-aaa", Outcome.ABORTED)
    assert world.records["orders"].release.id == "r-bbb"


# -- sweep -------------------------------------------------------------------------------------------------------------


def an_expired(world: World, suites: AskingSuites) -> Release:
    waiting = begin(world, suites, "r-aaa", 1)
    world.time += 3700.0
    return waiting


def test_sweep_touches_only_the_release_that_it_looked_at():
    """p04: the expired release was aborted by a person, and sweep aborted the one that began after it."""
    world, suites = a_shop()
    an_expired(world, suites)
    sweeper = a_driver(world, suites, 9)
    found = look(sweeper.ports, PLAIN)
    assert found
    assert (found.kind, found.release) == (LeftoverKind.EXPIRED, "r-aaa")
    replace_release(world, suites)

    with pytest.raises(Superseded, match=r"r-aaa.*r-bbb"):
        clean(sweeper, PLAIN, found)

    assert world.records["orders"].release.outcome is Outcome.OPEN


def test_sweep_leaves_a_release_to_the_process_that_took_it_up_since_the_look():
    """p04, the same kind: what was seen without a holder has one by now."""
    world, suites = a_shop()
    an_expired(world, suites)
    sweeper = a_driver(world, suites, 9)
    found = look(sweeper.ports, PLAIN)
    assert found
    sweeper.ports.leases.acquire("orders", Holder("on-call", "elsewhere", 7, world.wall()))

    with pytest.raises(Busy, match="held by on-call"):
        clean(sweeper, PLAIN, found)

    assert world.records["orders"].release.phase is Phase.WAIT


# -- expiry ------------------------------------------------------------------------------------------------------------


def test_the_time_to_live_of_a_saved_plan_starts_when_it_is_carried_out():
    """p06: a plan that was read over lunch had expired before it began."""
    world, suites = a_shop()
    drafted = a_release(world, suites, PLAIN, Mode.MANUAL)
    world.time += 2 * 3600.0

    waiting = a_driver(world, suites).begin(replace(drafted, place=None))  # as in a plan of an earlier version

    assert waiting.place == PLACE
    assert waiting.created == pytest.approx(world.wall(), abs=60.0)
    assert waiting.expires == waiting.created + 3600.0
    assert a_driver(world, suites, 2).send("orders", PromoteAsked()).outcome is Outcome.PROMOTED


def test_a_plan_is_carried_out_once():
    """p06b: the second use took the place of the first in the history."""
    world, suites = a_shop()
    drafted = a_release(world, suites, PLAIN, Mode.MANUAL)
    saved = plan(ports(world, suites), drafted)
    a_driver(world, suites, 1).begin(drafted)
    a_driver(world, suites, 2).abort("orders", "first attempt")

    for use in (lambda: check_drift(ports(world, suites), saved), lambda: a_driver(world, suites, 3).begin(drafted)):
        with pytest.raises(Drifted, match=rf"{drafted.id} was used before: it was aborted") as caught:
            use()
        assert "gatewayctl plan orders --image shop/orders:1.1 --save FILE" in caught.value.hint

    assert [(one.id, one.outcome) for one in ports(world, suites).journal.history("orders")] == [
        (drafted.id, Outcome.ABORTED)
    ]


class DiesBeforeStable(MemoryWorkloadWriter):
    """Its process dies right before it writes stable."""

    def change(self, expected: Workload, *, image: str | None = None, replicas: int | None = None) -> Workload:
        if expected.name == "orders":
            raise Killed("right before the write to stable")
        return super().change(expected, image=image, replicas=replicas)


def a_dead_promotion() -> tuple[World, AskingSuites]:
    """A release whose process died in *promote*, before it touched stable."""
    world, suites = a_shop()
    driver = a_driver(world, suites, 1)
    with pytest.raises(Killed):
        replace(driver, ports=replace(driver.ports, workload_writer=DiesBeforeStable(world))).begin(
            a_release(world, suites)
        )
    assert world.records["orders"].release.phase is Phase.PROMOTE
    world.dead.add(1)
    return world, suites


def stop_canary(world: World) -> None:
    """Somebody outside scales the canary to 0 under the live rule."""
    world.standing = True  # the world's own alarm for that, off
    world.deployments["orders-canary"].replicas = 0
    world.deployments["orders-canary"].version += 1
    world.sleep(10.0)


@pytest.mark.parametrize("event", [Resumed(), PromoteAsked()], ids=["resume", "promote"])
def test_a_promotion_taken_up_before_stable_was_touched_proves_the_canary_again(event):
    """p07: nothing was proven, and a canary that was gone was made stable."""
    world, suites = a_dead_promotion()
    stop_canary(world)

    ended = a_driver(world, suites, 2).send("orders", event)

    assert (ended.phase, ended.outcome) == (Phase.DONE, Outcome.REJECTED)
    assert world.deployments["orders"].image == "shop/orders:1.0"
    assert world.published[-1][1][0].text == ROUTES


@pytest.mark.parametrize("event", [Resumed(), PromoteAsked()], ids=["resume", "promote"])
def test_a_promotion_taken_up_while_its_canary_is_good_is_completed(event):
    world, suites = a_dead_promotion()

    ended = a_driver(world, suites, 2).send("orders", event)

    passed = [note.phase for note in ended.notes if note.mark == "✓"]
    assert (ended.outcome, passed.count(Phase.CONFIRM)) == (Outcome.PROMOTED, 2)


@pytest.mark.parametrize("event", [Resumed(), PromoteAsked()], ids=["resume", "promote"])
def test_a_promotion_taken_up_after_its_release_expired_goes_back(event):
    """p07: three days later it promoted."""
    world, suites = a_dead_promotion()
    world.time += 3 * 86400.0

    ended = a_driver(world, suites, 2).send("orders", event)

    assert (ended.phase, ended.outcome) == (Phase.DONE, Outcome.ABORTED)
    assert "expired" in ended.reason
    assert world.deployments["orders"].image == "shop/orders:1.0"
    assert world.published[-1][1][0].text == ROUTES


def test_stable_is_restored_when_the_process_before_wrote_it_after_all():
    """The one that died in *promote* was only paused: it writes stable after the other went back to *confirm*."""
    world, suites = a_dead_promotion()
    stop_canary(world)
    second = a_driver(world, suites, 2)

    class ThenTheFirstWakesUp(type(second.ports.journal)):  # type: ignore[misc]
        def save(self, app: str, release: Release, expected: int):
            saved = super().save(app, release, expected)
            if release.phase is Phase.CONFIRM:
                stable = second.ports.workloads.read("orders")
                second.ports.workload_writer.change(stable, image="shop/orders:1.1")
            return saved

    ended = replace(second, ports=replace(second.ports, journal=ThenTheFirstWakesUp(world))).send("orders", Resumed())

    assert (ended.phase, ended.outcome) == (Phase.DONE, Outcome.REJECTED)
    assert world.deployments["orders"].image == "shop/orders:1.0"


@pytest.mark.parametrize("event", [Resumed(), PromoteAsked()], ids=["resume", "promote"])
def test_a_promotion_that_slept_before_its_write_lands_in_no_later_phase(event):
    """Seed 4123: another process went back to *confirm*, and then stable got the new image."""
    world, suites = a_shop()
    confirming = [False]

    def take_up() -> None:
        world.dead.add(1)  # its lease ran out while it slept
        second = a_driver(world, suites, 2)
        journal = type(second.ports.journal)

        class ThenTheFirstWakesUp(journal):  # type: ignore[misc,valid-type]
            def save(self, app: str, release: Release, expected: int):
                saved = super().save(app, release, expected)
                if release.phase is Phase.CONFIRM:
                    confirming[0] = True
                    raise Killed("it dies, and the first one wakes up")
                return saved

        with pytest.raises(Killed):
            replace(second, ports=replace(second.ports, journal=ThenTheFirstWakesUp(world))).send("orders", event)

    when(world, "before change orders shop/orders:1.1", take_up)
    with pytest.raises(Superseded):
        a_driver(world, suites, 1).begin(a_release(world, suites))

    assert confirming == [True]
    assert world.records["orders"].release.phase is Phase.CONFIRM
    assert world.deployments["orders"].image == "shop/orders:1.0"


class LongLoad(AskingSuites):
    """A load that takes a minute."""

    def load(self, run: LoadRun, tick: Tick) -> LoadResult:
        self.world.sleep(60.0)
        return super().load(run, tick)


def test_a_release_that_expires_while_its_suites_run_is_not_promoted():
    world = World()
    suites = LongLoad(world, [])
    app = replace(ORDERS, trial=a_trial(time_to_live=50.0))

    ended = a_driver(world, suites).begin(a_release(world, suites, app))

    assert (ended.phase, ended.outcome) == (Phase.DONE, Outcome.ABORTED)
    assert "expired" in ended.reason
    assert world.deployments["orders"].image == "shop/orders:1.0"


def test_expiry_is_read_once_the_lease_is_held():
    """A promote that waits between its first look and the lease does not act on what it looked at."""
    world, suites = a_shop()
    begin(world, suites, "r-aaa", 1)

    class Slow(MemoryLeases):
        def acquire(self, app: str, holder: Holder) -> None:
            world.time += 3700.0
            super().acquire(app, holder)

    driver = a_driver(world, suites, 2)
    with pytest.raises(UsageFault, match="has expired"):
        replace(driver, ports=replace(driver.ports, leases=Slow(world))).send("orders", PromoteAsked())

    assert world.deployments["orders"].image == "shop/orders:1.0"


def test_expiry_is_read_again_once_the_release_is_taken_up():
    """A promote that sleeps right before it writes has looked at the time too early."""
    world, suites = a_shop()
    begin(world, suites, "r-aaa", 1)

    class Sleepy(MemoryLeases):
        def renew(self, app: str, holder: Holder) -> None:
            world.time += 3700.0
            super().renew(app, holder)

    driver = a_driver(world, suites, 2)
    with pytest.raises(UsageFault, match="has expired"):
        replace(driver, ports=replace(driver.ports, leases=Sleepy(world))).send("orders", PromoteAsked())

    assert world.records["orders"].release.phase is Phase.WAIT


# -- one gateway -------------------------------------------------------------------------------------------------------

OTHER = GatewayLocation("toy", "gateway", "app=other-gateway", ("other.txt",))


def with_place(driver: Driver, place: GatewayLocation) -> Driver:
    return replace(driver, ports=replace(driver.ports, gateway=replace(driver.ports.gateway, place=place)))


@every_command
def test_a_command_with_the_configuration_of_another_gateway_is_refused_and_changes_nothing(command):
    """p08: an abort "cleared" the wrong gateway, and stopped the canary under a live rule."""
    world, suites = a_shop()
    waiting = begin(world, suites, "r-aaa", 1)
    writes = world.writes

    with pytest.raises(Conflict, match=r"app=gateway.*routes\.txt.*app=other-gateway.*other\.txt") as caught:
        command(with_place(a_driver(world, suites, 2), OTHER), "")

    assert "--namespace" in caught.value.hint
    assert (waiting.place, world.writes) == (PLACE, writes)
    assert world.records["orders"].release.phase is Phase.WAIT


@every_command
def test_a_command_with_a_configuration_that_names_another_container_is_refused(command):
    """p08, the same kind: the image of a sidecar would be read and written."""
    world, suites = a_shop()
    begin(world, suites, "r-aaa", 1)
    elsewhere = replace(a_driver(world, suites, 2), apps={"orders": replace(PLAIN, container="sidecar")})
    writes = world.writes

    with pytest.raises(Conflict, match=r"begun with no container named; this gatewayctl\.yaml names container sidecar"):
        command(elsewhere, "")

    assert world.writes == writes


def test_status_with_the_configuration_of_another_gateway_says_so():
    """p08, the same kind: it showed the replicas of a gateway that the release has nothing to do with."""
    world, suites = a_shop()
    begin(world, suites, "r-aaa", 1)

    assert survey(ports(world, suites), ORDERS.target).faults == ()
    (fault,) = survey(with_place(a_driver(world, suites), OTHER).ports, ORDERS.target).faults
    assert "goes through toy in gateway (app=gateway)" in fault
    assert "--namespace" in fault


def test_curl_and_verify_with_the_configuration_of_another_gateway_are_refused():
    """p08, the same kind: a rule of the other gateway would be proven, or its absence told."""
    world, suites = a_shop()
    release = begin(world, suites, "r-aaa", 1)

    assert find_routed_release(SimpleNamespace(ports=ports(world, suites)), "orders").id == release.id
    with pytest.raises(Conflict, match="goes through toy in gateway"):
        find_routed_release(SimpleNamespace(ports=with_place(a_driver(world, suites), OTHER).ports), "orders")


def test_a_plan_made_for_another_gateway_is_refused():
    world, suites = a_shop()
    drafted = a_release(world, suites, PLAIN)
    saved = plan(ports(world, suites), drafted)
    elsewhere = with_place(a_driver(world, suites), OTHER)

    with pytest.raises(Conflict, match=r"routes\.txt.*other\.txt"):
        check_drift(elsewhere.ports, saved)
    with pytest.raises(Conflict, match=r"routes\.txt.*other\.txt"):
        elsewhere.begin(drafted)

    assert world.writes == 0


@every_command
def test_a_release_of_a_version_that_wrote_no_place_is_accepted(command):
    world, suites = a_shop()
    app = replace(ORDERS, trial=replace(ORDERS.trial, load=None))
    waiting = a_driver(world, suites, 1).begin(a_release(world, suites, app, Mode.MANUAL))
    world.records["orders"] = Record(replace(waiting, place=None), world.records["orders"].version)

    assert command(with_place(a_driver(world, suites, 2), OTHER), "").outcome is not Outcome.FAILED


# -- the journal is gone -----------------------------------------------------------------------------------------------


@every_command
def test_where_the_journal_is_gone_a_command_says_what_is_live_and_offers_sweep(command):
    """q22: `abort` said "no release" while our rule and canary were live."""
    world, suites = a_shop()
    begin(world, suites, "r-aaa", 1)
    del world.records["orders"]

    with pytest.raises(NeedsPerson) as caught:
        command(a_driver(world, suites, 2), "")

    said = str(caught.value)
    assert "orders has no release in progress, but a rule of gatewayctl is live: routes.txt:" in said
    assert "orders-canary runs 1 × shop/orders:r-aaa" in said
    assert caught.value.hint.startswith("gatewayctl sweep orders")


def test_where_the_journal_is_gone_a_canary_that_runs_alone_is_told():
    world, suites = a_shop()
    driver = a_driver(world, suites)
    driver.ports.workload_writer.change(driver.ports.workloads.read("orders-canary"), replicas=1)

    with pytest.raises(UsageFault, match=r"orders has no release in progress; orders-canary runs 1 × shop/orders:1\.0"):
        driver.abort("orders", "no")


def test_a_gateway_that_cannot_be_read_does_not_hide_that_there_is_no_release():
    world, suites = a_shop()
    driver = a_driver(world, suites)
    del world.deployments["orders-canary"]

    with pytest.raises(UsageFault, match="no release in progress; whether its rule is live could not be seen") as fault:
        driver.abort("orders", "no")
    assert fault.value.hint == "is this the right gatewayctl.yaml? name it with --config"
