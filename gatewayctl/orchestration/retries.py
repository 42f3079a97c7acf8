"""Write the gateway's files although others write them too: in turns where others wait, and again after a lost write.

The compare-and-swap on the files is the only protection of what others wrote. A turn is order: between reading and
writing lies the product's own check, and fifty processes that check at once all lose but one. So a release tries at
once where nobody is known to wait; after a lost write, or where others wait already, it stands in line. Where turns
cannot be had it tries again after a pause that grows (see Backoff).
"""

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from gatewayctl.domain.errors import DeadlineExceeded, EnvironmentFailed, StaleWrite, Transient
from gatewayctl.domain.turns import TURN, ordinal
from gatewayctl.orchestration.context import StepContext
from gatewayctl.waiting import Backoff, Pending, until

T = TypeVar("T")

_FIRST, _LONGEST = 0.2, 5.0  # seconds; the longest pause after the first lost try, and after any
_WITHIN = 120.0  # seconds in which the line moves, or a try succeeds
_STALLED = 3 * TURN  # seconds; a line that has not moved for so long is none: we try as if there were no turns
_WHAT = "a turn to write the gateway's files"


class _NoTurn(DeadlineExceeded):
    """Nothing has moved for `_WITHIN`."""


@dataclass(slots=True)
class _Turn:
    """Our turn to write; `moved` is when we last came forward (monotonic seconds), `place` where we stood last."""

    context: StepContext
    moved: float
    place: float = math.inf
    is_in_line: bool = False
    lost: int = 0
    seen: str = ""

    def has_come(self) -> bool | Pending:
        """Whether it is our turn; also where nobody waits, and where no line moves. Raises _NoTurn."""
        place = self._ask()
        now = self.context.ports.clock.now()
        if place < self.place:
            self.moved = now
        self.place = place
        if now - self.moved > _WITHIN:
            raise _NoTurn(_WITHIN, _WHAT, self.seen)
        if place == 1 or now - self.moved > _STALLED:
            return True
        self.seen = f"{ordinal(place)} in line to write the gateway's files"
        return Pending(self.seen)

    def _ask(self) -> int:
        turns, release = self.context.ports.turns, self.context.release
        try:
            if not self.is_in_line and not turns.has_line():
                return 1
            self.is_in_line = True
            return turns.place(release.app, release.id)
        except EnvironmentFailed:
            return 1

    def note_lost(self) -> Pending:
        """Others wrote first: from now on we stand in line, from this moment on."""
        self.lost += 1
        self.seen = f"others wrote the gateway's files first, {self.lost} time{'s' if self.lost > 1 else ''} so far"
        self.is_in_line = True
        self._ask()
        return Pending(self.seen)

    def end(self) -> None:
        """Leave the line; a ticket that cannot be given back is passed over soon."""
        if self.is_in_line:
            with suppress(EnvironmentFailed):
                self.context.ports.turns.leave(self.context.release.id)


def retry_on_conflict(context: StepContext, attempt: Callable[[], T]) -> T:
    """The result of `attempt`, tried when it is our turn and again as often as it raises StaleWrite.

    What it wrote is announced to the gateway when the turn is over: the next one need not wait for that.
    Raises Transient when neither the line moves nor a try succeeds, and what `attempt` raises.
    """
    turn = _Turn(context, context.ports.clock.now())

    def look() -> T | Pending:
        until(turn.has_come, _WHAT, context.deadline(math.inf))
        try:
            return attempt()
        except StaleWrite:
            return turn.note_lost()
        except EnvironmentFailed as fault:
            turn.seen = str(fault)
            raise

    try:
        done = until(look, _WHAT, context.deadline(math.inf, Backoff(context.release.id, _FIRST, _LONGEST)))
    except _NoTurn as fault:
        raise Transient(str(fault), hint=fault.hint) from fault
    finally:
        turn.end()
    context.announce()
    return done
