"""Gauges: one value of each version at a time, of whatever kind; their evidence grows by one read in each block."""

from dataclasses import replace

from gatewayctl.domain.judge.figures import Reading
from gatewayctl.domain.judge.kernel import Look, Margin, log_gauge_bets
from gatewayctl.domain.judge.settings import Signal
from gatewayctl.domain.judge.state import Track
from gatewayctl.domain.judge.tracks import bets
from gatewayctl.domain.signals import Snapshot


def read(old: tuple[Reading, ...], snapshot: Snapshot) -> tuple[Reading, ...]:
    """The gauges after a snapshot; one without a value in it keeps the old one, with its old time."""
    before = {one.name: one for one in old}
    for name, value in snapshot.gauges.items():
        if value.canary is None:
            continue
        reads = before[name].reads if name in before else 0
        before[name] = Reading(name, value.canary, value.stable, snapshot.at, reads + 1)
    return tuple(before[name] for name in sorted(before))


def compared(signal: Signal, one: Track, reading: Reading | None) -> Track:
    """The track after a read of both versions; unchanged where one has no value."""
    if reading is None or reading.canary is None or reading.stable is None:
        return one
    worse, within = bets(signal.kind)
    fail, accept = (_line(signal, margin, reading.stable) for margin in (signal.fail, signal.accept))
    up, down = (fail, reading.canary) if signal.lower_is_worse else (reading.canary, fail)
    good, bad = (reading.canary, accept) if signal.lower_is_worse else (accept, reading.canary)
    against, towards = one.worse[0], one.within[0]
    return replace(
        one,
        worse=(against.add(worse[0], log_gauge_bets(up, down, worse[0].times), against.noise),),
        within=(towards.add(within[0], log_gauge_bets(good, bad, within[0].times), towards.noise),),
        seen=one.seen + Look(1, reading.canary, 1, reading.stable),
    )


def _line(signal: Signal, margin: Margin, stable: float) -> float:
    return stable / margin.ratio - margin.extra if signal.lower_is_worse else margin.of(stable)
