"""What happened between two snapshots: differences of counters, by process, so that a reset is no drop of the whole."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from gatewayctl.domain.judge.kernel import shorten
from gatewayctl.domain.signals import Counters, Snapshot, Version

GAP = 300.0
"""Seconds between two snapshots after which a process may have started again and counted past its old figure."""

Edges = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """Requests of one version: how many, how many failed, and how long those took that were timed, in seconds.

    `bins` counts the timed ones per bucket, not cumulative; its last one has no upper edge. Empty: nobody counts so.
    """

    requests: float = 0.0
    errors: float = 0.0
    timed: float = 0.0
    seconds: float = 0.0
    bins: tuple[float, ...] = ()

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.requests + other.requests,
            self.errors + other.errors,
            self.timed + other.timed,
            self.seconds + other.seconds,
            _added(self.bins, other.bins),
        )

    def decayed(self, left: float, new: "Tally") -> "Tally":
        """With `new` added to so much (0..1) of the old."""
        bins = tuple(one * left for one in self.bins)
        return Tally(self.requests * left, self.errors * left, self.timed * left, self.seconds * left, bins) + new

    def short(self) -> "Tally":
        """The same with few digits."""
        bins = tuple(map(shorten, self.bins))
        return Tally(shorten(self.requests), shorten(self.errors), shorten(self.timed), shorten(self.seconds), bins)

    def untimed(self) -> "Tally":
        """The same without latency."""
        return Tally(self.requests, self.errors)


@dataclass(frozen=True, slots=True)
class Mark:
    """The counters of one process for one version, as they stood at the last good snapshot."""

    process: str
    version: Version
    tally: Tally


@dataclass(frozen=True, slots=True)
class Difference:
    """What each process counted since the last good snapshot; `missing` are those of which nobody knows."""

    counted: tuple[Mark, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether all processes are known, of both versions: only then it shows how requests were divided."""
        return not self.missing and {one.version for one in self.counted} == set(Version)

    def of(self, version: Version) -> Tally:
        """The sum over all processes."""
        return total(one.tally for one in self.counted if one.version is version)


def total(tallies: Iterable[Tally]) -> Tally:
    """The sum of all."""
    return sum(tallies, Tally())


def edges_of(snapshot: Snapshot) -> Edges:
    """The finite upper edges of its buckets, in seconds: those that most processes have. Empty if nobody has any."""
    found: dict[Edges, int] = {}
    for one in snapshot.counters.values():
        edges = _edges(one)
        if edges:
            found[edges] = found.get(edges, 0) + 1
    return max(found, key=lambda edges: found[edges], default=())


def marks(snapshot: Snapshot, edges: Edges) -> tuple[Mark, ...]:
    """The counters of a snapshot. A process with a figure that is no count is left out, whole."""
    broken = {process for (process, _), one in snapshot.counters.items() if not _is_sane(one)}
    return tuple(
        Mark(process, version, _stand(one, edges))
        for (process, version), one in sorted(snapshot.counters.items())
        if process not in broken
    )


def differences(before: tuple[Mark, ...], after: tuple[Mark, ...]) -> Difference:
    """What each process counted in between.

    A process counts only where it is known twice, with the same versions, and where none of its counters fell. Of all
    others nothing is known for this look: a counter that starts again hides what came before.
    """
    old, new = _by_process(before), _by_process(after)
    counted: list[Mark] = []
    missing: list[str] = []
    for process in sorted({*old, *new}):
        was, now = old.get(process, {}), new.get(process, {})
        if was.keys() != now.keys() or any(_fell(was[version], now[version]) for version in now):
            missing.append(process)
            continue
        counted += [Mark(process, version, _since(was[version], now[version])) for version in now]
    return Difference(tuple(counted), tuple(missing))


def _by_process(given: tuple[Mark, ...]) -> dict[str, Mapping[Version, Tally]]:
    found: dict[str, dict[Version, Tally]] = {}
    for one in given:
        found.setdefault(one.process, {})[one.version] = one.tally
    return dict(found)


def _is_sane(one: Counters) -> bool:
    """Whether all figures are counts: none is negative, NaN or infinite, and buckets hold more the higher they are."""
    counts = [count for _, count in one.buckets or ()]
    figures = [one.requests, one.errors, one.seconds or 0.0, *counts]
    grows = all(low <= high for low, high in pairwise(counts))
    return grows and all(math.isfinite(figure) and figure >= 0 for figure in figures)


def _edges(one: Counters) -> Edges:
    return tuple(edge for edge, _ in one.buckets or () if math.isfinite(edge))


def _stand(one: Counters, edges: Edges) -> Tally:
    """Counters as a tally; buckets with other edges than `edges` cannot be added to the rest, and are left out."""
    bins: tuple[float, ...] = ()
    if one.buckets and edges and _edges(one) == edges and len(one.buckets) == len(edges) + 1:
        counts = [count for _, count in one.buckets]
        bins = (counts[0], *(high - low for low, high in pairwise(counts)))
    if one.seconds is None and not bins:
        return Tally(one.requests, one.errors)
    timed = sum(bins) if bins else one.requests - one.errors if one.of_successes else one.requests
    return Tally(one.requests, one.errors, timed, one.seconds or 0.0, bins)


def _fell(was: Tally, now: Tally) -> bool:
    """Whether any counter is lower than before, or is no longer counted."""
    figures = ((was.requests, now.requests), (was.errors, now.errors), (was.seconds, now.seconds))
    if len(was.bins) != len(now.bins):
        return True
    return any(new < old for old, new in (*figures, *zip(was.bins, now.bins, strict=True)))


def _since(was: Tally, now: Tally) -> Tally:
    bins = tuple(new - old for old, new in zip(was.bins, now.bins, strict=True))
    return Tally(
        now.requests - was.requests,
        now.errors - was.errors,
        now.timed - was.timed,
        now.seconds - was.seconds,
        bins,
    )


def _added(one: tuple[float, ...], other: tuple[float, ...]) -> tuple[float, ...]:
    if not one or not other:
        return one or other
    return tuple(a + b for a, b in zip(one, other, strict=True))
