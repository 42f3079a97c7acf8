"""Trouble that passes costs time, and never a release: an API server that is away, ports that fail once."""

import re
from dataclasses import dataclass, replace

import pytest

from gatewayctl.domain.apps import AppSpec
from gatewayctl.domain.errors import Busy, EnvironmentFailed, Superseded, Transient
from gatewayctl.domain.lifecycle import AbortAsked, advance
from gatewayctl.domain.load_result import LoadResult
from gatewayctl.domain.platform import Holder, Replica, RuleProof, Workload
from gatewayctl.domain.ramp import Promotion, Ramp, Step
from gatewayctl.domain.release import Mode, Outcome, Phase, Record, Release
from gatewayctl.domain.routing import CanaryRule
from gatewayctl.domain.smoke import LoadRun
from gatewayctl.orchestration.driver import Driver
from gatewayctl.orchestration.outage import WAY_IN_SECONDS, WAY_OUT_SECONDS
from gatewayctl.ports import Tick
from tests.fakes.memory import MemoryGateway, MemoryJournal, MemoryLeases, MemoryWorkloadReader
from tests.fakes.outage import AtPhase, Outage, with_outage
from tests.fakes.shop import ORDERS, AskingSuites, a_driver, a_release, a_trial
from tests.fakes.world import ROUTES, World
from tests.orchestration.interference import at

IN_AND_OUT = [phase for phase in Phase if phase not in (Phase.PAUSED, Phase.WAIT, Phase.RESTORE, Phase.DONE)]
BEFORE_STABLE = IN_AND_OUT[: IN_AND_OUT.index(Phase.PROMOTE)]
OF_SHARES = (Phase.SHIFT, Phase.SHARE, Phase.OBSERVE, Phase.CARRY, Phase.RETURN)
RAMP = replace(ORDERS.trial, ramp=Ramp((Step(50, 20.0),)), promotion=Promotion.STEERED)


class LongSuites(AskingSuites):
    """A load of a minute, which looks ten times a second as the real one does."""

    def load(self, run: LoadRun, tick: Tick) -> LoadResult:
        for _ in range(600):
            self.world.sleep(0.1)
            tick("loading")
        return super().load(run, tick)


def a_world(mode: Mode = Mode.ON_SUCCESS, app: AppSpec = ORDERS) -> tuple[World, AskingSuites, Release]:
    world = World()
    suites = LongSuites(world, [])
    return world, suites, a_release(world, suites, app, mode)


def an_app_with(phase: Phase) -> AppSpec:
    """Orders, with a ramp where the phase is one of a release that has shares."""
    return replace(ORDERS, trial=RAMP) if phase in OF_SHARES else ORDERS


def with_ports(driver: Driver, **ports: object) -> Driver:
    return Driver(replace(driver.ports, **ports), driver.holder)  # type: ignore[arg-type]


def a_driver_with_outage(world: World, suites: AskingSuites, phase: Phase, outage: Outage) -> tuple[Driver, AtPhase]:
    """A process that loses the API when a phase begins."""
    listener = AtPhase(phase=phase, act=outage.begin)
    driver = a_driver(world, suites)
    return Driver(with_outage(driver.ports, outage, listener), driver.holder), listener


def assert_all_is_back(world: World) -> None:
    assert world.published[-1][1][0].text == ROUTES
    assert world.deployments["orders-canary"].replicas == 0
    assert world.deployments["orders"].image == "shop/orders:1.0"


@pytest.mark.parametrize(
    "outage",
    [(10.0, 10.0), (10.0, 0.0), (40.0, 10.0), (100.0, 10.0)],
    ids=["10 s", "10 s, each request fails at once", "longer than requests are repeated", "longer than a lease lives"],
)
@pytest.mark.parametrize("phase", IN_AND_OUT)
def test_an_api_server_that_is_away_when_a_phase_begins_costs_time_only(phase: Phase, outage: tuple[float, float]):
    """p01."""
    world, suites, release = a_world(app=an_app_with(phase))
    driver, _ = a_driver_with_outage(world, suites, phase, Outage(world, *outage))

    ended = driver.begin(release)

    assert (ended.phase, ended.outcome, ended.stuck) == (Phase.DONE, Outcome.PROMOTED, "")
    assert world.deployments["orders"].image == release.image


