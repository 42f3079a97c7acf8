"""How a command ends whose report cannot be kept: with the exit code of its release."""

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest
import typer

from gatewayctl.cli.ending import end_command, save_report
from gatewayctl.cli.options import Output
from gatewayctl.domain.errors import EnvironmentFailed, Transient
from gatewayctl.domain.release import Mode, Outcome, Release
from gatewayctl.wiring.discovery import Session
from tests.fakes.memory import MemoryEvidence, Silent
from tests.fakes.shop import AskingSuites, a_driver, a_release, ports
from tests.fakes.world import World


class Full(MemoryEvidence):
    """ports.Evidence on a disk that stays full; where a `file` is in the place of its folder, there is none either."""

    def __init__(self, world: World, fault: type[EnvironmentFailed], *, file: bool) -> None:
        super().__init__(world)
        self.fault, self.file = fault, file

    def folder(self, release: str) -> str:
        if self.file:
            raise self.fault("cannot make the folder: No space left on device")
        return super().folder(release)

    def put(self, release: str, name: str, text: str) -> None:
        raise self.fault("No space left on device")


def an_end(mode: Mode, evidence: Full) -> tuple[Session, Release, Silent]:
    """A session on a full disk, and the release that ended in it."""
    world = evidence.world
    suites, listener = AskingSuites(world, []), Silent()
    driver = a_driver(world, suites)
    ended = driver.begin(a_release(world, suites, mode=mode))
    if mode is Mode.MANUAL:
        ended = driver.abort("orders", "no")
    wired = replace(ports(world, suites), evidence=evidence, listener=listener)
    return cast("Session", SimpleNamespace(ports=wired)), ended, listener


@pytest.mark.parametrize("fault", [Transient, EnvironmentFailed])
@pytest.mark.parametrize("file", [False, True], ids=["no document", "no folder"])
@pytest.mark.parametrize(
    ("mode", "outcome"), [(Mode.ON_SUCCESS, Outcome.PROMOTED), (Mode.MANUAL, Outcome.ABORTED)], ids=["promote", "abort"]
)
def test_a_disk_that_stays_full_changes_no_exit_code_and_is_told(
    mode: Mode, outcome: Outcome, fault: type[EnvironmentFailed], *, file: bool
) -> None:
    session, ended, listener = an_end(mode, Full(World(), fault, file=file))

    with pytest.raises(typer.Exit) as caught:
        end_command(session, ended, Output.JSON, aborting=mode is Mode.MANUAL)

    assert (ended.outcome, caught.value.exit_code) == (outcome, 0)
    [told] = [line for line in listener.lines if "not kept as evidence" in line]
    assert "No space left on device" in told


def test_a_report_that_can_be_kept_is_kept() -> None:
    world = World()
    session, ended, listener = an_end(Mode.ON_SUCCESS, Full(world, Transient, file=False))
    session.ports = replace(session.ports, evidence=MemoryEvidence(world))  # type: ignore[misc]

    assert save_report(session, ended)
    assert {name for _, name in world.documents} >= {"release.json", "report.txt"}
    assert not [line for line in listener.lines if "not kept" in line]
