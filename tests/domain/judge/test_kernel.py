"""Evidence is at most 1 on average when the canary keeps to its margin: found by adding up every possible outcome."""

import math
from itertools import product

import pytest
from scipy import stats

from gatewayctl.domain.judge.kernel import Look, Margin, log_bets, log_gauge_bets, log_share_bets, log_sum

TIMES = (0.05, 0.6, 0.9, 1.1, 1.8, 6.0, 20.0)
MARGINS = (Margin(), Margin(1.25, 0.0005), Margin(1.5, 0.02), Margin(1.0, 0.1))


def mean_e(sizes: tuple[int, int], shares: tuple[float, float], forecast: float, margin: Margin) -> list[float]:
    """The exact mean of e of each alternative, when the versions have these bad shares."""
    (n, m), (p, q) = sizes, shares
    means = [0.0] * len(TIMES)
    for x, y in product(range(n + 1), range(m + 1)):
        chance = stats.binom.pmf(x, n, p) * stats.binom.pmf(y, m, q)
        for number, one in enumerate(log_bets(Look(n, x, m, y), forecast, margin, TIMES)):
            means[number] += chance * math.exp(one)
    return means


@pytest.mark.parametrize("sizes", [(1, 1), (3, 9), (9, 3), (1, 12)])
@pytest.mark.parametrize("margin", MARGINS)
@pytest.mark.parametrize("stable", [0.0, 0.003, 0.05, 0.5])
@pytest.mark.parametrize("forecast", [0.001, 0.06, 0.4])
def test_on_the_margin_evidence_is_one_at_most_whatever_was_forecast(sizes, margin, stable, forecast):
    canary = min(1.0, margin.of(stable))
    means = mean_e(sizes, (canary, stable), forecast, margin)

    # On the line itself it holds for both directions.
    assert all(one <= 1 + 1e-9 for one, times in zip(means, TIMES, strict=True) if canary == margin.of(stable))


@pytest.mark.parametrize(("canary", "side"), [(0.02, lambda times: times > 1), (0.25, lambda times: times < 1)])
def test_off_the_margin_it_is_one_at_most_for_the_bets_against_what_is_true(canary, side):
    means = mean_e((4, 9), (canary, 0.05), 0.05, Margin(2.0, 0.0))

    assert all(one <= 1 + 1e-9 for one, times in zip(means, TIMES, strict=True) if side(times))


def test_evidence_grows_when_the_bet_is_true():
    """The mean logarithm is what grows from look to look; it is highest for the bet that is right."""
    n, m, canary, stable = 6, 12, 0.3, 0.1
    growth = [0.0] * len(TIMES)
    for x, y in product(range(n + 1), range(m + 1)):
        chance = stats.binom.pmf(x, n, canary) * stats.binom.pmf(y, m, stable)
        for number, one in enumerate(log_bets(Look(n, x, m, y), stable, Margin(), TIMES)):
            growth[number] += chance * one

    # 0.3 has 3.9 times the odds of 0.1; of the bets, 6 and 1.8 are the ones beside it.
    assert growth[TIMES.index(1.8)] > 0.1
    assert growth[TIMES.index(6.0)] > 0.1
    assert growth[TIMES.index(0.6)] < 0


def test_a_fraction_of_a_request_gives_less_evidence_than_the_value_itself():
    """A duration counts as a part of a bad answer: that must never say more than the exact bet on the value."""
    exact_lam = 2.0
    for part in (0.0, 0.2, 0.7, 1.0):
        exact = math.log1p(exact_lam * (part - 0.1))
        mixed = part * math.log1p(exact_lam * 0.9) + (1 - part) * math.log1p(-exact_lam * 0.1)
        assert mixed <= exact + 1e-12


def test_one_version_without_requests_says_nothing():
    assert log_bets(Look(10, 10, 0, 0), 0.1, Margin(), TIMES) == [0.0] * len(TIMES)
    assert log_bets(Look(0, 0, 10, 0), 0.1, Margin(), TIMES) == [0.0] * len(TIMES)


@pytest.mark.parametrize("line", [0.02, 0.1, 0.5, 0.95])
def test_a_share_on_its_line_gives_one_on_average(line):
    all_ = 12
    means = [0.0] * len(TIMES)
    for x in range(all_ + 1):
        chance = stats.binom.pmf(x, all_, line)
        for number, one in enumerate(log_share_bets(x, all_, line, TIMES)):
            means[number] += chance * math.exp(one)

    assert means == pytest.approx([1.0] * len(TIMES))


@pytest.mark.parametrize("spread", [0.1, 0.9])
def test_a_gauge_that_is_no_higher_on_average_gives_one_at_most(spread):
    """Two values, equally likely, whose relative differences cancel out."""
    high, low = (1 + spread) / (1 - spread), (1 - spread) / (1 + spread)
    pairs = zip(log_gauge_bets(high, 1.0, (0.5, 0.9)), log_gauge_bets(low, 1.0, (0.5, 0.9)), strict=True)

    assert all((math.exp(up) + math.exp(down)) / 2 <= 1 + 1e-12 for up, down in pairs)


def test_a_gauge_of_zero_on_both_sides_says_nothing():
    assert log_gauge_bets(0.0, 0.0, (0.5, 0.9)) == [0.0, 0.0]


def test_the_sum_of_very_small_evidence_is_not_lost():
    assert log_sum([-2000.0, -2000.0]) == pytest.approx(-2000.0 + math.log(2))
