"""Figures as people read them."""

import math

from gatewayctl.domain.judge.figures import QUANTILE, SHARES, Measured
from gatewayctl.domain.judge.kernel import Look
from gatewayctl.domain.judge.settings import Kind, Signal
from gatewayctl.domain.judge.state import Track

_MANY = math.log(1e6)


def spell_measured(figure: str, measured: Measured) -> str:
    """A figure of a rule with its unit, and of how many samples."""
    if measured.value is None:
        return "unknown"
    more = "more than " if measured.or_more else ""
    return f"{more}{spell_value(figure, measured.value)} of {measured.samples:,.0f}"


def spell_value(figure: str, value: float) -> str:
    """A value in the unit of its figure: percent, milliseconds, or none."""
    if figure in SHARES:
        return f"{value * 100:.3g} %"
    if figure == "mean" or QUANTILE.fullmatch(figure):
        return spell_seconds(value)
    return f"{value:g}"


def spell_seconds(value: float) -> str:
    """Below one second in milliseconds."""
    return f"{value:.3g} s" if value >= 1 else f"{value * 1000:.3g} ms"


def spell_odds(log_evidence: float) -> str:
    """Evidence as odds against chance, such as 1:1900."""
    if log_evidence > _MANY:
        return "1:1,000,000 or more"
    odds = math.exp(max(log_evidence, 0.0))
    return f"1:{odds:,.0f}" if odds >= 10 else f"1:{odds:.2g}"


def spell_seen(signal: Signal, one: Track) -> str:
    """What was counted of a signal, of both versions, beside its fail line."""
    seen = one.seen
    if not seen.canary or (not seen.stable and signal.kind is not Kind.TRAFFIC):
        return "no figures of both versions"
    both = f"{_part(seen.canary_bad, seen.canary)} of {seen.canary:,.0f} canary answers"
    stable = f"(stable {_part(seen.stable_bad, seen.stable)} of {seen.stable:,.0f})"
    match signal.kind:
        case Kind.ERRORS:
            return f"{both} were errors {stable}"
        case Kind.QUANTILE:
            return f"{both} slower than {signal.fail.ratio:g} × stable's {signal.name.upper()} {stable}"
        case Kind.MEAN:
            times = _ratio(seen)
            return f"the mean of {seen.canary:,.0f} canary answers {times} × stable's, {signal.fail.ratio:g} × allowed"
        case Kind.TRAFFIC:
            asked = f"{one.at * 100:.3g} % asked for"
            return f"the canary got {_part(seen.canary_bad, seen.canary)} of {seen.canary:,.0f} requests, {asked}"
        case Kind.GAUGE:
            canary, stable_value = seen.canary_bad / seen.canary, seen.stable_bad / seen.stable
            return f"{signal.name} of the canary {canary:.3g} in {seen.canary:,.0f} reads, stable {stable_value:.3g}"


def _ratio(seen: Look) -> str:
    stable = seen.stable_bad / seen.stable
    return f"{seen.canary_bad / seen.canary / stable:.3g}" if stable else "∞"


def _part(some: float, all_: float) -> str:
    return f"{some / all_ * 100:.2g} %" if all_ else "0 %"