@pytest.mark.parametrize("phase", BEFORE_STABLE)
def test_an_interrupt_while_the_api_server_is_away_goes_back_and_ends_aborted(phase: Phase):
    world, suites, release = a_world(app=an_app_with(phase))
    outage = Outage(world, 40.0)

    def interrupt() -> None:
        raise KeyboardInterrupt

    def begin() -> None:
        outage.begin()
        at(world, world.time + 12.0, interrupt)

    driver, listener = a_driver_with_outage(world, suites, phase, outage)
    listener.act = begin

    ended = driver.begin(release)

    assert (ended.phase, ended.outcome) == (Phase.DONE, Outcome.ABORTED)
    assert_all_is_back(world)


@pytest.mark.parametrize("phase", BEFORE_STABLE)
def test_a_second_interrupt_stops_at_once_also_while_the_api_server_is_away(phase: Phase):
    world, suites, release = a_world(app=an_app_with(phase))
    outage = Outage(world, 400.0)

    def interrupt() -> None:
        raise KeyboardInterrupt

    def begin() -> None:
        outage.begin()
        at(world, world.time + 12.0, interrupt)
        at(world, world.time + 20.0, interrupt)

    driver, listener = a_driver_with_outage(world, suites, phase, outage)
    listener.act = begin

    with pytest.raises(KeyboardInterrupt):
        driver.begin(release)

    assert world.time < outage.start + 40.0  # giving back the lease was tried, too


@pytest.mark.parametrize("phase", BEFORE_STABLE)
def test_an_abort_by_somebody_else_during_an_outage_is_heard_soon_after_it(phase: Phase):
    world, suites, release = a_world(app=an_app_with(phase))
    outage = Outage(world, 40.0)

    def journal_an_abort() -> None:
        record = world.records["orders"]
        world.records["orders"] = Record(advance(record.release, AbortAsked("no"))[0], record.version + 1)

    def begin() -> None:
        outage.begin()
        at(world, world.time + 20.0, journal_an_abort)

    driver, listener = a_driver_with_outage(world, suites, phase, outage)
    listener.act = begin
    with pytest.raises(Superseded):
        driver.begin(release)
    assert outage.start is not None
    assert world.time < outage.start + outage.length + 20.0

    assert a_driver(world, suites, pid=2).abort("orders", "no").outcome is Outcome.ABORTED
    assert_all_is_back(world)


def test_an_abort_that_begins_while_the_api_server_is_away_is_done_when_it_is_back():
    world, suites, release = a_world(Mode.MANUAL)
    a_driver(world, suites).begin(release)
    outage = Outage(world, 40.0)
    outage.begin()
    world.sleep(0.1)
    driver = a_driver(world, suites, pid=2)
    calm = Outage(world, 0.0)
    ports = with_outage(driver.ports, outage, driver.ports.listener)
    ports = replace(ports, leases=with_outage(driver.ports, calm, driver.ports.listener).leases)

    ended = Driver(ports, driver.holder).abort("orders", "no")

    assert ended.outcome is Outcome.ABORTED
    assert_all_is_back(world)


def test_what_is_waited_for_and_since_when_is_told():
    world, suites, release = a_world()
    driver, listener = a_driver_with_outage(world, suites, Phase.PROVE, Outage(world, 60.0))

    driver.begin(release)

    told = [line for line in listener.lines if "cannot reach the Kubernetes API server" in line]
    seconds = [int(found[1]) for line in told if (found := re.search(r"waiting for (\d+) s, trying again", line))]
    assert seconds == sorted(seconds)
    assert seconds[-1] > 40


