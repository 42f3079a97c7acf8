"""How often the judge raises a false alarm when it looks every second, and how many requests it needs to find a change.

Beside it, on the same simulated traffic and looked at as often: Fisher's exact test of all errors so far, the
Mann-Whitney test of all durations so far, each at 1 %, and fixed thresholds. Seeds are fixed: the figures are the same
on every machine; only the time depends on it.
"""

import math
import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bench.figures import Figure, Samples, Target
from bench.judged_traffic import EDGES, MIDDLES, Arm, Shape, Traffic, World
from bench.measuring import progress
from bench.size import Size
from gatewayctl.domain.judge.judge import canary_started, look, start
from gatewayctl.domain.judge.kernel import Margin
from gatewayctl.domain.judge.settings import ERRORS, STANDARD, Settings
from gatewayctl.domain.signals import Counters, Snapshot, Version
from gatewayctl.domain.statistics import Histogram, fisher_greater, mann_whitney

_RATE = 50.0  # requests a second of each version
_LEVEL = 0.01  # of all tests
_GOOD_SECONDS, _BAD_SECONDS = 100, 600
_CHUNK = 20  # runs that a process is given at once
_FIRST = 5  # seconds before anybody looks


_NO_MARGIN = Margin()
_USUAL = Shape()
_STANDARD = Settings(alpha=_LEVEL, share=50.0)
_STRICT = replace(_STANDARD, signals=tuple(replace(one, fail=_NO_MARGIN) for one in STANDARD))
_ERRORS = replace(_STRICT, signals=(replace(ERRORS, fail=_NO_MARGIN),))


@dataclass(frozen=True, slots=True)
class Case:
    """What is simulated, for how many `seconds`; `against` are the other methods that it is shown beside.

    Good canaries are judged without a margin: with one a good canary is well inside of the line, and nothing is shown.
    """

    name: str
    world: World
    canary: Shape
    seconds: int
    against: tuple[str, ...]
    stable: Shape = _USUAL
    settings: Settings = _STANDARD


def _good(name: str, world: World, shape: Shape = _USUAL) -> Case:
    """Both versions alike."""
    return Case(name, world, shape, _GOOD_SECONDS, ("Fisher", "Mann-Whitney", "thresholds"), shape, _STRICT)


def _bad(name: str, shape: Shape, test: str, settings: Settings = _STANDARD) -> Case:
    return Case(name, World(), shape, _BAD_SECONDS, (test, "thresholds"), settings=settings)


GOOD = (
    _good("independent", World()),
    _good("bursty", World(burst=2.0, clump=2)),
    _good("autocorrelated", World(drift=0.2, own=0.02)),
    _good("heavy tails", World(), Shape(tail=0.1, index=1.1)),
    _good("both slower at times", World(outage=True)),
)
BAD = (
    _bad("errors doubled, no margin", Shape(errors=0.01), "Fisher", _ERRORS),
    _bad("errors doubled", Shape(errors=0.01), "Fisher"),
    _bad("median + 20 %", Shape(times=1.2), "Mann-Whitney"),
    _bad("P99 × 2", Shape(tail_times=2.0), "Mann-Whitney"),
    _bad("10 % take 5 × as long", Shape(slow=0.1), "Mann-Whitney"),
)


def judge(size: Size) -> Iterator[Figure]:
    """False alarms of a good canary, then requests until a bad one is found."""
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        for case in GOOD:
            progress(f"judge {case.name}: {size.judged:,} good canaries for {case.seconds} s each")
            found = pool.map(_run, [(case, seed) for seed in range(size.judged)], _CHUNK)
            yield from _alarms(case, found)
        for case in BAD:
            runs = max(5, size.judged // 20)
            progress(f"judge {case.name}: {runs:,} bad canaries for {case.seconds} s each")
            yield from _found(case, pool.map(_run, [(case, seed) for seed in range(runs)], 1))


Found = dict[str, float]
"""How many requests of the canary each method had seen when it raised an alarm; infinite where it did not."""


def _alarms(case: Case, found: list[Found]) -> Iterator[Figure]:
    """The share of runs with a false alarm, in percent, beside each other method's."""

    def part(method: str) -> tuple[float]:
        return (100 * sum(math.isfinite(one[method]) for one in found) / len(found),)

    ours = Samples("gatewayctl", part("ours"))
    for other in case.against:
        note = f"of {len(found):,} runs; the stated level is {_LEVEL:.0%}"
        name = f"false alarms, {case.name}, beside {other}"
        yield Figure(name, "%", ours, Samples(other, part(other)), Target(median=100 * _LEVEL), note)


def _found(case: Case, found: list[Found]) -> Iterator[Figure]:
    """Requests of the canary until it is found; a run in which it is not counts with all of its requests."""
    whole = _RATE * case.seconds

    def needed(method: str) -> tuple[float, ...]:
        return tuple(min(one[method], whole) for one in found)

    def share(method: str) -> str:
        return f"{100 * sum(math.isfinite(one[method]) for one in found) / len(found):.0f} %"

    for other in case.against:
        note = f"requests of the canary; found in {share('ours')} of {len(found):,} runs, by {other} in {share(other)}"
        ours, theirs = Samples("gatewayctl", needed("ours")), Samples(other, needed(other))
        yield Figure(f"found, {case.name}, beside {other}", "requests", ours, theirs, note=note)


def _run(given: tuple[Case, int]) -> Found:
    """One run, looked at in every second until each method has raised an alarm or the time is over."""
    case, seed = given
    traffic = Traffic(seed, case.world, (case.stable, case.canary), _RATE, case.seconds)
    settings = case.settings
    state = canary_started(settings, start(settings), -settings.warm_up)
    found: Found = dict.fromkeys(("ours", *case.against), math.inf)
    for second in range(case.seconds):
        traffic.second()
        stable, canary = traffic.arms
        if math.isinf(found["ours"]):
            state = look(settings, state, _snapshot(second, stable, canary))
            if state.failed:
                found["ours"] = canary.requests
        if second >= _FIRST:
            for method in case.against:
                if math.isinf(found[method]) and _alarmed(method, stable, canary):
                    found[method] = canary.requests
        if all(map(math.isfinite, found.values())):
            break
    return found


def _alarmed(method: str, stable: Arm, canary: Arm) -> bool:
    """Whether another method would go back now.

    Thresholds as people write them for such a service: 1 % of errors, or a P99 above 1 s, over the whole run so far.
    """
    if method == "Fisher":
        return fisher_greater(stable.errors, stable.requests, canary.errors, canary.requests) < _LEVEL
    if method == "Mann-Whitney":
        return mann_whitney(_histogram(stable), _histogram(canary)) < _LEVEL
    slow = sum(count for count, middle in zip(canary.bins, MIDDLES, strict=True) if middle > 1)
    return canary.errors > 0.01 * canary.requests or slow > 0.01 * sum(canary.bins)


def _histogram(arm: Arm) -> Histogram:
    return Histogram({number: count for number, count in enumerate(arm.bins) if count})


def _snapshot(second: int, stable: Arm, canary: Arm) -> Snapshot:
    counters = {("gateway", Version.STABLE): _counters(stable), ("gateway", Version.CANARY): _counters(canary)}
    return Snapshot(float(second), counters)


def _counters(arm: Arm) -> Counters:
    total, buckets = 0, []
    for edge, count in zip((*EDGES, math.inf), arm.bins, strict=True):
        total += count
        buckets.append((edge, float(total)))
    return Counters(arm.requests, arm.errors, arm.seconds, tuple(buckets), of_successes=True)
