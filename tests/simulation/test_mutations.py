"""What the simulation is worth: each rule of order, broken on purpose, is told from the right thing."""

import pytest

from tests.simulation.mutation import find_catch
from tests.simulation.mutations import MUTATIONS


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_rule_of_order_is_caught_within_a_thousand_schedules(name):
    mutation = MUTATIONS[name]

    caught = find_catch(mutation, 1000)

    assert caught is not None, f"nobody noticed that {name}"
    assert caught.broken.invariant in mutation.caught_by, caught.broken
