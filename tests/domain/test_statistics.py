"""Our own statistics against scipy's."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gatewayctl.domain.statistics import Histogram, bucket_of, fisher_greater, mann_whitney, value_of

durations = st.floats(min_value=1e-5, max_value=600.0)
samples = st.lists(durations, min_size=1, max_size=200)
histograms = samples.map(Histogram.of)


def exact_quantile(values: list[float], q: float) -> float:
    return sorted(values)[max(1, math.ceil(q * len(values))) - 1]


@given(samples, st.sampled_from([0.5, 0.9, 0.95, 0.99, 1.0]))
def test_a_quantile_is_within_two_percent_of_the_exact_one(values, q):
    assert Histogram.of(values).quantile(q) == pytest.approx(exact_quantile(values, q), rel=0.02)


@given(durations)
def test_a_duration_lies_within_one_percent_of_its_buckets_middle(seconds):
    assert value_of(bucket_of(seconds)) == pytest.approx(seconds, rel=0.0101)


def test_durations_too_short_to_measure_share_a_bucket():
    assert bucket_of(0.0) == bucket_of(-1e-9) == bucket_of(1e-6) == 0


def test_a_quantile_of_nothing_is_not_a_number():
    assert math.isnan(Histogram().quantile(0.95))


@given(samples, samples)
def test_adding_two_histograms_is_the_histogram_of_both(one, other):
    assert Histogram.of(one) + Histogram.of(other) == Histogram.of(one + other)


@given(histograms, histograms)
def test_mann_whitney_agrees_with_scipy(a, b):
    if len({*a.counts, *b.counts}) == 1:
        assert mann_whitney(a, b) == 1.0  # all tied: scipy has no answer
        return
    expected = stats.mannwhitneyu(expand(b), expand(a), alternative="greater", method="asymptotic").pvalue

    assert mann_whitney(a, b) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def expand(histogram: Histogram) -> list[int]:
    return [bucket for bucket, count in histogram.counts.items() for _ in range(count)]


def test_mann_whitney_finds_what_is_slower_and_not_what_is_faster():
    fast, slow = (
        Histogram.of([0.010 + i * 1e-4 for i in range(100)]),
        Histogram.of([0.015 + i * 1e-4 for i in range(100)]),
    )

    assert mann_whitney(fast, slow) < 1e-6
    assert mann_whitney(slow, fast) > 0.99


def test_mann_whitney_says_nothing_of_an_empty_side():
    assert mann_whitney(Histogram(), Histogram.of([1.0])) == 1.0
    assert mann_whitney(Histogram.of([1.0]), Histogram()) == 1.0


counts = st.integers(min_value=1, max_value=3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, counts)
def test_fisher_agrees_with_scipy(a, b):
    (errors_a, total_a), (errors_b, total_b) = a, b
    table = [[errors_b, total_b - errors_b], [errors_a, total_a - errors_a]]

    expected = stats.fisher_exact(table, alternative="greater").pvalue

    assert fisher_greater(errors_a, total_a, errors_b, total_b) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_fisher_says_nothing_without_errors_or_requests():
    assert fisher_greater(0, 100, 0, 100) == 1.0
    assert fisher_greater(0, 0, 5, 10) == 1.0
    assert fisher_greater(5, 10, 0, 0) == 1.0


def test_fisher_is_quick_enough_for_a_long_run_that_fails_throughout():
    assert fisher_greater(0, 200_000, 200_000, 200_000) == 0.0
