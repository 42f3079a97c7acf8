"""Several writers at the same instant, for everything that promises compare-and-swap."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from gatewayctl.domain.errors import Conflict

Result = TypeVar("Result")


def race(write: Callable[[int], Result], writers: int = 6) -> tuple[list[Result], list[Conflict]]:
    """Call `write` with 0, 1, … in as many threads, all at once; what came of it, and the conflicts."""
    barrier = Barrier(writers)

    def run(number: int) -> Result | Conflict:
        barrier.wait()
        try:
            return write(number)
        except Conflict as conflict:
            return conflict

    with ThreadPoolExecutor(writers) as pool:
        outcomes = list(pool.map(run, range(writers)))
    won = [outcome for outcome in outcomes if not isinstance(outcome, Conflict)]
    return won, [outcome for outcome in outcomes if isinstance(outcome, Conflict)]
