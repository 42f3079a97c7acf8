"""One look for one signal: which lines apply, and what the look says against each of them."""

import math
from dataclasses import dataclass, replace

from gatewayctl.domain.judge import evidence
from gatewayctl.domain.judge.evidence import Bet, Evidence
from gatewayctl.domain.judge.kernel import Look, Margin, log_bets, log_share_bets, log_sum
from gatewayctl.domain.judge.latency import Past, line, mean_look
from gatewayctl.domain.judge.settings import Kind, Signal
from gatewayctl.domain.judge.state import Track
from gatewayctl.domain.judge.tally import Edges, Tally

_BETS: dict[Kind, tuple[Bet, Bet]] = {
    Kind.ERRORS: (evidence.WORSE, evidence.WITHIN),
    Kind.QUANTILE: (evidence.WORSE, evidence.WITHIN),
    Kind.MEAN: (evidence.MEAN_WORSE, evidence.MEAN_WITHIN),
    Kind.TRAFFIC: (evidence.WORSE, evidence.WITHIN),
    Kind.GAUGE: (evidence.GAUGE_WORSE, evidence.GAUGE_WITHIN),
}
_FALLING = (0.05, 0.3, 0.6, 0.8)
_RISING = (1.3, 1.8, 3.0, 6.0)
_TOO_FEW = replace(evidence.WORSE, times=_FALLING)
_NOT_TOO_MANY, _NOT_TOO_FEW = evidence.WITHIN, replace(evidence.WITHIN, times=_RISING)
_EQUAL = 1e9  # requests of both arms that make the noise of a share the noise of two equal arms
_FORECAST = (0.5, 50.0)  # bad ones and requests that are added to stable's past: nothing is ever never seen


@dataclass(frozen=True, slots=True)
class Interval:
    """What both versions did in `seconds`, and stable's past before it. `share` is the canary's, asked for, 0..1."""

    canary: Tally
    stable: Tally
    past: Tally
    edges: Edges
    seconds: float
    is_warm: bool = True
    share: float | None = None

    def known(self) -> Past | None:
        """Stable's past latency, where enough is known of it."""
        return Past.of(self.edges, self.past)


def track(signal: Signal) -> Track:
    """Before the first look."""
    worse, within = bets(signal.kind)
    return Track(signal.name, tuple(map(Evidence.none, worse)), tuple(map(Evidence.none, within)))


def bets(kind: Kind) -> tuple[tuple[Bet, ...], tuple[Bet, ...]]:
    """What is bet on for FAIL and for PASS; traffic has two sides, and so two bets each."""
    worse, within = _BETS[kind]
    if kind is Kind.TRAFFIC:
        return (worse, _TOO_FEW), (_NOT_TOO_MANY, _NOT_TOO_FEW)
    return (worse,), (within,)


def log_worse(signal: Signal, one: Track) -> float:
    """Log evidence that the canary is beyond the fail line; for two sides the mean of both e-values."""
    values = [each.value(bet) for each, bet in zip(one.worse, bets(signal.kind)[0], strict=True)]
    return log_sum(values) - math.log(len(values))


def log_within(signal: Signal, one: Track) -> float:
    """Log evidence that the canary is within the accept line; both sides need it, so it is the lesser."""
    return min(each.value(bet) for each, bet in zip(one.within, bets(signal.kind)[1], strict=True))


def closed(signal: Signal, one: Track) -> Track:
    """The block is over."""
    worse, within = bets(signal.kind)
    return replace(
        one,
        worse=tuple(each.close(bet) for each, bet in zip(one.worse, worse, strict=True)),
        within=tuple(each.close(bet) for each, bet in zip(one.within, within, strict=True)),
    )


def looked(signal: Signal, one: Track, seen: Interval, known: Past | None) -> Track:
    """The track of a signal that is counted, after an interval. `known` is `seen.known()`, made once for all."""
    match signal.kind:
        case Kind.ERRORS:
            return _errors(signal, one, seen)
        case Kind.QUANTILE:
            return _quantile(signal, one, seen, known) if known and seen.is_warm else one
        case Kind.MEAN:
            return _mean(signal, one, seen) if seen.is_warm else one
        case Kind.TRAFFIC:
            return _traffic(signal, one, seen)
        case Kind.GAUGE:
            return one


def _errors(signal: Signal, one: Track, seen: Interval) -> Track:
    look = Look(seen.canary.requests, seen.canary.errors, seen.stable.requests, seen.stable.errors)
    bad, all_ = _FORECAST
    forecast = (seen.past.errors + bad) / (seen.past.requests + all_)
    return _compared(one, signal, _Side(look, forecast, signal.fail), _Side(look, forecast, signal.accept), seen)


def _mean(signal: Signal, one: Track, seen: Interval) -> Track:
    found = mean_look(seen.edges, seen.past, seen.canary, seen.stable)
    if found is None:
        return one
    look, forecast = found
    return _compared(one, signal, _Side(look, forecast, signal.fail), _Side(look, forecast, signal.accept), seen)


def _quantile(signal: Signal, one: Track, seen: Interval, known: Past) -> Track:
    if not seen.canary.bins or not seen.stable.bins:
        return one
    sides = []
    for margin, accept in ((signal.fail, False), (signal.accept, True)):
        found = line(known, signal.quantile, margin, accept=accept)
        at = found.at if found else 0.0
        sides.append(_Side(found.look(seen.canary, seen.stable), found.forecast, found.margin, at) if found else None)
    return _compared(one, signal, sides[0], sides[1], seen)


@dataclass(frozen=True, slots=True)
class _Side:
    """A look as one of the two lines counts it."""

    look: Look
    forecast: float
    margin: Margin
    at: float = 0.0


def _compared(one: Track, signal: Signal, fail: _Side | None, accept: _Side | None, seen: Interval) -> Track:
    """The track with what a look says against both lines; None where a line cannot be drawn."""
    worse, within = bets(signal.kind)
    return Track(
        one.signal,
        (_bet(one.worse[0], worse[0], fail, seen.seconds),) if fail else one.worse,
        (_bet(one.within[0], within[0], accept, seen.seconds),) if accept else one.within,
        one.seen + fail.look if fail else one.seen,
        fail.at if fail else one.at,
    )


def _bet(old: Evidence, bet: Bet, side: _Side, seconds: float) -> Evidence:
    logs = log_bets(side.look, side.forecast, side.margin, bet.times)
    return old.add(bet, logs, old.noise.add(side.look, seconds))


def _traffic(signal: Signal, one: Track, seen: Interval) -> Track:
    """Against four lines: too many and too few for FAIL, not too many and not too few for PASS."""
    if seen.share is None:
        return one
    canary, all_ = seen.canary.requests, seen.canary.requests + seen.stable.requests
    noise = Look(_EQUAL, canary, _EQUAL, seen.stable.requests)
    worse, within = bets(signal.kind)

    def add(old: Evidence, bet: Bet, share: float) -> Evidence:
        return old.add(bet, log_share_bets(canary, all_, share, bet.times), old.noise.add(noise, seen.seconds))

    fail, accept = signal.fail, signal.accept
    return replace(
        one,
        worse=(
            add(one.worse[0], worse[0], fail.of(seen.share)),
            add(one.worse[1], worse[1], seen.share / fail.ratio - fail.extra),
        ),
        within=(
            add(one.within[0], within[0], accept.of(seen.share)),
            add(one.within[1], within[1], seen.share / accept.ratio - accept.extra),
        ),
        seen=one.seen + Look(all_, canary, 0.0, 0.0),
        at=seen.share,
    )
