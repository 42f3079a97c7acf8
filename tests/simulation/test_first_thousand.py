"""The schedules that every run plays."""

import pytest

from tests.simulation.campaign import chunks, play_known

SEEDS = range(1000)


@pytest.mark.parametrize("seeds", chunks(SEEDS), ids=str)
def test_whatever_goes_wrong_the_invariants_hold(seeds):
    found = play_known(seeds)

    assert found.count == len(seeds)
    assert not found.broken, f"{found.broken}\n{found.story}"


def test_everything_that_can_go_wrong_did():
    assert play_known(SEEDS).tally.find_missing() == []
