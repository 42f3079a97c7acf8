"""The line of releases that want to write the gateway's files: who is in it, and whose turn it is.

A line is only order. Whoever writes out of turn, because it saw another line or none, loses nothing but time: the
compare-and-swap on the files protects them. So a ticket whose process is silent is passed over soon, and the one whose
turn it is cannot extend it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

TURN = 8.0
"""Seconds after which a ticket without a sign of life is passed over; and the longest that one turn may take."""

_WORDS = ("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}


@dataclass(frozen=True, slots=True)
class Ticket:
    """A release's place in line; tickets with a lower `number` come first. `heard` is its last sign of life, seconds.

    `has_turn` from when its process has seen that it is the first one.
    """

    release: str
    app: str
    number: int
    heard: float
    has_turn: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """All tickets, in their order."""

    tickets: tuple[Ticket, ...] = ()

    def alive(self, now: float, is_gone: Callable[[str], bool] = lambda _release: False) -> "Line":
        """The line without tickets that were silent for too long, or whose process is known to have ended."""
        return Line(tuple(one for one in self.tickets if now - one.heard < TURN and not is_gone(one.release)))

    def stand(self, app: str, release: str, now: float) -> "Line":
        """The line after a look of `release`: it joins at the end, or gives a sign of life.

        Who has its turn gives none, so that it is passed over when it does not write.
        """
        last = max((one.number for one in self.tickets), default=0)
        mine = self.find(release) or Ticket(release, app, last + 1, now)
        others = tuple(one for one in self.tickets if one.release != release)
        first = all(one.number > mine.number for one in others)
        heard = mine.heard if first and mine.has_turn else now
        tickets = (*others, replace(mine, heard=heard, has_turn=first))
        return Line(tuple(sorted(tickets, key=lambda one: one.number)))

    def leave(self, release: str) -> "Line":
        """The line without that release."""
        return Line(tuple(one for one in self.tickets if one.release != release))

    def find(self, release: str) -> Ticket | None:
        """Its ticket; None when it is not in line."""
        return next((one for one in self.tickets if one.release == release), None)

    def place(self, release: str) -> int:
        """1 for the first, 2 for the second; one more than all where `release` is not in line."""
        mine = self.find(release)
        return 1 + sum(mine is None or one.number < mine.number for one in self.tickets)


def ordinal(place: int) -> str:
    """A place in words: third, 21st."""
    if place < len(_WORDS):
        return _WORDS[place]
    ending = "th" if 10 <= place % 100 <= 20 else _ENDINGS.get(place % 10, "th")
    return f"{place}{ending}"
