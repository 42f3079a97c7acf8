"""Builders: the shop's orders application, a driver on a world, suites that really ask the gateway."""

from dataclasses import dataclass, replace

from gatewayctl.domain.apps import AppSpec
from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.evidence import Attribution, Identify
from gatewayctl.domain.load_result import Cohort, LoadResult
from gatewayctl.domain.place import GatewayLocation
from gatewayctl.domain.platform import Holder
from gatewayctl.domain.release import Mode, Release, Target
from gatewayctl.domain.smoke import LoadRun, SuiteResult, SuiteRun
from gatewayctl.domain.statistics import Histogram
from gatewayctl.domain.trial import Load, Suite, Timings, Trial
from gatewayctl.orchestration.context import Gateway, Ports
from gatewayctl.orchestration.driver import Driver
from gatewayctl.orchestration.planning import ReleaseRequest, draft
from gatewayctl.ports import Tick
from tests.fakes.memory import (
    MemoryEvidence,
    MemoryGateway,
    MemoryJournal,
    MemoryLeases,
    MemoryRouteStore,
    MemoryTurns,
    MemoryWorkloadReader,
    MemoryWorkloadWriter,
    Silent,
)
from tests.fakes.toy import StamplessToyDialect, ToyChecker, ToyDialect
from tests.fakes.world import World


def target(app: str) -> Target:
    """An application of the shop."""
    return Target(app, app, f"{app}-canary", app, f"{app}-canary", Identify(), "shop", f"/api/{app}")


ORDERS = AppSpec(
    target=target("orders"),
    header="x-canary",
    value="",
    standing=False,
    trial=Trial(
        suite=Suite("suite"),
        load=Load("locustfile.py"),
        timings=Timings(ready=20.0, live=20.0, drain=5.0, time_to_live=3600.0),
    ),
)


PLACE = GatewayLocation("toy", "gateway", "app=gateway", ("routes.txt",))


def a_trial(**timings: float) -> Trial:
    """The trial of orders with some of its timings changed."""
    return replace(ORDERS.trial, timings=replace(ORDERS.trial.timings, **timings))


@dataclass
class AskingSuites:
    """Suites that ask every replica of the world through the gateway; `healthy` False fails one test."""

    world: World
    release: list[Release]
    healthy: bool = True
    touching: bool = True

    def check(self, app: str, suite: Suite) -> str:
        if suite.python == "nowhere":
            raise UsageFault(f"{app}: nowhere does not exist")
        return suite.python

    def test(self, run: SuiteRun, tick: Tick) -> SuiteResult:
        canary = stable = 0
        for index in range(len(self.world.lags) if self.touching else 0):
            self.world.sleep(0.5)
            tick("asking")
            who = run.endpoints.attribution.attribute(self.world.answer(index, self.release[0].marked_probe))
            canary += who is Attribution.CANARY
            stable += who is Attribution.STABLE
        failed = 0 if self.healthy else 1
        return SuiteResult(
            passed=2,
            failed=failed,
            errors=0,
            skipped=0,
            flaky=(),
            canary=canary,
            stable=stable,
            unknown=0,
            baseline=0,
            exit_code=failed,
            seconds=1.0,
            failures=("test_total: wrong sum",) * failed,
        )

    def load(self, run: LoadRun, tick: Tick) -> LoadResult:
        self.world.sleep(1.0)
        tick("loading")
        cohort = Cohort(200, 0, Histogram.of([0.01] * 200))
        half = Cohort(100, 0, Histogram.of([0.01] * 100))
        return LoadResult(cohort, cohort, (half, half), 0, 0, 1.0, 0)


def ports(world: World, suites: AskingSuites) -> Ports:
    """Every port on the world."""
    gateway = MemoryGateway(world)
    dialect = ToyDialect() if world.stamps else StamplessToyDialect()
    product = Gateway(dialect, ToyChecker(), gateway, MemoryRouteStore(world), gateway, gateway, place=PLACE)
    return Ports(
        product,
        MemoryWorkloadReader(world),
        MemoryWorkloadWriter(world),
        suites,
        MemoryJournal(world),
        MemoryLeases(world),
        MemoryEvidence(world),
        world,
        Silent(),
        turns=MemoryTurns(world),
    )


def a_driver(world: World, suites: AskingSuites, pid: int = 1) -> Driver:
    """A process that drives releases in the world."""
    return Driver(ports(world, suites), Holder("ci", "host", pid, world.wall()), apps={"orders": ORDERS})


def a_release(world: World, suites: AskingSuites, app: AppSpec = ORDERS, mode: Mode = Mode.ON_SUCCESS) -> Release:
    """A drafted release of orders to 1.1; its suites will ask for its header."""
    request = ReleaseRequest(app, "shop/orders:1.1", mode, "ci", (target("payments"),))
    release = draft(ports(world, suites), request)
    suites.release[:] = [release]
    return release


def with_image(release: Release, image: str) -> Release:
    """The same release of another image."""
    return replace(release, image=image)
