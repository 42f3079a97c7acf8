"""What a mutation is, and how it is looked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.simulation.commands import Variant
from tests.simulation.draws import ForcedDrawError
from tests.simulation.schedule import ScheduleResult, play


@dataclass(frozen=True, slots=True)
class Mutation:
    """One wrong orchestration.

    `caught_by` are the invariants that may tell: what breaks first depends on the schedule. `forced` are draws that are
    forced in each schedule, for what is rarely seen otherwise.
    """

    caught_by: tuple[str, ...]
    variant: Variant
    forced: Mapping[str, object] = field(default_factory=dict)


def find_catch(mutation: Mutation, schedules: int) -> ScheduleResult | None:
    """The first schedule, from seed 0 on, in which the mutation breaks an invariant. None: in none of so many."""
    for seed in range(schedules):
        try:
            result = play(seed, mutation.variant, forced=mutation.forced)
        except ForcedDrawError:  # this schedule never comes to what is forced
            continue
        if result.broken:
            return result
    return None
