"""A turn among all who write the gateway's files: who lost a compare-and-swap reads again, and tries again.

Between reading and writing lies the product's own check, which takes longer the more processes ask for it. So who lost
waits, by chance and the longer the more often: a crowd that tried at once thins out (exponential backoff with full
jitter, M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
"""

import zlib
from collections.abc import Callable
from typing import TypeVar

from gatewayctl.domain.errors import StaleWrite
from gatewayctl.orchestration.context import StepContext
from gatewayctl.waiting import Pending, until

T = TypeVar("T")

_FIRST, _LONGEST = 0.2, 5.0  # seconds; the most that is waited after the first loss, and after any
_WITHIN = 120.0  # seconds in which a turn comes: fifty at once need less


def retry_on_conflict(context: StepContext, attempt: Callable[[], T]) -> T:
    """What `attempt` gives, once nobody wrote between its read and its write. Raises DeadlineExceeded."""
    lost = 0

    def look() -> T | Pending:
        nonlocal lost
        try:
            return attempt()
        except StaleWrite:
            lost += 1
            context.ports.clock.sleep(_chance(context.release.id, lost) * min(_LONGEST, _FIRST * 2 ** (lost - 1)))
            return Pending(f"others wrote the gateway's files first, {lost} times so far")

    return until(look, "a turn to write the gateway's files", context.deadline(_WITHIN, 0.0))


def _chance(release: str, lost: int) -> float:
    """Between 0 and 1: different for each release, and the same in each replay."""
    return zlib.crc32(f"{release} {lost}".encode()) / 2**32
