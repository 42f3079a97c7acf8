"""Every random choice of a schedule, each in a stream of its own that is named for who draws and what for.

A draw depends on the seed, the name of its stream and how often that stream was asked before, and on nothing else. So
one outcome can be forced, and all other draws come out as they did: what changes is what follows from the forced one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from struct import Struct
from typing import Generic, TypeVar

T = TypeVar("T")
NOTHING = "nothing"  # how a forced draw says that what may happen does not
_BLOCK = Struct(">16I")  # so many draws come from one digest: hashing for each of them takes three times as long
_SCALE = 2.0**-32


class ForcedDrawError(Exception):
    """A forced draw that nobody asked for, or a value that this draw cannot have."""


@dataclass(frozen=True, slots=True)
class Odds(Generic[T]):
    """How often something happens to a call (0 to 1), what it may be for this seed, and what it may be at all."""

    rate: float
    options: Sequence[T]
    possible: Sequence[T]


class Draws:
    """The draws of one seed.

    `forced` maps the name of a draw ("STREAM #N", the N-th of its stream, from 1) to its outcome, which is compared as
    text. With `keep`, `drawn` holds every outcome by the same names.
    """

    def __init__(self, seed: int, forced: Mapping[str, object] | None = None, *, keep: bool = False) -> None:
        self._seed = seed
        self._words: dict[str, list[int]] = {}
        self._blocks: dict[str, int] = {}
        self._counts: dict[str, int] = {}
        self._forced = {name: str(value) for name, value in (forced or {}).items()}
        self._forced_streams = {name.rpartition(" #")[0] for name in self._forced}
        self._asked: set[str] = set()
        self._watching = keep or bool(self._forced)
        self.drawn: dict[str, object] | None = {} if keep else None

    def number(self, stream: str) -> float:
        """A number from 0 to below 1. A forced one is text for such a number."""
        outcome = self._next(stream)
        if self._watching:
            name, value = self._name(stream)
            if value is not None:
                outcome = _as_number(name, value)
            self._keep(name, outcome)
        return outcome

    def seconds(self, stream: str, scales: Sequence[float]) -> float:
        """Seconds from 0 to below one of the scales, each as likely as the others. Forced ones are text for them."""
        place = self._next(stream) * len(scales)
        outcome = scales[int(place)] * (place % 1.0)
        if self._watching:
            name, value = self._name(stream)
            if value is not None:
                outcome = _as_number(name, value, max(scales))
            self._keep(name, outcome)
        return outcome

    def choice(self, stream: str, options: Sequence[T]) -> T:
        """One of these options, each as likely as the others. A forced one must be among them."""
        outcome = options[int(self._next(stream) * len(options))]
        if self._watching:
            name, value = self._name(stream)
            if value is not None:
                outcome = _as_option(name, value, options)
            self._keep(name, outcome)
        return outcome

    def chance(self, stream: str, share: float) -> bool:
        """True in this share of all draws. A forced one is "True" or "False"."""
        outcome = self._next(stream) < share
        if self._watching:
            name, value = self._name(stream)
            if value is not None:
                outcome = _as_option(name, value, (True, False))
            self._keep(name, outcome)
        return outcome

    def call(self, stream: str, odds: Odds[T]) -> tuple[float, T | None]:
        """The draws of one call: a number from 0 to below 1 for its latency, and its fault; None for most.

        They are two draws, "STREAM / latency" and "STREAM / fault", out of one digest: calls are most of a schedule.
        A forced fault may be any possible one, whatever the rate and the options of this seed, or NOTHING.
        """
        words = self._words.get(stream) or self._next_block(stream)
        latency, place = words.pop() * _SCALE, words.pop() * _SCALE
        fault = odds.options[int(place / odds.rate * len(odds.options))] if place < odds.rate and odds.options else None
        if self._watching:
            name, value = self._name(f"{stream} / latency")
            if value is not None:
                latency = _as_number(name, value)
            self._keep(name, latency)
            name, value = self._name(f"{stream} / fault")
            if value is not None:
                fault = None if value == NOTHING else _as_option(name, value, odds.possible)
            self._keep(name, fault)
        return latency, fault

    def check_forced(self) -> None:
        """Raises ForcedDrawError when a draw was forced that nobody asked for: the schedule shows nothing about it."""
        missing = sorted(self._forced.keys() - self._asked)
        if missing:
            raise ForcedDrawError(f"seed {self._seed} has no draw named {' and none named '.join(missing)}")

    @staticmethod
    def parse_forced(text: str) -> dict[str, object]:
        """Forced draws from "NAME=OUTCOME; NAME=OUTCOME". Raises ValueError."""
        pairs = [part.partition("=") for part in text.split("; ") if part]
        wrong = [name for name, equals, _ in pairs if not equals]
        if wrong:
            raise ValueError(f"expected NAME=OUTCOME, got {wrong[0]}")
        return {name: value for name, _, value in pairs}

    def _next(self, stream: str) -> float:
        words = self._words.get(stream) or self._next_block(stream)
        return words.pop() * _SCALE

    def _next_block(self, stream: str) -> list[int]:
        block = self._blocks[stream] = self._blocks.get(stream, 0) + 1
        digest = blake2b(f"{self._seed} / {block} / {stream}".encode()).digest()
        words = self._words[stream] = list(_BLOCK.unpack(digest))
        return words

    def _name(self, stream: str) -> tuple[str, str | None]:
        """The name of the draw just made, and what it is forced to be. None: it is not forced."""
        count = self._counts[stream] = self._counts.get(stream, 0) + 1
        if self.drawn is None and stream not in self._forced_streams:
            return "", None
        name = f"{stream} #{count}"
        value = self._forced.get(name)
        if value is not None:
            self._asked.add(name)
        return name, value

    def _keep(self, name: str, outcome: object) -> None:
        if self.drawn is not None:
            self.drawn[name] = NOTHING if outcome is None else outcome


def _as_number(name: str, value: str, below: float = 1.0) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0.0 <= number < below:
        raise ForcedDrawError(f"{name}: expected a number from 0 to below {below:g}, got {value}")
    return number


def _as_option(name: str, value: str, options: Sequence[T]) -> T:
    for option in options:
        if str(option) == value:
            return option
    raise ForcedDrawError(f"{name}: expected one of {', '.join(map(str, options))}, got {value}")
