"""The contract of ports.SignalSource: counts that only grow, by process and version; what is away is never a zero."""

import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from gatewayctl.domain.signals import Snapshot, Version
from tests.contract.signal_sources import RELEASE, WORLDS, SourceWorld
from tests.gateways.loopback import until

pytestmark = pytest.mark.sandbox


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SourceWorld]:
    with WORLDS[request.param](tmp_path) as world:
        yield world


def total(snapshot: Snapshot, version: Version) -> tuple[float, float]:
    """The requests and the errors of a version, over all processes."""
    counted = [one for (_, whose), one in snapshot.counters.items() if whose is version]
    return sum(one.requests for one in counted), sum(one.errors for one in counted)


def grown(world: SourceWorld, before: Snapshot, version: Version) -> tuple[float, float]:
    """The requests and the errors of a version since `before`."""
    (requests, errors), now = total(before, version), total(world.source.read(RELEASE), version)
    return now[0] - requests, now[1] - errors


def timed(snapshot: Snapshot, version: Version) -> float:
    """How many durations of a version are known."""
    return sum(one.buckets[-1][1] for (_, whose), one in snapshot.counters.items() if whose is version and one.buckets)


def test_every_process_counts_both_versions_and_nothing_is_missing(world: SourceWorld) -> None:
    snapshot = world.source.read(RELEASE)

    processes = {process for process, _ in snapshot.counters}
    assert snapshot.faults == ()
    assert set(snapshot.counters) == {(process, version) for process in processes for version in Version}
    assert len(processes) >= 2
    assert world.source.name
    assert world.source.every > 0


def test_requests_and_errors_grow_by_exactly_what_was_sent(world: SourceWorld) -> None:
    before = world.source.read(RELEASE)

    world.send(Version.STABLE, 100, 0)
    world.send(Version.CANARY, 40, 3)

    wanted = {Version.STABLE: (100, 0), Version.CANARY: (40, 3)}
    until(lambda: all(grown(world, before, one)[0] >= wanted[one][0] for one in Version), "the requests to be counted")
    assert {version: grown(world, before, version) for version in Version} == wanted


def test_durations_are_buckets_that_hold_more_the_higher_they_are(world: SourceWorld) -> None:
    known = timed(world.source.read(RELEASE), Version.CANARY)

    world.send(Version.CANARY, 40, 0)

    until(lambda: timed(world.source.read(RELEASE), Version.CANARY) == known + 40, "the durations")
    snapshot = world.source.read(RELEASE)
    edges = set()
    for one in snapshot.counters.values():
        assert one.buckets is not None
        assert one.seconds is not None
        edges.add(tuple(edge for edge, _ in one.buckets))
        assert all(low[0] < high[0] and low[1] <= high[1] for low, high in pairwise(one.buckets))
    (only,) = edges
    assert only[-1] == math.inf
    assert sum(one.seconds or 0 for (_, whose), one in snapshot.counters.items() if whose is Version.CANARY) > 0


def test_what_does_not_answer_is_a_fault_and_counts_nothing(world: SourceWorld) -> None:
    """I6: no zero stands for what nobody knows, and nothing is raised."""
    world.end()

    snapshot = world.source.read(RELEASE)

    assert snapshot.counters == {}
    assert snapshot.faults
    assert all(fault.strip() for fault in snapshot.faults)
