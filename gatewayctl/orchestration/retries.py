"""Write the gateway's files although others write them too: after a lost compare-and-swap, read and try again.

Between reading and writing lies the product's own check, which takes longer the more processes ask for it at once. So
the pause after a lost try grows (see Backoff): processes that lost together try again one after the other.
"""

from collections.abc import Callable
from typing import TypeVar

from gatewayctl.domain.errors import StaleWrite
from gatewayctl.orchestration.context import StepContext
from gatewayctl.waiting import Backoff, Pending, until

T = TypeVar("T")

_FIRST, _LONGEST = 0.2, 5.0  # seconds; the longest pause after the first lost try, and after any
_WITHIN = 120.0  # seconds in which a try succeeds: fifty releases at once need less


def retry_on_conflict(context: StepContext, attempt: Callable[[], T]) -> T:
    """The result of `attempt`, tried again as often as it raises StaleWrite. Raises DeadlineExceeded."""
    lost = 0

    def look() -> T | Pending:
        nonlocal lost
        try:
            return attempt()
        except StaleWrite:
            lost += 1
            return Pending(f"others wrote the gateway's files first, {lost} times so far")

    backoff = Backoff(context.release.id, _FIRST, _LONGEST)
    return until(look, "a turn to write the gateway's files", context.deadline(_WITHIN, backoff))