def test_what_stays_away_on_the_way_in_for_minutes_fails_the_release_and_not_the_canary():
    world, suites, release = a_world()
    broken: list[float] = []

    class Gone(MemoryGateway):
        def rule_of(self, replica: Replica, rule: CanaryRule) -> RuleProof:
            if world.records["orders"].release.phase is Phase.PROVE:
                broken.append(world.time)
                raise Transient("the admin port of gw-0 does not answer: Connection refused")
            return super().rule_of(replica, rule)

    driver = a_driver(world, suites)
    ended = with_ports(driver, gateway=replace(driver.ports.gateway, readback=Gone(world))).begin(release)

    assert (ended.phase, ended.outcome) == (Phase.DONE, Outcome.FAILED)
    assert "the admin port of gw-0 does not answer" in ended.reason
    assert "tried again for" in ended.reason
    assert WAY_IN_SECONDS <= broken[-1] - broken[0] + 20.0 <= WAY_IN_SECONDS + 40.0


@dataclass
class SlowFault(AskingSuites):
    """A load that works for `takes` seconds, and then fails for something that may pass."""

    takes: float = 0.0
    runs: int = 0

    def load(self, run: LoadRun, tick: Tick) -> LoadResult:
        self.runs += 1
        self.world.sleep(self.takes)
        raise Transient("the webhook answers 500")


@pytest.mark.parametrize("takes", [10.0, 70.0, 200.0])
def test_a_step_that_fails_after_a_long_time_again_and_again_is_one_trouble(takes: float):
    world = World()
    suites = SlowFault(world, [], takes=takes)

    ended = a_driver(world, suites).begin(a_release(world, suites))

    assert (ended.phase, ended.outcome) == (Phase.DONE, Outcome.FAILED)
    assert "the webhook answers 500; tried again for" in ended.reason
    [load] = [note for note in ended.notes if note.phase is Phase.LOAD]
    assert load.seconds <= WAY_IN_SECONDS + 2 * takes + 10.0


def test_a_release_that_expires_while_a_step_is_tried_again_goes_back_and_says_so():
    world = World()
    suites = SlowFault(world, [], takes=70.0)
    release = a_release(world, suites, replace(ORDERS, trial=a_trial(time_to_live=120.0)))

    ended = a_driver(world, suites).begin(release)

    assert (ended.phase, ended.outcome) == (Phase.DONE, Outcome.FAILED)
    assert "the webhook answers 500" in ended.reason
    assert "expired" in ended.reason
    assert suites.runs == 2
    assert_all_is_back(world)


def test_what_stays_away_on_the_way_out_is_waited_for_much_longer():
    world, suites, release = a_world(Mode.MANUAL)
    a_driver(world, suites).begin(release)
    outage = Outage(world, WAY_OUT_SECONDS / 2)
    driver, _ = a_driver_with_outage(world, suites, Phase.UNROUTE, outage)

    ended = driver.abort("orders", "no")

    assert ended.outcome is Outcome.ABORTED
    assert_all_is_back(world)


def test_what_is_forbidden_is_not_tried_again():
    """p25: a right that was taken away does not come back by waiting."""
    world, suites, release = a_world()

    class Forbidden(MemoryWorkloadReader):
        def read(self, name: str) -> Workload:
            if world.records and world.records["orders"].release.phase is Phase.WARM:
                raise EnvironmentFailed("deployments is forbidden")
            return super().read(name)

    ended = with_ports(a_driver(world, suites), workloads=Forbidden(world)).begin(release)

    assert (ended.outcome, ended.reason) == (Outcome.FAILED, "deployments is forbidden")
    assert world.time < 20.0


@dataclass
class FailingLeases(MemoryLeases):
    """ports.Leases that cannot be renewed while a load runs, for so many seconds from its tenth on."""

    world: World
    seconds: float
    fault: type[Exception] = Transient
    started: float | None = None
    safe_time = 30.0

    def renew(self, app: str, holder: Holder) -> None:
        record = self.world.records.get(app)
        if record and record.release.phase is Phase.LOAD:
            self.started = self.world.time if self.started is None else self.started
            if 10.0 <= self.world.time - self.started < 10.0 + self.seconds:
                raise self.fault("no answer to the write of the lease")
        super().renew(app, holder)


