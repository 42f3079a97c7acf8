"""I1 and I2 under load: twenty times on and off, and of a hundred thousand requests none is misrouted or failed."""

import sys
import time
from collections.abc import Iterator

import pytest

from tests.e2e.cycles import cycle
from tests.e2e.shop_cluster import ShopCluster
from tests.e2e.traffic import CANARY, STABLE, Heard, Kind, Owed, Traffic, judge

pytestmark = pytest.mark.alone  # what it measures is the machine, too

CYCLES, REQUESTS = 20, 100_000
WITHIN = 480.0  # seconds for all of it
RATE = 180.0  # requests a second at each of four entrances, where the machine can


@pytest.fixture
def traffic(cluster: ShopCluster) -> Iterator[Traffic]:
    flowing = Traffic(cluster.entrances(), RATE)
    assert len(flowing.entrances) == 4
    flowing.start()
    yield flowing
    flowing.stop()


@pytest.mark.shows("envoy", "edits under load")
@pytest.mark.timeout(WITHIN + 60)
def test_nothing_is_misrouted_or_failed_while_the_rule_goes_on_and_off_under_load(
    cluster: ShopCluster, traffic: Traffic, capsys: pytest.CaptureFixture[str]
):
    begun = time.monotonic()
    marks = []
    while len(marks) < CYCLES or traffic.requests < REQUESTS:
        assert time.monotonic() - begun < WITHIN, f"{len(marks)} cycles and {traffic.requests} requests so far"
        marks.append(cycle(cluster, traffic))
    seconds = time.monotonic() - begun
    traffic.stop()

    strictly = [traffic.counts[f"strictly the canary's, {mark}"] for mark in marks]
    with capsys.disabled():
        sys.stdout.write(
            f"\n{len(marks)} cycles in {seconds:.0f} s: {traffic.requests} requests, {traffic.faulty} misrouted or "
            f"failed; {sum(strictly)} owed to the canary; "
            + ", ".join(f"{kind} {traffic.counts[kind]}" for kind in Kind)
            + "\n"
        )
    assert traffic.faulty == 0, "\n".join(traffic.faults)
    assert min(strictly) > 0
    assert traffic.counts[f"{Kind.UNMARKED}: {STABLE}"] == traffic.counts[Kind.UNMARKED] > REQUESTS / 3
    assert traffic.counts[f"{Kind.MARKED}: {CANARY}"] >= sum(strictly) - traffic.counts[Kind.SLOW]


@pytest.mark.parametrize(
    ("kind", "by", "heard", "said"),
    [
        (Kind.UNMARKED, {CANARY}, Heard(200, CANARY, "r-1"), "misrouted"),
        (Kind.UNMARKED, {CANARY}, Heard(200, STABLE, ""), ""),
        (Kind.UNMARKED, {STABLE}, Heard(503, "", ""), "failed"),
        (Kind.MARKED, {CANARY}, Heard(200, STABLE, ""), "misrouted"),
        (Kind.MARKED, {CANARY}, Heard(200, CANARY, "r-1"), ""),
        (Kind.MARKED, {CANARY}, Heard(200, CANARY, ""), "with stamp"),
        (Kind.MARKED, {STABLE}, Heard(200, CANARY, "r-1"), "misrouted"),
        (Kind.MARKED, {STABLE, CANARY}, Heard(0, "", "", "ConnectionResetError"), "failed"),
        (Kind.SLOW, {CANARY}, Heard(200, STABLE, ""), "misrouted"),
        (Kind.NEIGHBOUR, {CANARY}, Heard(200, CANARY, "r-1"), "misrouted"),
        (Kind.NEIGHBOUR, {CANARY}, Heard(200, "payments", ""), ""),
    ],
)
def test_each_answer_is_judged_by_who_gave_it_and_what_was_owed(kind: Kind, by: set[str], heard: Heard, said: str):
    fault = judge(kind, Owed("m", frozenset(by)), heard)

    assert said in fault
    assert bool(fault) == bool(said)
