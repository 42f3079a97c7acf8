"""Evidence over blocks: no block counts for too much, a change in the middle is found, noise counts against it."""

import math

import pytest

from gatewayctl.domain.judge import evidence
from gatewayctl.domain.judge.evidence import WITHIN, WORSE, Evidence
from gatewayctl.domain.judge.kernel import Look
from gatewayctl.domain.judge.noise import Noise


def blocks(bet: evidence.Bet, logs: list[float], number: int, begin: Evidence | None = None) -> Evidence:
    one = begin or Evidence.none(bet)
    for _ in range(number):
        one = one.add(bet, logs, one.noise).close(bet)
    return one


def test_before_the_first_look_evidence_is_one():
    assert Evidence.none(WORSE).value(WORSE) == pytest.approx(0.0)
    assert Evidence.none(WITHIN).value(WITHIN) == pytest.approx(0.0)


@pytest.mark.parametrize("number", [1, 119, 120, 121, 1000])
def test_looks_that_say_nothing_leave_it_one_for_hours(number):
    """So the weights of all starts, past and to come, sum to 1."""
    assert blocks(WORSE, [0.0] * 5, number).value(WORSE) == pytest.approx(0.0, abs=1e-9)


def test_no_block_adds_more_than_the_cap():
    one = Evidence.none(WORSE)
    assert one.add(WORSE, [1000.0] * 5, one.noise).value(WORSE) == pytest.approx(
        math.log(0.8 * math.exp(WORSE.cap) + 0.2)
    )


def test_a_change_after_an_hour_is_found_within_a_minute():
    """What was lost on a good canary in an hour does not have to be won back."""
    good = blocks(WORSE, [-0.5] * 5, 720)
    needed = math.log(100)

    assert good.value(WORSE) < -2
    assert blocks(WORSE, [1.5] * 5, 12, good).value(WORSE) > needed
    # Without later starts it would have to win back 360 nats.
    fixed = evidence.Bet(WORSE.times, WORSE.cap, WORSE.prior, later=False)
    assert blocks(fixed, [1.5] * 5, 12, blocks(fixed, [-0.5] * 5, 720)).value(fixed) < -300


def test_evidence_counts_for_less_by_the_noise_that_was_known_before():
    noisy = Evidence(WITHIN_START.settled, WITHIN_START.current, 0, Noise(squares=32.0, blocks=2))

    once = noisy.add(WITHIN, [0.8] * 4, Noise())

    # (6 x 3 + 32) / (6 + 2)
    assert once.current == pytest.approx((0.8 / 6.25,) * 4)


WITHIN_START = Evidence.none(WITHIN)


def test_a_short_state_has_no_more_evidence_than_the_long_one():
    long = blocks(WORSE, [0.123456789, -0.987654321, 0.5, 0.25, 0.333333333], 7)

    assert all(one <= other for one, other in zip(long.short().settled, long.settled, strict=True))
    assert long.short().value(WORSE) == pytest.approx(long.value(WORSE), abs=1e-3)


def swings(looks: list[Look]) -> Noise:
    noise = Noise()
    for one in looks:
        noise = noise.add(one, 1.0).close()
    return noise


def test_bad_ones_that_divide_as_they_should_are_no_noise():
    assert swings([Look(100, 5, 100, 5)] * 60).factor(1.0) == pytest.approx(1.0)


def test_bad_ones_that_come_in_clumps_are_noise():
    in_turns = [Look(100, 20, 100, 0), Look(100, 0, 100, 20)] * 30

    assert swings(in_turns).factor(1.0) > 8


def test_a_lasting_difference_between_the_versions_is_no_noise():
    """Else a bad canary would hide its own evidence."""
    assert swings([Look(100, 30, 100, 10)] * 200).factor(1.0) < 1.5


def test_a_block_with_too_few_bad_ones_to_tell_waits_for_more():
    noise = swings([Look(10, 1, 10, 0)])

    assert noise.blocks == 0
    assert swings([Look(10, 1, 10, 0)] * 8).blocks >= 1
