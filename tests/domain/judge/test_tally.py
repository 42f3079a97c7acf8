"""Counters of processes become counts of an interval; what is not known is missing, never a drop or a jump."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayctl.domain.judge.judge import look
from gatewayctl.domain.judge.settings import ERRORS, Settings
from gatewayctl.domain.judge.tally import Tally, differences, edges_of, marks
from gatewayctl.domain.signals import Counters, Snapshot, Version
from tests.domain.judge.traffic import Traffic, warm

STABLE, CANARY = Version.STABLE, Version.CANARY
BUCKETS = ((0.1, 5.0), (0.2, 8.0), (math.inf, 10.0))
ONE = Counters(10, 1, 1.5, BUCKETS)
MORE = Counters(14, 3, 2.5, ((0.1, 6.0), (0.2, 10.0), (math.inf, 14.0)))


def between(before: dict, after: dict):
    one, two = Snapshot(0, before), Snapshot(1, after)
    edges = edges_of(one)
    return differences(marks(one, edges), marks(two, edges))


def test_what_a_process_counted_is_its_difference():
    found = between({("a", CANARY): ONE}, {("a", CANARY): MORE})

    assert found.of(CANARY) == Tally(4, 2, 4, 1.0, (1, 1, 2))
    assert found.of(STABLE) == Tally()
    assert found.missing == ()


def test_processes_are_added_up():
    found = between({("a", CANARY): ONE, ("b", CANARY): ONE}, {("a", CANARY): MORE, ("b", CANARY): MORE})

    assert found.of(CANARY) == Tally(8, 4, 8, 2.0, (2, 2, 4))


@pytest.mark.parametrize(
    "fallen",
    [
        replace(MORE, requests=9),
        replace(MORE, errors=0),
        replace(MORE, seconds=1.0),
        replace(MORE, buckets=((0.1, 4.0), (0.2, 10.0), (math.inf, 14.0))),
        replace(MORE, buckets=None),
    ],
)
def test_a_counter_that_fell_makes_its_process_missing_for_both_versions_and_no_other(fallen):
    before = {("a", STABLE): ONE, ("a", CANARY): ONE, ("b", STABLE): ONE}
    found = between(before, {("a", STABLE): MORE, ("a", CANARY): fallen, ("b", STABLE): MORE})

    assert found.missing == ("a",)
    assert found.of(STABLE) == Tally(4, 2, 4, 1.0, (1, 1, 2))
    assert found.of(CANARY) == Tally()


def test_a_process_that_came_or_went_is_missing():
    found = between({("a", STABLE): ONE, ("gone", STABLE): ONE}, {("a", STABLE): MORE, ("new", STABLE): MORE})

    assert found.missing == ("gone", "new")
    assert found.of(STABLE).requests == 4


def test_a_process_that_starts_to_count_another_version_is_missing_once():
    assert between({("a", STABLE): ONE}, {("a", STABLE): MORE, ("a", CANARY): ONE}).missing == ("a",)


@pytest.mark.parametrize(
    "broken",
    [
        replace(MORE, requests=math.nan),
        replace(MORE, seconds=math.inf),
        replace(MORE, errors=-1),
        replace(MORE, buckets=((0.1, 9.0), (0.2, 8.0), (math.inf, 14.0))),
        replace(MORE, buckets=((0.1, math.nan), (0.2, 10.0), (math.inf, 14.0))),
    ],
)
def test_a_figure_that_is_no_count_makes_its_process_missing(broken):
    assert between({("a", CANARY): ONE}, {("a", CANARY): broken}).missing == ("a",)


def test_durations_of_successes_are_of_so_many_requests():
    one, two = Counters(10, 2, 1.0, None, of_successes=True), Counters(20, 5, 2.0, None, of_successes=True)

    assert between({("a", CANARY): one}, {("a", CANARY): two}).of(CANARY).timed == 7


def test_without_durations_nothing_is_timed():
    assert between({("a", CANARY): Counters(1, 0)}, {("a", CANARY): Counters(5, 0)}).of(CANARY) == Tally(4)


def after(traffic: Traffic, seconds: int):
    state = warm(ONLY)
    for _ in range(seconds):
        state = look(ONLY, state, traffic.second())
    return state


ONLY = Settings(signals=(ERRORS,))


def test_a_restart_of_the_canary_loses_one_look_and_tells_it():
    traffic = Traffic(1, canary_errors=0.5, stable_errors=0.5)
    state = after(traffic, 10)
    seen = state.tracks[0].seen
    snapshot = traffic.second()
    restarted = {key: Counters(1, 1, 0.1, ((0.1, 1.0), (math.inf, 1.0))) for key in snapshot.counters}

    lost = look(ONLY, state, replace(snapshot, counters=restarted))

    assert lost.tracks[0].seen == seen
    assert lost.missing == 1
    assert lost.fault == "no counters of gateway-0"


def test_faults_are_no_look_and_the_next_good_one_has_all_that_came_meanwhile():
    traffic, whole = Traffic(1), Traffic(1)
    state = after(traffic, 10)
    for _ in range(5):
        state = look(ONLY, state, replace(traffic.second(), faults=("gateway-0 does not answer",)))
    assert state.missing == 5
    state = look(ONLY, state, traffic.second())

    assert state.tracks[0].seen == after(whole, 16).tracks[0].seen


def test_after_a_gap_of_minutes_counting_begins_again():
    """A process may have started again meanwhile and counted past its old figure."""
    traffic = Traffic(1)
    state = after(traffic, 10)
    seen = state.tracks[0].seen
    traffic.at += 400

    state = look(ONLY, state, traffic.second())
    assert state.tracks[0].seen == seen
    assert look(ONLY, state, traffic.second()).tracks[0].seen != seen


counts = st.one_of(st.integers(0, 1000), st.sampled_from([math.nan, math.inf, -1.0]))
counters = st.builds(Counters, counts, counts, st.none() | counts)
keys = st.tuples(st.sampled_from("abc"), st.sampled_from(Version))
snapshots = st.lists(st.dictionaries(keys, counters, max_size=6), min_size=1, max_size=8)


@given(snapshots)
def test_whatever_a_source_says_no_count_is_ever_negative_or_no_number(given_):
    state = warm(ONLY)
    for at, one in enumerate(given_):
        state = look(ONLY, state, Snapshot(float(at), one))

    seen = state.tracks[0].seen
    figures = (seen.canary, seen.canary_bad, seen.stable, seen.stable_bad, *state.tracks[0].worse[0].settled)
    assert all(math.isfinite(one) for one in figures)
    assert min(figures[:4]) >= 0
