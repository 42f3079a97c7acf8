"""Each verdict as one sentence with its figures."""

import math

from gatewayctl.domain.judge.kernel import Look
from gatewayctl.domain.judge.settings import Kind, Settings, Signal
from gatewayctl.domain.judge.spelling import spell_odds, spell_seen
from gatewayctl.domain.judge.state import JudgeState, Track
from gatewayctl.domain.judge.strength import Pairs
from gatewayctl.domain.judge.tracks import bets, log_worse

MANY_ERRORS, OF_AT_LEAST, STABLE_BELOW = 0.5, 20, 0.1
"""Errors that need no statistics: half of so many requests of one block, while stable has few."""


def immediate_text(settings: Settings, state: JudgeState) -> str:
    """Why the canary fails at once; empty if it does not."""
    block: Look = state.block
    if block.canary < OF_AT_LEAST or block.canary_bad < MANY_ERRORS * block.canary:
        return ""
    if not block.stable and not settings.all_for_canary:
        return ""
    if block.stable_bad >= STABLE_BELOW * block.stable and block.stable:
        return ""
    return (
        f"failed after {_lasted(state)} s: {block.canary_bad:,.0f} of the last {block.canary:,.0f} canary answers "
        f"were errors, stable {block.stable_bad:,.0f} of {block.stable:,.0f}"
    )


def failed_text(settings: Settings, state: JudgeState, taken: Pairs) -> str:
    """Why the canary fails by its evidence: the signal with the most."""
    return f"failed after {_lasted(state)} s: {_strongest(settings, taken)}"


def disagreeing_text(settings: Settings, taken: Pairs, process: str) -> str:
    """Why no canary can be compared with this stable."""
    return f"stable disagrees with itself: {process} against the others, as if it were the canary: " + _strongest(
        settings, taken
    )


def noise_of(signal: Signal, one: Track) -> float:
    """By how much evidence against the canary is divided; 1 is chance."""
    return max(each.noise.factor(bet.prior) for each, bet in zip(one.worse, bets(signal.kind)[0], strict=True))


def _strongest(settings: Settings, taken: Pairs) -> str:
    signal, one = max(taken, key=lambda pair: log_worse(*pair))
    needed = settings.log_needed + math.log(len(taken))
    odds = f"odds against chance {spell_odds(log_worse(signal, one))}"
    alone = f"needed {spell_odds(needed)} for one signal alone"
    if log_worse(signal, one) < needed:
        alone += "; the other signals give the rest"
    noise = "" if signal.kind is Kind.GAUGE else f"; noise {noise_of(signal, one):.1f}×"
    return f"{spell_seen(signal, one)}; {odds}, {alone}{noise}"


def _lasted(state: JudgeState) -> str:
    return f"{(state.at or 0.0) - (state.began or 0.0):.0f}"
