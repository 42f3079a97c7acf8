"""The one function that waits. Everyone else names a condition and a deadline."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from gatewayctl.domain.errors import DeadlineExceeded, EnvironmentFailed, Missing
from gatewayctl.ports import Clock

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Deadline:
    """How long to wait and how often to look, in seconds; `tick` is told what was last seen and may raise to stop."""

    clock: Clock
    tick: Callable[[str], None]
    within: float
    every: float = 0.1


@dataclass(frozen=True, slots=True)
class Pending:
    """Not yet; `found` is what was seen instead."""

    found: str


def until(look: Callable[[], T | Pending], what: str, patience: Deadline) -> T:
    """The first answer of `look` that is not Pending. Raises DeadlineExceeded with what was last seen.

    A look that meets an EnvironmentFailed counts as pending: what is unreachable now may answer before the deadline.
    """
    clock = patience.clock
    deadline = clock.now() + patience.within
    while True:
        try:
            seen = look()
        except (DeadlineExceeded, Missing):
            raise
        except EnvironmentFailed as fault:
            seen = Pending(str(fault))
        if not isinstance(seen, Pending):
            return seen
        patience.tick(seen.found)
        now = clock.now()
        if now >= deadline:
            raise DeadlineExceeded(patience.within, what, seen.found)
        clock.sleep(min(patience.every, deadline - now))
