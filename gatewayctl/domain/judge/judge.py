"""The judge: a state, looked at as often as one likes; `decide` says what it has come to.

`look` takes snapshots in the order of their times. What cannot be read is missing: it counts for neither side, and only
evidence passes a canary.
"""

from dataclasses import replace

from gatewayctl.domain.judge import floor, gauges, sustained
from gatewayctl.domain.judge.evidence import BLOCK, Evidence
from gatewayctl.domain.judge.explain import failed_text, immediate_text
from gatewayctl.domain.judge.kernel import Look
from gatewayctl.domain.judge.settings import Kind, Settings
from gatewayctl.domain.judge.state import JudgeState
from gatewayctl.domain.judge.strength import log_all
from gatewayctl.domain.judge.tally import GAP, Difference, Tally, differences, edges_of, marks
from gatewayctl.domain.judge.tracks import Interval, bets, closed, looked, track
from gatewayctl.domain.signals import Snapshot, Version

HALF_LIFE = 60.0
"""Seconds after which what was counted counts half: stable's past, and the figures of rules that fail."""

_WAIT = 60.0  # seconds without a request of the canary, after which stable's are compared with nothing
_TICK = 0.05  # seconds by which a clock's looks may come early


def start(settings: Settings) -> JudgeState:
    """Before the first look of a release."""
    rules = (*settings.rules.fail, *settings.rules.watch)
    return JudgeState(tuple(map(track, settings.signals)), held=(None,) * len(rules))


def canary_started(settings: Settings, state: JudgeState, at: float) -> JudgeState:
    """New processes of the canary began at `at` (seconds): their latency does not count until they are warm.

    To be called for the first ones, and after every restart and scaling. Without it the first snapshot is their start.
    """
    return replace(state, cold_until=max(state.cold_until or 0.0, at + settings.warm_up))


def next_step(settings: Settings, state: JudgeState) -> JudgeState:
    """The next step of the ramp begins: it needs a PASS of its own. What speaks against the canary is kept.

    To be called once the new share is effective; `settings` has it. The next snapshot is the first one of the step.
    """
    tracks = tuple(
        replace(one, within=tuple(map(Evidence.none, bets(signal.kind)[1])))
        for signal, one in zip(settings.signals, state.tracks, strict=True)
    )
    return replace(
        state,
        tracks=tracks,
        step_began=None,
        last=(),
        waiting_canary=Tally(),
        waiting_stable=Tally(),
        waiting_seconds=0.0,
        step_canary=Tally(),
        step_stable=Tally(),
        gauges=tuple(replace(one, reads=0) for one in state.gauges),
        steps=state.steps + 1,
    )


def look(settings: Settings, state: JudgeState, snapshot: Snapshot) -> JudgeState:
    """The state after a snapshot. One with faults, or from before the last one, is a missing look.

    What was counted meanwhile is in the next good look; where that is more than GAP seconds later, it is lost. Several
    sources may be looked at in turns, as long as one of them gives all counters: one without any leaves them as they
    are.
    """
    why = _useless(state, snapshot)
    if why:
        return replace(state, missing=state.missing + 1, fault=why)
    seconds = snapshot.at - state.at if state.at is not None else 0.0
    fault = snapshot.unknown[0] if snapshot.unknown else state.fault
    state = replace(state, at=snapshot.at, gauges=gauges.read(state.gauges, snapshot), fault=fault)
    state = _began(settings, state, snapshot.at)
    if snapshot.counters:
        state = _with_counters(settings, state, snapshot)
    is_over = snapshot.at - state.block_began >= BLOCK - _TICK
    state = sustained.looked(settings, state, seconds)
    state = _failed(settings, _gauged(settings, state) if is_over else state)
    return _ended_block(settings, state) if is_over else state


def _useless(state: JudgeState, snapshot: Snapshot) -> str:
    """Why nothing can be taken from a snapshot; empty if something can."""
    if snapshot.faults:
        return snapshot.faults[0]
    counted = state.counted_at if snapshot.counters else None
    is_old = state.at is not None and snapshot.at < state.at
    if is_old or (counted is not None and snapshot.at <= counted):
        return "the snapshot is not newer than the last one"
    return ""


def _began(settings: Settings, state: JudgeState, at: float) -> JudgeState:
    """The times that begin with this snapshot."""
    if state.began is None:
        state = replace(state, began=at, block_began=at)
    if state.step_began is None:
        state = replace(state, step_began=at)
    return state if state.cold_until is not None else replace(state, cold_until=at + settings.warm_up)


