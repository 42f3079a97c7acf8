"""The one place that waits. Everyone else names a condition, a deadline, and the pause between two looks."""

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TypeVar

from gatewayctl.domain.errors import DeadlineExceeded, Transient
from gatewayctl.ports import Clock, Tick

T = TypeVar("T")

_MOST_BLIND = 300.0  # seconds by which looks that see nothing make a wait longer, all together
_DOUBLINGS = 30  # of a pause; after so many it is at its longest, whatever that is


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses that grow: a random part of `first` seconds, then of twice as much, and so on up to `longest` seconds.

    For many processes that compete for one thing: those that lost at the same time do not come back at the same time
    (exponential backoff with full jitter, M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
    The random part depends on `seed` alone: different for each competitor, the same in each replay.
    """

    seed: str
    first: float
    longest: float

    def __post_init__(self) -> None:
        _check_pause(min(self.first, self.longest))

    def pause(self, looks: int) -> float:
        """Seconds to pause after so many looks, counted from 1; always more than 0."""
        part = (zlib.crc32(f"{self.seed} {looks}".encode()) + 1) / 2**32
        return part * min(self.longest, self.first * 2.0 ** min(looks - 1, _DOUBLINGS))


@dataclass(frozen=True, slots=True)
class InProportion:
    """A pause of `shortest` seconds, or of twice the time that the look before it took, up to `longest` seconds.

    For looks that cost something and that many processes take at the same time: on a machine that is busy with them
    they become slow, and then each process looks less often.
    """

    shortest: float
    longest: float = 1.0

    def __post_init__(self) -> None:
        _check_pause(self.shortest)

    def pause(self, took: float) -> float:
        """Seconds to pause after a look that took so many."""
        return max(self.shortest, min(2 * took, self.longest))


@dataclass(frozen=True, slots=True)
class Deadline:
    """How long to wait and how often to look, in seconds. Raises ValueError for a wait without pauses.

    `tick` is called with what was last seen: after each look and, where looks are rare, every `tick_every` seconds
    between them. It may raise to stop the wait. `hint` says what to try when the time is over.
    """

    clock: Clock
    tick: Tick
    within: float
    every: float | Backoff | InProportion = 0.1
    tick_every: float = math.inf
    hint: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.every, float | int):
            _check_pause(self.every)
        _check_pause(self.tick_every)

    def pause(self, looks: int, took: float) -> float:
        """Seconds to pause after so many looks, counted from 1, of which the last one `took` so many seconds."""
        match self.every:
            case Backoff():
                return self.every.pause(looks)
            case InProportion():
                return self.every.pause(took)
            case _:
                return self.every


def _check_pause(seconds: float) -> None:
    if seconds <= 0:
        raise ValueError(f"a wait must pause between two looks, so {seconds:g} s is not possible")


@dataclass(frozen=True, slots=True)
class Pending:
    """Not yet; `detail` is what was seen instead."""

    detail: str


def until(look: Callable[[], T | Pending], what: str, deadline: Deadline) -> T:
    """The first answer of `look` that is not Pending. Raises DeadlineExceeded with what was last seen.

    A look that raises Transient has seen nothing, and what cannot be seen may be as wanted. So the time until the next
    look that sees something does not count. When that takes longer than the whole wait, Transient is raised, with how
    long it `lasted`. Any other fault ends the wait: what it names will not be better a moment later.
    """
    blind = _BlindTime(deadline)

    def look_again() -> T | Pending:
        begun = deadline.clock.now()
        try:
            seen = look()
        except Transient as fault:
            return blind.note(fault, what, begun)
        blind.end()
        return seen

    return _wait(look_again, what, deadline, blind)


@dataclass(slots=True)
class _BlindTime:
    """The time in which looks saw nothing, in seconds: `total` for what is over, `since` for what goes on.

    A look that fails counts with the time that it took itself: a client tries again for seconds before it gives up.
    """

    deadline: Deadline
    total: float = 0.0
    since: float | None = None

    def note(self, fault: Transient, what: str, begun: float) -> Pending:
        """A look that was `begun` then saw nothing. Raises Transient when that has been so for the whole wait."""
        if self.since is None:
            self.since = begun
        lasted = self.deadline.clock.now() - self.since
        if lasted >= self.deadline.within:
            message = f"waited {lasted:g} s for {what}, and could not look: {fault}"
            raise Transient(message, hint=fault.hint, lasted=lasted) from fault
        return Pending(str(fault))

    def end(self) -> None:
        """A look saw something."""
        if self.since is not None:
            self.total = min(self.total + self.deadline.clock.now() - self.since, _MOST_BLIND)
            self.since = None


def until_or_fail(look: Callable[[], T | Pending], what: str, deadline: Deadline) -> T:
    """As `until`, but every fault of `look` ends the wait at once, a transient one too."""
    return _wait(look, what, deadline, _BlindTime(deadline))


def _wait(look: Callable[[], T | Pending], what: str, deadline: Deadline, blind: _BlindTime) -> T:
    clock = deadline.clock
    end = clock.now() + deadline.within
    for looks in count(1):
        begun = clock.now()
        seen = look()
        took = clock.now() - begun
        if not isinstance(seen, Pending):
            return seen
        detail = seen.detail
        deadline.tick(detail)
        left = end + blind.total - clock.now() if blind.since is None else math.inf
        if left <= 0:
            break
        pause(min(deadline.pause(looks, took), left), clock, partial(deadline.tick, detail), deadline.tick_every)
    raise DeadlineExceeded(deadline.within, what, detail, hint=deadline.hint)


def pause(seconds: float, clock: Clock, tick: Callable[[], None] = lambda: None, tick_every: float = math.inf) -> None:
    """Let `seconds` pass, at most `tick_every` more; every `tick_every` seconds `tick` is called, and may raise."""
    end = clock.now() + seconds
    clock.sleep(min(seconds, tick_every))
    while tick_every < math.inf and clock.now() < end:
        tick()
        clock.sleep(tick_every)
