"""Counts of unmarked requests beside the share that was asked for, compared with scipy's exact test."""

import pytest
from scipy import stats

from gatewayctl.domain.shares import CONFIDENCE, ShareCount, at_least, at_most, requests_for


@pytest.mark.parametrize(("canary", "requests"), [(0, 100), (1, 691), (9, 100), (50, 100), (99, 100), (100, 100)])
def test_the_interval_is_the_exact_one(canary, requests):
    exact = stats.binomtest(canary, requests).proportion_ci(CONFIDENCE, method="exact")

    assert ShareCount(requests, canary).interval == pytest.approx((exact.low, exact.high), abs=1e-9)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99, 1.0])
def test_the_tails_are_those_of_the_binomial_distribution(share):
    assert at_most(7, 40, share) == pytest.approx(stats.binom.cdf(7, 40, share))
    assert at_least(7, 40, share) == pytest.approx(stats.binom.sf(6, 40, share))


@pytest.mark.parametrize("percent", [1, 5, 10, 50, 90, 99, 100])
def test_a_share_that_is_not_there_is_never_taken_for_one(percent):
    requests = requests_for(percent)

    assert not ShareCount(requests, 0).fits(percent)
    assert ShareCount(requests, round(requests * percent / 100)).fits(percent)
    assert not ShareCount(requests, requests).fits(percent) or percent > 98


def test_all_means_all():
    assert ShareCount(100, 100).fits(100)
    assert not ShareCount(100, 99).fits(100)


def test_a_count_shows_the_share_and_how_sure_it_is():
    assert str(ShareCount(1200, 116)) == "9.7 % of 1,200 unmarked requests reached the canary (7.1 to 12.8 %)"
