"""Writing an object only while it is what the write was decided on: one policy for everything that we change.

A conflict does not mean that somebody changed what matters: a status moves all the time, and people edit other parts of
the same object. A write without an answer may have happened or not. In both cases the object is read again. When it
shows this very write (by its nonce, or by what it holds), the write is done. When what the write was decided on is as
it was, the write is sent again. Otherwise it is stale.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from gatewayctl.adapters.clock import SystemClock
from gatewayctl.adapters.kubernetes.client.api import ApiFault, NotFound, UnknownOutcome, VersionConflict
from gatewayctl.domain.errors import Transient
from gatewayctl.ports import Clock
from gatewayctl.waiting import Backoff, pause

T = TypeVar("T")

ATTEMPTS = 10
"""How often one write is sent, at most: controllers that report their status may come first several times in a row."""

UNANSWERED = 5
"""How many of these may end without an answer: each of them may have taken as long as a request is waited for."""

WITHIN = 20.0
"""Seconds after the first attempt in which another one begins; a lease outlasts that."""

_FIRST, _LONGEST = 0.05, 2.0  # seconds; the longest pause after the first attempt, and after any


class OvertakenWrite(Transient):
    """Others changed the object before each attempt, although never in what the write was decided on."""

    hint = "try again"


@dataclass(frozen=True, slots=True)
class ConditionalWrite(Generic[T]):
    """One write of one object, called `what`; T is a state of that object as it is read.

    `send` writes on top of a state and returns the new one; it raises VersionConflict when the object was in another
    state. `read` gets the state by a new request. `is_done_in` tells whether a state shows this write. `verify` raises
    StaleWrite, or another Conflict, when a state is not what the write was decided on.
    """

    what: str
    send: Callable[[T], T]
    read: Callable[[], T]
    is_done_in: Callable[[T], bool]
    verify: Callable[[T], None]
    clock: Clock = field(default_factory=SystemClock)


def write_conditionally(write: ConditionalWrite[T], state: T) -> T:
    """Write on top of `state`, and return the state after it.

    Raises what `verify` raises, OvertakenWrite, UnknownOutcome when attempts stayed without an answer, ApiFault when
    the API server refuses the write, and what `read` raises.
    """
    write.verify(state)
    unanswered, end = 0, write.clock.now() + WITHIN
    backoff = Backoff(secrets.token_hex(4), _FIRST, _LONGEST)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return write.send(state)
        except (VersionConflict, NotFound, UnknownOutcome) as fault:
            unanswered += isinstance(fault, UnknownOutcome)
            state = write.read()
            if write.is_done_in(state):
                return state
            write.verify(state)
            if attempt == ATTEMPTS or unanswered == UNANSWERED or write.clock.now() >= end:
                raise _give_up(write.what, attempt, fault) from fault
            pause(backoff.pause(attempt), write.clock)
    raise AssertionError("the last attempt returns or raises")


def _give_up(what: str, attempts: int, fault: ApiFault) -> Transient:
    if isinstance(fault, UnknownOutcome):
        return UnknownOutcome(fault.status, f"{what} could not be written in {attempts} attempts: {fault}")
    return OvertakenWrite(f"{what} could not be written in {attempts} attempts: others change it all the time")