def _with_counters(settings: Settings, state: JudgeState, snapshot: Snapshot) -> JudgeState:
    """The state after the counters of a snapshot."""
    edges = state.edges or edges_of(snapshot)
    now = marks(snapshot, edges)
    seconds = snapshot.at - state.counted_at if state.counted_at is not None else 0.0
    seen = differences(state.last, now) if state.last and seconds <= GAP else Difference()
    state = replace(state, edges=edges, last=now, counted_at=snapshot.at)
    if seen.missing:
        state = replace(state, missing=state.missing + 1, fault=f"no counters of {', '.join(seen.missing)}")
    return _counted(settings, state, seen, seconds) if seen.counted else state


def _counted(settings: Settings, state: JudgeState, seen: Difference, seconds: float) -> JudgeState:
    """What was counted since the last snapshot, into all that is kept; judged once both versions have requests."""
    canary, stable = seen.of(Version.CANARY), seen.of(Version.STABLE)
    state = floor.looked(settings, state, seen, seconds)
    share = settings.share / 100 if settings.share is not None else None
    is_warm = state.cold_until is not None and (state.at or 0.0) - seconds >= state.cold_until
    left = 0.5 ** (seconds / HALF_LIFE)
    timed = canary if is_warm else canary.untimed()
    waiting_canary, waiting_stable = state.waiting_canary + timed, state.waiting_stable + stable
    waited = state.waiting_seconds + seconds
    state = replace(
        state,
        canary=state.canary.decayed(left, timed),
        step_canary=state.step_canary + timed,
        step_stable=state.step_stable + stable,
        block=state.block + Look(canary.requests, canary.errors, stable.requests, stable.errors),
    )
    if seen.is_whole:
        now = Interval(canary, stable, state.stable, state.edges, seconds, is_warm, share)
        state = _judged(settings, state, now, (Kind.TRAFFIC,))
    both = Interval(waiting_canary, waiting_stable, state.stable, state.edges, waited, is_warm, share)
    if waiting_canary.requests and waiting_stable.requests:
        state = _judged(settings, state, both, (Kind.ERRORS, Kind.QUANTILE, Kind.MEAN))
    elif waiting_canary.requests or waited < _WAIT:
        return replace(state, waiting_canary=waiting_canary, waiting_stable=waiting_stable, waiting_seconds=waited)
    return replace(
        state,
        stable=state.stable.decayed(0.5 ** (waited / HALF_LIFE), waiting_stable),
        waiting_canary=Tally(),
        waiting_stable=Tally(),
        waiting_seconds=0.0,
    )


def _judged(settings: Settings, state: JudgeState, seen: Interval, kinds: tuple[Kind, ...]) -> JudgeState:
    """The evidence of the signals of these kinds after an interval."""
    known = seen.known() if seen.is_warm and Kind.QUANTILE in kinds else None
    tracks = tuple(
        looked(signal, one, seen, known) if signal.kind in kinds else one
        for signal, one in zip(settings.signals, state.tracks, strict=True)
    )
    return replace(state, tracks=tracks)


def _ended_block(settings: Settings, state: JudgeState) -> JudgeState:
    """All evidence after the end of a block."""
    tracks = tuple(closed(signal, one) for signal, one in zip(settings.signals, state.tracks, strict=True))
    state = replace(state, tracks=tracks, block=Look(), block_began=state.at or 0.0)
    return floor.ended_block(settings, state)


def _gauged(settings: Settings, state: JudgeState) -> JudgeState:
    """The evidence of gauges, of those that were read since the block began."""
    fresh = {one.name: one for one in state.gauges if one.at > state.block_began}
    tracks = tuple(
        gauges.compared(signal, one, fresh.get(signal.name)) if signal.kind is Kind.GAUGE else one
        for signal, one in zip(settings.signals, state.tracks, strict=True)
    )
    return replace(state, tracks=tracks)


def _failed(settings: Settings, state: JudgeState) -> JudgeState:
    """The state with the reason to fail, if there is one now and was none before.

    Where stable disagrees with itself, evidence against it says nothing; what fails at once still does.
    """
    if state.failed:
        return state
    at_once = immediate_text(settings, state) or sustained.broken_text(settings, state)
    if not at_once and not state.disagrees:
        # All signals in every step: their number must not change on the way, or alpha would.
        taken = list(zip(settings.signals, state.tracks, strict=True))
        at_once = failed_text(settings, state, taken) if log_all(taken) >= settings.log_needed else ""
    return replace(state, failed=at_once) if at_once else state