@pytest.mark.parametrize("seconds", [0.5, 25.0])
def test_a_renewal_that_fails_while_the_lease_is_still_ours_ends_no_load(seconds: float):
    """p02, s18."""
    world, suites, release = a_world()

    ended = with_ports(a_driver(world, suites), leases=FailingLeases(world, seconds)).begin(release)

    assert ended.outcome is Outcome.PROMOTED
    [load] = [note for note in ended.notes if note.phase is Phase.LOAD]
    assert load.seconds < 65.0  # it ran once


def test_a_load_whose_lease_may_be_another_ones_is_stopped_and_runs_again_once_it_is_ours():
    world, suites, release = a_world()

    ended = with_ports(a_driver(world, suites), leases=FailingLeases(world, 45.0)).begin(release)

    assert ended.outcome is Outcome.PROMOTED
    [load] = [note for note in ended.notes if note.phase is Phase.LOAD]
    assert load.seconds > 100.0


def test_a_lease_that_another_process_holds_ends_the_step_at_once():
    world, suites, release = a_world()

    with pytest.raises(Superseded):
        with_ports(a_driver(world, suites), leases=FailingLeases(world, 1.0, Busy)).begin(release)

    assert world.records["orders"].release.phase is Phase.LOAD


@pytest.mark.parametrize("phase", [Phase.UNROUTE, Phase.CLEAR, Phase.DRAIN, Phase.COOL])
def test_one_fault_of_the_gateways_admin_port_on_the_way_out_needs_nobody(phase: Phase):
    """p16."""
    world, suites, release = a_world(Mode.MANUAL)
    a_driver(world, suites).begin(release)
    hits: list[str] = []

    class Hiccup(MemoryGateway):
        def rule_of(self, replica: Replica, rule: CanaryRule) -> RuleProof:
            if world.records["orders"].release.phase is phase and not hits:
                hits.append(replica.name)
                raise Transient("the admin port of gw-0 does not answer: Connection refused")
            return super().rule_of(replica, rule)

    driver = a_driver(world, suites, pid=2)
    ended = with_ports(driver, gateway=replace(driver.ports.gateway, readback=Hiccup(world))).abort("orders", "no")

    assert (ended.outcome, ended.stuck) == (Outcome.ABORTED, "")
    assert_all_is_back(world)
    assert bool(hits) is (phase in (Phase.CLEAR, Phase.COOL))  # the other two do not ask it


@pytest.mark.parametrize("phase", [Phase.PROMOTE, Phase.COOL])
def test_one_fault_of_a_read_needs_nobody(phase: Phase):
    """p16b."""
    world, suites, release = a_world()
    hits: list[str] = []

    class Hiccup(MemoryWorkloadReader):
        def read(self, name: str) -> Workload:
            record = world.records.get("orders")
            if record and record.release.phase is phase and not hits:
                hits.append(name)
                raise Transient("etcdserver: leader changed")
            return super().read(name)

    ended = with_ports(a_driver(world, suites), workloads=Hiccup(world)).begin(release)

    assert hits
    assert (ended.outcome, ended.stuck) == (Outcome.PROMOTED, "")


def test_a_journal_that_cannot_be_written_for_ten_minutes_loses_no_release():
    world, suites, release = a_world()

    class Away(MemoryJournal):
        def save(self, app: str, release: Release, expected: int) -> Record:
            if release.phase is Phase.LEAKS and world.time < 600.0:
                raise Transient("etcdserver: no leader")
            return super().save(app, release, expected)

    ended = with_ports(a_driver(world, suites), journal=Away(world)).begin(release)

    assert ended.outcome is Outcome.PROMOTED
    assert world.time > 600.0


def test_a_journal_write_that_is_tried_again_is_not_sent_once_another_process_has_the_lease():
    world, suites, release = a_world()
    other = a_driver(world, suites, pid=2).holder
    sent: list[float] = []

    class Away(MemoryJournal):
        def save(self, app: str, release: Release, expected: int) -> Record:
            if release.phase is not Phase.LEAKS:
                return super().save(app, release, expected)
            sent.append(world.time)
            world.holders[app], world.heard[app] = other, world.wall()
            raise Transient("etcdserver: no leader")

    with pytest.raises(Superseded):
        with_ports(a_driver(world, suites), journal=Away(world)).begin(release)

    assert len(sent) == 1
