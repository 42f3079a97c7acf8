"""The simulated traffic is what it says, and a run is the same whenever it is repeated."""

import math
from dataclasses import replace

import pytest

from bench.judge import BAD, GOOD, _alarms, _found, _run
from bench.judged_traffic import EDGES, Shape, Traffic, World


def arms(world: World, canary: Shape, seconds: int = 200):
    traffic = Traffic(1, world, (Shape(), canary), 50.0, seconds)
    for _ in range(seconds):
        traffic.second()
    return traffic.arms


def share_above(arm, seconds: float) -> float:
    slow = sum(count for edge, count in zip((0.0, *EDGES), arm.bins, strict=True) if edge >= seconds)
    return slow / sum(arm.bins)


def test_traffic_has_the_rate_the_errors_and_the_median_it_was_asked_for():
    stable, canary = arms(World(), Shape(errors=0.02, times=2.0))

    assert stable.requests == pytest.approx(10_000, rel=0.05)
    assert stable.errors / stable.requests == pytest.approx(0.005, abs=0.003)
    assert canary.errors / canary.requests == pytest.approx(0.02, abs=0.005)
    # The edge next to 50 ms is 46.5 ms: P(lognormal > 46.5 ms) = 0.57, with the tail 0.58.
    edge = next(edge for edge in EDGES if edge * 1.15 > 0.05)
    assert share_above(stable, edge) == pytest.approx(0.58, abs=0.03)
    assert canary.seconds / canary.requests == pytest.approx(2 * stable.seconds / stable.requests, rel=0.2)


def test_an_outage_meets_both_versions():
    stable, canary = arms(World(outage=True), Shape(), seconds=80)
    calm, _ = arms(World(), Shape(), seconds=80)

    assert min(stable.errors, canary.errors) > 3 * calm.errors


@pytest.mark.parametrize("case", [*GOOD, *BAD], ids=lambda case: case.name)
def test_a_run_is_the_same_when_it_is_repeated(case):
    short = replace(case, seconds=8)

    first = _run((short, 3))

    assert first == _run((short, 3))
    assert set(first) == {"ours", *case.against}


def test_what_no_method_found_counts_with_all_requests_of_the_run():
    found = [{"ours": 100.0, "Fisher": math.inf, "thresholds": 10.0}] * 3 + [
        {"ours": math.inf, "Fisher": math.inf, "thresholds": 10.0}
    ]

    fisher, thresholds = _found(BAD[0], found)

    assert fisher.ours.values == (100.0, 100.0, 100.0, 30_000.0)
    assert fisher.baseline.median == 30_000.0
    assert fisher.note == "requests of the canary; found in 75 % of 4 runs, by Fisher in 0 %"
    assert thresholds.baseline.median == 10.0


def test_false_alarms_are_a_share_of_runs():
    clean = dict.fromkeys(("ours", "Fisher", "Mann-Whitney", "thresholds"), math.inf)

    figures = list(_alarms(GOOD[0], [clean, clean, clean, {**clean, "ours": 5.0}]))

    assert [one.ours.values for one in figures] == [(25.0,)] * 3
    assert [one.baseline.values for one in figures] == [(0.0,)] * 3
    assert figures[0].missed == ("median 25, not 1",)
