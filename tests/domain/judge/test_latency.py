"""Where slow begins: by stable's past alone, rounded to buckets so that evidence is never too much."""

import math
from itertools import product

import pytest

from gatewayctl.domain.judge.kernel import Look, Margin
from gatewayctl.domain.judge.latency import Past, line, mean_look
from gatewayctl.domain.judge.tally import Tally

FINE = (0.10, 0.11, 0.12, 0.13, 0.14, 0.15, 0.16, 0.2)
SPREAD = Tally(1000, 0, 1000, 120.0, (500, 200, 100, 100, 50, 40, 5, 4, 1))
COARSE = (0.05, 0.1, 0.25, 0.5)


def past(edges: tuple[float, ...] = FINE, tally: Tally = SPREAD) -> Past:
    found = Past.of(edges, tally)
    assert found is not None
    return found


@pytest.mark.parametrize(("quantile", "edge"), [(0.5, 0.10), (0.7, 0.11), (0.95, 0.14), (0.99, 0.15)])
def test_slow_for_stable_begins_at_the_edge_nearest_to_its_quantile(quantile, edge):
    found = line(past(), quantile, Margin(1.0), accept=False)

    assert found is not None
    assert found.at == edge


def test_the_canarys_edge_is_rounded_up_to_fail_and_down_to_accept():
    """1.25 times 0.10 lies between 0.12 and 0.13."""
    fail, accept = (line(past(), 0.5, Margin(1.25), accept=accept) for accept in (False, True))

    assert fail is not None
    assert accept is not None
    assert (FINE[fail.canary], FINE[accept.canary]) == (0.13, 0.12)
    assert fail.margin == accept.margin == Margin()


def test_an_edge_that_is_met_exactly_is_not_rounded():
    """0.1 x 1.1 is a little more than 0.11 in floating point."""
    found = line(past(), 0.5, Margin(1.1), accept=False)

    assert found is not None
    assert FINE[found.canary] == 0.11


def test_a_margin_may_add_seconds():
    found = line(past(), 0.5, Margin(1.1, 0.02), accept=False)

    assert found is not None
    assert FINE[found.canary] == 0.13


def test_coarse_buckets_have_one_edge_for_both_and_a_margin_by_stables_own_tail():
    """A canary that takes 1.25 times as long has above 0.1 what stable has above 0.08."""
    tally = Tally(1000, 0, 1000, 1.0, (200, 400, 300, 90, 10))
    found = line(past(COARSE, tally), 0.5, Margin(1.25), accept=False)

    assert found is not None
    assert found.canary == found.stable == 1
    # A power law from 0.8 above 0.05 to 0.4 above 0.1: so 0.05 / 0.08 above 0.08, times 0.8.
    assert found.margin.ratio == pytest.approx(0.05 / 0.08 * 0.8 / 0.4)


def test_slow_ones_are_counted_above_each_versions_own_edge():
    found = line(past(), 0.5, Margin(1.25), accept=False)
    canary = Tally(20, 0, 20, 1.0, (1, 2, 3, 4, 5, 5, 0, 0, 0))

    assert found is not None
    assert found.look(canary, SPREAD) == Look(20, 10, 1000, 500)


@pytest.mark.parametrize(
    "tally",
    [
        Tally(),
        Tally(1000, 0, 1000, 1.0),  # no buckets
        Tally(49, 0, 49, 1.0, (25, 24, 0, 0, 0, 0, 0, 0, 0)),  # too few
    ],
)
def test_without_a_past_there_is_no_line(tally):
    assert Past.of(FINE, tally) is None


@pytest.mark.parametrize("bins", [(1000, 0, 0, 0, 0), (0, 0, 0, 0, 1000)])
def test_where_all_are_in_one_bucket_it_tells_nothing(bins):
    assert line(past(COARSE, Tally(1000, 0, 1000, 1.0, bins)), 0.5, Margin(1.1), accept=False) is None


def test_where_the_canary_would_need_an_edge_beyond_the_last_both_have_the_same():
    """1.3 times 0.16 is more than the last edge, 0.2."""
    tally = Tally(1000, 0, 1000, 1.0, (0, 0, 0, 0, 0, 200, 300, 300, 200))
    found = line(past(FINE, tally), 0.5, Margin(1.3), accept=False)

    assert found is not None
    assert FINE[found.canary] == FINE[found.stable] == found.at == 0.16
    assert found.margin.ratio > 1.5


def test_durations_are_parts_of_forty_times_stables_mean():
    found = mean_look((), Tally(100, 0, 100, 10.0), Tally(5, 0, 5, 2.0), Tally(10, 0, 10, 1.0))

    assert found is not None
    look, forecast = found
    assert (look.canary, look.canary_bad) == pytest.approx((5, 0.5))
    assert (look.stable, look.stable_bad) == pytest.approx((10, 0.25))
    assert forecast == 1 / 40


def test_one_answer_of_a_minute_counts_once_where_buckets_show_it():
    edges = (0.1, 1.0, 4.0, 10.0)
    canary = Tally(10, 0, 10, 60.9, (9, 0, 0, 0, 1))
    found = mean_look(edges, Tally(100, 0, 100, 10.0), canary, canary)

    assert found is not None
    # The nine others took 0.1 s at most each, and 0.9 s of 4 s in all.
    assert found[0].canary_bad == pytest.approx(1 + 0.9 / 4)


@pytest.mark.parametrize("known", [Tally(), Tally(49, 0, 49, 5.0), Tally(1000)])
def test_without_measured_durations_there_is_no_mean(known):
    assert mean_look((), known, Tally(5, 0, 5, 2.0), Tally(5, 0, 5, 2.0)) is None


def test_parts_are_never_more_than_the_requests():
    edges = (0.1, 1.0, 4.0)
    for bins in product((0, 3), repeat=4):
        tally = Tally(sum(bins), 0, sum(bins), 1e6, bins)
        found = mean_look(edges, Tally(100, 0, 100, 10.0), tally, tally)
        assert found is not None
        assert 0 <= found[0].canary_bad <= found[0].canary
        assert math.isfinite(found[0].canary_bad)
