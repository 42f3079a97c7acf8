"""Rules that fail a canary, or are watched: for how long each has held."""

from dataclasses import replace

from gatewayctl.domain.judge.figures import Facts, Reading
from gatewayctl.domain.judge.rules import Rule
from gatewayctl.domain.judge.settings import Settings
from gatewayctl.domain.judge.spelling import spell_measured
from gatewayctl.domain.judge.state import JudgeState
from gatewayctl.domain.signals import Version


def lately(settings: Settings, state: JudgeState) -> Facts:
    """What was counted lately, decayed, and the gauges that are fresh."""
    return Facts(state.edges, state.canary, state.stable, fresh_gauges(settings, state), settings.share)


def in_step(settings: Settings, state: JudgeState) -> Facts:
    """What was counted since this step began."""
    return Facts(state.edges, state.step_canary, state.step_stable, fresh_gauges(settings, state), settings.share)


def fresh_gauges(settings: Settings, state: JudgeState) -> tuple[Reading, ...]:
    """The gauges that were read not long before the last snapshot."""
    now = state.at or 0.0
    return tuple(one for one in state.gauges if now - one.at <= settings.stale)


def looked(settings: Settings, state: JudgeState, seconds: float) -> JudgeState:
    """The state after a look, so many seconds after the last one.

    A rule of which too little is known keeps its time: that is neither good nor bad. After a gap longer than
    `settings.stale` the time begins again, because nobody saw that the rule held meanwhile.
    """
    if not state.held:
        return state
    facts = lately(settings, state)
    rules = (*settings.rules.fail, *settings.rules.watch)
    held = tuple(
        _held(facts.holds(rule), before, seconds, settings.stale)
        for rule, before in zip(rules, state.held, strict=True)
    )
    return replace(state, held=held)


def _held(holds: bool | None, before: float | None, seconds: float, most: float) -> float | None:  # noqa: FBT001
    if holds is None:
        return before
    if not holds:
        return None
    return before + seconds if before is not None and seconds <= most else 0.0


def broken(settings: Settings, state: JudgeState) -> tuple[Rule, ...]:
    """The rules of `fail` that have held for long enough."""
    return _ripe(settings.rules.fail, state.held)


def watched(settings: Settings, state: JudgeState) -> tuple[Rule, ...]:
    """The same of `watch`."""
    return _ripe(settings.rules.watch, state.held[len(settings.rules.fail) :])


def broken_text(settings: Settings, state: JudgeState) -> str:
    """Why a rule fails the canary, for people; empty if none does."""
    found = broken(settings, state)
    if not found:
        return ""
    seconds = (state.at or 0.0) - (state.began or 0.0)
    rule = found[0]
    return f"failed after {seconds:.0f} s: {told(rule, lately(settings, state))}"


def told(rule: Rule, facts: Facts) -> str:
    """A rule with the figures it is about now."""
    canary = spell_measured(rule.figure, facts.measure(rule.figure, Version.CANARY))
    if not rule.of_stable:
        return f"{rule.text} ({canary})"
    return f"{rule.text} ({canary}, stable {spell_measured(rule.figure, facts.measure(rule.figure, Version.STABLE))})"


def _ripe(rules: tuple[Rule, ...], held: tuple[float | None, ...]) -> tuple[Rule, ...]:
    return tuple(rule for rule, time in zip(rules, held, strict=False) if time is not None and time >= rule.seconds)
