"""What the evidence says now: fail, pass, or not yet; with a sentence and figures."""

import math
from dataclasses import dataclass

from gatewayctl.domain.judge.explain import noise_of
from gatewayctl.domain.judge.rules import Rule
from gatewayctl.domain.judge.settings import Kind, Settings
from gatewayctl.domain.judge.spelling import spell_odds, spell_seen
from gatewayctl.domain.judge.state import JudgeState
from gatewayctl.domain.judge.strength import pairs
from gatewayctl.domain.judge.sustained import in_step, lately, told, watched
from gatewayctl.domain.judge.tracks import log_within, log_worse
from gatewayctl.domain.judgement import Verdict

_ENOUGH = 100  # requests of the canary in a step where it gets all of them
_TOLD = 3  # reasons of "not yet" that a sentence has room for


@dataclass(frozen=True, slots=True)
class SignalFigures:
    """What is known of one signal. `worse` and `within` are natural logarithms of evidence, 0 where nothing is known.

    `canary_bad` of `canary` requests were bad, and so on, as the fail line counts; for traffic `canary_bad` of the
    `canary` requests of both versions were the canary's; of a gauge they are the sum of its reads and their number.
    `noise` is what evidence was divided by.
    """

    signal: str
    worse: float
    within: float
    canary: float
    canary_bad: float
    stable: float
    stable_bad: float
    noise: float


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict, and why. None: not yet. INCONCLUSIVE: more looks do not help, because stable disagrees with itself.

    `watched` are the rules that are only told, as far as they hold. `log_fail` and `log_pass` are the evidence that is
    needed: of all signals together to fail, of each one to pass.
    """

    verdict: Verdict | None
    text: str
    figures: tuple[SignalFigures, ...]
    watched: tuple[str, ...]
    log_fail: float
    log_pass: float


def decide(settings: Settings, state: JudgeState, now: float) -> Decision:
    """What the state says at `now`, in seconds of the snapshots' clock."""
    verdict, text = _verdict(settings, state, now)
    facts = lately(settings, state)
    figures = tuple(
        SignalFigures(
            signal.name,
            log_worse(signal, one),
            log_within(signal, one),
            one.seen.canary,
            one.seen.canary_bad,
            one.seen.stable,
            one.seen.stable_bad,
            noise_of(signal, one),
        )
        for signal, one in pairs(settings, state.tracks)
    )
    notes = tuple(told(rule, facts) for rule in watched(settings, state))
    return Decision(verdict, text, figures, notes, settings.log_needed, -math.log(settings.beta))


def _verdict(settings: Settings, state: JudgeState, now: float) -> tuple[Verdict | None, str]:
    if state.failed:
        return Verdict.FAIL, state.failed
    if state.disagrees:
        return Verdict.INCONCLUSIVE, state.disagrees
    missing = lacking(settings, state, now)
    lasted = f"{now - state.step_began:.0f} s" if state.step_began is not None else "0 s"
    if not missing:
        return Verdict.PASS, f"passed after {lasted}: {_shown(settings, state)}"
    rest = f"; and {len(missing) - _TOLD} more" if len(missing) > _TOLD else ""
    return None, f"undecided after {lasted}: {'; '.join(missing[:_TOLD])}{rest}"


def lacking(settings: Settings, state: JudgeState, now: float) -> tuple[str, ...]:
    """What a pass still lacks, in words. Nothing is taken as shown for want of data."""
    if state.step_began is None or state.at is None:
        return (f"nothing was read yet{_because(state)}",)
    found = []
    found += _stale(settings, state, now)
    least = max(settings.observe, settings.rules.least)
    if state.at - state.step_began < least:
        found.append(f"a step takes {least:.0f} s at least")
    found += _unshown(settings, state)
    facts = in_step(settings, state)
    for rule in settings.rules.require:
        holds = facts.holds(rule)
        if holds is not True:
            words = told(rule, facts)
            found.append(_unknown(rule, words, state) if holds is None else f"not true yet: {words}")
    recent = lately(settings, state)
    for rule in settings.rules.fail:
        holds = recent.holds(rule)
        if holds is not False:
            found.append(f"true now: {told(rule, recent)}" if holds else _unknown(rule, told(rule, recent), state))
    return tuple(found)


def _stale(settings: Settings, state: JudgeState, now: float) -> list[str]:
    """What was not read lately: anything, counters where they are judged, gauges."""
    if now - (state.at or 0.0) > settings.stale:
        return [f"nothing was read for {now - (state.at or 0.0):.0f} s{_because(state)}"]
    taken = [signal for signal, _ in pairs(settings, state.tracks)]
    found = []
    if state.counted_at is not None and now - state.counted_at > settings.stale:
        found.append(f"no request was counted for {now - state.counted_at:.0f} s{_because(state)}")
    read = {one.name: one.at for one in state.gauges}
    found += [
        f"{one.name} was not read for {now - read[one.name]:.0f} s"
        for one in taken
        if one.kind is Kind.GAUGE and now - read.get(one.name, now) > settings.stale
    ]
    return found


def _unshown(settings: Settings, state: JudgeState) -> list[str]:
    """The signals that are not shown to be within their lines."""
    if settings.all_for_canary:
        return _unshown_alone(state)
    taken = pairs(settings, state.tracks)
    if not taken and not settings.rules.require:
        return ["no signal and no required rule says when a canary is good"]
    needed = -math.log(settings.beta)
    return [
        f"{signal.name}: {spell_seen(signal, one)}, odds {spell_odds(log_within(signal, one))} that it is within its "
        f"margin, needed {spell_odds(needed)}"
        for signal, one in sorted(taken, key=lambda pair: log_within(*pair))
        if log_within(signal, one) < needed
    ]


def _unshown_alone(state: JudgeState) -> list[str]:
    """With all traffic on the canary there is nothing to compare with; a step before has to have compared."""
    found = []
    if not state.steps:
        found.append("all requests go to the canary, and no step before compared it with stable")
    if state.step_canary.requests < _ENOUGH:
        found.append(f"{state.step_canary.requests:,.0f} requests reached the canary, {_ENOUGH} are needed")
    return found


def _unknown(rule: Rule, words: str, state: JudgeState) -> str:
    why = f"; {state.fault}" if state.fault.startswith(rule.figure) else ""
    return f"not known yet: {words}, {rule.samples} are needed{why}"


def _shown(settings: Settings, state: JudgeState) -> str:
    """What a pass is based on."""
    parts = []
    taken = pairs(settings, state.tracks)
    if settings.all_for_canary:
        parts.append(
            f"{state.step_canary.requests:,.0f} requests of the canary, which gets all; nothing to compare with"
        )
    elif taken:
        signal, one = min(taken, key=lambda pair: log_within(*pair))
        names = ", ".join(each.name for each, _ in taken)
        odds = f"odds {spell_odds(log_within(signal, one))}, needed {spell_odds(-math.log(settings.beta))}"
        parts.append(f"{names} within {'its margin' if len(taken) == 1 else 'their margins'}")
        parts.append(f"least sure {signal.name}: {spell_seen(signal, one)}; {odds}")
    facts = in_step(settings, state)
    parts += [told(rule, facts) for rule in settings.rules.require]
    return "; ".join(parts)


def _because(state: JudgeState) -> str:
    return f": {state.fault}" if state.fault else ""
