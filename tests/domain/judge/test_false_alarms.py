"""False alarms of the whole process, looked at after every look: exactly for few looks, by simulation for many."""

import math
import random
from itertools import product

import pytest
from scipy import stats

from gatewayctl.domain.judge.evidence import WITHIN, WORSE, Bet, Evidence
from gatewayctl.domain.judge.kernel import Look, Margin, log_bets, log_sum

MARGIN = Margin(1.25, 0.01)


def after(bet: Bet, evidence: Evidence, look: Look, forecast: float) -> Evidence:
    logs = log_bets(look, forecast, MARGIN, bet.times)
    return evidence.add(bet, logs, evidence.noise.add(look, 1.0))


def exact_mean(bet: Bet, shares: tuple[float, ...]) -> float:
    """The mean of the process at the end, over every possible outcome of looks at one request of the canary and two of
    stable. `shares` are stable's bad shares, one for each look; the canary is on the margin. A block is two looks.
    """
    paths = [(Evidence.none(bet), 1.0)]
    for number, stable in enumerate(shares):
        chances = [
            (Look(1, x, 2, y), stats.binom.pmf(x, 1, MARGIN.of(stable)) * stats.binom.pmf(y, 2, stable))
            for x, y in product(range(2), range(3))
        ]
        grown = []
        for (evidence, chance), (look, weight) in product(paths, chances):
            one = after(bet, evidence, look, forecast=0.1)
            grown.append((one.close(bet) if number % 2 else one, chance * weight))
        paths = grown
    return sum(chance * math.exp(evidence.value(bet)) for evidence, chance in paths)


@pytest.mark.parametrize("bet", [WORSE, WITHIN])
@pytest.mark.parametrize("shares", [(0.1, 0.1, 0.1, 0.1), (0.02, 0.6, 0.02, 0.6), (0.5, 0.01, 0.01, 0.5)])
def test_with_mixture_later_starts_cap_and_noise_the_process_is_one_at_most_on_average(bet, shares):
    """However stable's share drifts from look to look. So it ever reaches 1/alpha with chance alpha at most."""
    assert exact_mean(bet, shares) <= 1 + 1e-9


def alarms(runs: int, clump: int, *, is_guarded: bool) -> int:
    """How many of so many good canaries raise an alarm in 200 looks of 50 requests each, without a margin.

    The alarm is the one of a signal alone of five, at 1 %. Errors come in clumps, as when a client tries again.
    Unguarded is the bare product of the same bets.
    """
    found = 0
    for seed in range(runs):
        draw = random.Random(seed)  # noqa: S311 (a simulation)
        evidence, bare = Evidence.none(WORSE), [0.0] * len(WORSE.times)
        for number in range(200):
            errors = [clump * sum(draw.random() < 0.02 for _ in range(50 // clump)) for _ in range(2)]
            look = Look(50, errors[0], 50, errors[1])
            logs = log_bets(look, 0.02, Margin(), WORSE.times)
            evidence = evidence.add(WORSE, logs, evidence.noise.add(look, 1.0))
            bare = [old + new for old, new in zip(bare, logs, strict=True)]
            highest = evidence.value(WORSE) if is_guarded else log_sum(bare) - math.log(len(bare))
            if highest >= math.log(500):
                found += 1
                break
            evidence = evidence.close(WORSE) if number % 5 == 4 else evidence
    return found


def test_independent_errors_raise_false_alarms_in_one_percent_of_runs_at_most():
    assert alarms(100, 1, is_guarded=True) <= 1


def test_errors_in_clumps_do_so_too_only_with_cap_and_noise():
    assert alarms(100, 5, is_guarded=True) <= 2
    assert alarms(100, 5, is_guarded=False) >= 10
