"""Evidence and disks: what cannot be written is told, and no release waits for it on its way back."""

import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gatewayctl.adapters.files.evidence import FileEvidence
from gatewayctl.adapters.files.journal import FileJournal
from gatewayctl.adapters.files.leases import FileLeases
from gatewayctl.domain.errors import EnvironmentFailed, Transient
from gatewayctl.domain.evidence import Answer
from gatewayctl.domain.platform import Probe, Replica
from gatewayctl.domain.release import Mode, Outcome, Phase
from gatewayctl.orchestration.driver import Driver
from gatewayctl.orchestration.planning import ReleaseRequest, draft
from tests.fakes.memory import MemoryEvidence, MemoryGateway
from tests.fakes.outage import AtPhase
from tests.fakes.shop import ORDERS, AskingSuites, a_driver, ports, target
from tests.fakes.world import ROUTES, World
from tests.orchestration.interference import a_started, at


class Unwritable(MemoryEvidence):
    """ports.Evidence on a disk that takes nothing; notes which documents came while the rule was in the files."""

    def __init__(self, world: World, fault: type[EnvironmentFailed]) -> None:
        super().__init__(world)
        self.fault = fault
        self.while_routed: list[str] = []

    def put(self, release: str, name: str, text: str) -> None:
        if "gatewayctl-orders-canary" in self.world.published[-1][1][0].text:
            self.while_routed.append(name)
        raise self.fault("No space left on device")


FAULTS = pytest.mark.parametrize("fault", [Transient, EnvironmentFailed])


def with_evidence(driver: Driver, evidence: MemoryEvidence) -> Driver:
    return Driver(replace(driver.ports, evidence=evidence), driver.holder)


@FAULTS
def test_evidence_that_cannot_be_written_does_not_hold_up_an_abort(fault):
    """q05, p05."""
    world, suites, release = a_started(Mode.MANUAL)
    a_driver(world, suites).begin(release)
    driver, evidence = a_driver(world, suites, pid=2), Unwritable(world, fault)
    begun = world.time

    ended = with_evidence(driver, evidence).abort("orders", "on call")

    assert (ended.outcome, ended.stuck) == (Outcome.ABORTED, "")
    assert world.published[-1][1][0].text == ROUTES
    assert world.time - begun < 15.0
    assert evidence.while_routed == []  # it comes after the removal
    told = [line for line in driver.ports.listener.lines if "not kept as evidence" in line]
    assert len(told) == 2  # once in the step, whatever the number of its documents, and once at the end
    assert "No space left on device" in told[0]


@FAULTS
def test_evidence_that_cannot_be_written_costs_a_release_time_and_is_told(fault):
    world, suites, release = a_started(Mode.ON_SUCCESS)
    driver = a_driver(world, suites)

    ended = with_evidence(driver, Unwritable(world, fault)).begin(release)

    assert ended.outcome is Outcome.PROMOTED
    assert any("not kept as evidence: leaks.json: " in line for line in driver.ports.listener.lines)


def test_evidence_that_can_be_written_a_moment_later_is_kept():
    world, suites, release = a_started(Mode.ON_SUCCESS)

    class Full(MemoryEvidence):
        def put(self, release: str, name: str, text: str) -> None:
            if world.records["orders"].release.phase is Phase.LEAKS and world.time < 15.0:
                raise Transient("No space left on device")
            super().put(release, name, text)

    with_evidence(a_driver(world, suites), Full(world)).begin(release)

    assert (release.id, "leaks.json") in world.documents
    assert world.time > 15.0


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """The kernel refuses each write beyond so many bytes of a file, in this whole process."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_that_the_disk_has_no_room_for_is_a_passing_trouble_and_leaves_the_old_one(tmp_path: Path):
    evidence = FileEvidence(tmp_path)
    evidence.put("r-1", "plan.txt", "old")

    with files_of_at_most(4096), pytest.raises(Transient, match=r"plan\.txt: cannot be written"):
        evidence.put("r-1", "plan.txt", "new" * 10_000)

    assert evidence.get("r-1", "plan.txt") == "old"
    assert evidence.names("r-1") == ("plan.txt",)
    assert [path.name for path in (tmp_path / "evidence" / "r-1").iterdir()] == ["plan.txt"]


def test_a_place_that_can_never_be_written_is_a_fault_of_ours_to_tell(tmp_path: Path):
    """q05: a folder that is a file."""
    (tmp_path / "file").write_text("")

    with pytest.raises(EnvironmentFailed, match="cannot be written") as found:
        FileEvidence(tmp_path / "file").put("r-1", "unroute/before/rds.yaml", "x")

    assert not isinstance(found.value, Transient)


@pytest.mark.parametrize("phase", [Phase.WARM, Phase.PROVE, Phase.LOAD, Phase.PROMOTE, Phase.UNROUTE, Phase.COOL])
def test_a_disk_that_is_full_for_a_while_costs_time_only(tmp_path: Path, phase: Phase):
    """Journal, lease and evidence are real files, and the kernel refuses every write to them for 40 s."""
    world, suites, release = a_started(Mode.ON_SUCCESS)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    refused: list[str] = []

    def fill() -> None:
        if not refused:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
            with pytest.raises(OSError, match="File too large") as found:
                (tmp_path / "proof").write_text("x")
            refused.append(errno.errorcode[found.value.errno or 0])
            at(world, world.time + 40.0, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, before))

    driver = a_driver(world, suites)
    on_disk = replace(
        driver.ports,
        journal=FileJournal(tmp_path),
        leases=FileLeases(tmp_path, world),
        evidence=FileEvidence(tmp_path),
        listener=AtPhase(phase=phase, act=fill),
    )
    try:
        ended = Driver(on_disk, driver.holder).begin(release)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert refused == ["EFBIG"]
    assert (ended.phase, ended.outcome, ended.stuck) == (Phase.DONE, Outcome.PROMOTED, "")


def test_the_lease_is_kept_while_many_slow_neighbours_are_asked():
    """p15."""
    world = World()
    suites = AskingSuites(world, [])
    neighbours = tuple(replace(target("payments"), app=f"n{number}") for number in range(90))
    app = replace(ORDERS, trial=replace(ORDERS.trial, suite=None, load=None))
    release = draft(ports(world, suites), ReleaseRequest(app, "shop/orders:1.1", Mode.MANUAL, "ci", neighbours))
    oldest: list[float] = []

    class Slow(MemoryGateway):
        def ask(self, replica: Replica, probe: Probe) -> Answer:
            world.sleep(0.5)
            if "orders" in world.heard:
                oldest.append(world.wall() - world.heard["orders"])
            return super().ask(replica, probe)

    driver = a_driver(world, suites)
    gateway = replace(driver.ports.gateway, prober=Slow(world))

    waiting = Driver(replace(driver.ports, gateway=gateway), driver.holder).begin(release)

    assert waiting.phase is Phase.WAIT
    assert len(oldest) > 180
    assert max(oldest) < 10.0  # the lease lives for a minute
