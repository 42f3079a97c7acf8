"""The evidence of one look at both versions: how much more likely it is if the canary is worse than a margin allows.

All figures are natural logarithms of e-values. An e-value is a number that is at most 1 on average as long as the
canary keeps to the margin; so the product of many ever reaches 1/alpha with probability alpha at most, however often it
is looked at (Ville's inequality).
"""

import math
from dataclasses import dataclass

_MOST_STAKED = 0.9  # a bet that stakes all of its money could lose all of it in one look
_LEAST, _MOST = 1e-9, 0.999  # the shares that a logarithm is taken of


@dataclass(frozen=True, slots=True)
class Look:
    """What came in one interval: requests of both versions, and how many of them were bad.

    Bad may be a fraction of a request: the sum of values between 0 and 1, one for each request.
    """

    canary: float = 0.0
    canary_bad: float = 0.0
    stable: float = 0.0
    stable_bad: float = 0.0

    def __add__(self, other: "Look") -> "Look":
        return Look(
            self.canary + other.canary,
            self.canary_bad + other.canary_bad,
            self.stable + other.stable,
            self.stable_bad + other.stable_bad,
        )

    @property
    def of_both(self) -> bool:
        """Whether both versions had requests; a comparison needs that."""
        return self.canary > 0 and self.stable > 0


@dataclass(frozen=True, slots=True)
class Margin:
    """A line: `ratio` times stable's figure, plus `extra` in the figure's own unit (a share, or seconds)."""

    ratio: float = 1.0
    extra: float = 0.0

    def of(self, figure: float) -> float:
        """Where the line is when stable has this figure."""
        return self.ratio * figure + self.extra


def log_bets(look: Look, forecast: float, margin: Margin, times: tuple[float, ...]) -> list[float]:
    """Log evidence of one look against "the canary's bad share is on the good side of the margin".

    One value for each of `times`: it bets that the odds of a bad answer of the canary are that many times what the
    margin allows; for rare ones that is the share itself. Above 1 the canary is bet to be worse than the margin; below
    1, better. `forecast` is stable's bad share of the past. It,
    the margin and `times` must be fixed before the look.

    For any s* and lam that are fixed before the look, with c* = r s* + d and mu = lam r n_c / n_s,
    e = (1 + lam (1 - c*))^x_c (1 - lam c*)^(n_c - x_c) (1 - mu (1 - s*))^x_s (1 + mu s*)^(n_s - x_s)
    has E[e] <= exp(n_c lam (p_c - r p_s - d)) <= 1, because 1 + y <= exp(y). So it holds for any share of traffic, and
    however stable's p_s drifts. For a bad value y between 0 and 1 per request the same holds, as the logarithm is
    concave. s* and lam are those of the point on the margin that is nearest to the alternative in Kullback-Leibler
    divergence (Turner, Ly & Grunwald, arXiv:2106.02693; Turner & Grunwald, arXiv:2203.09785): that bet grows fastest.
    """
    if not look.of_both:
        return [0.0] * len(times)
    edge = min(margin.ratio * forecast + margin.extra, _MOST)
    return [_log_bet(look, forecast, margin, with_odds(edge, one)) for one in times]


def with_odds(share: float, times: float) -> float:
    """The share (0..1) whose odds are `times` those of `share`."""
    return times * share / (1 - share + times * share)


def _log_bet(look: Look, forecast: float, margin: Margin, bet: float) -> float:
    """The same for one alternative, in which the canary's bad share is `bet`."""
    n, m, r, d = look.canary, look.stable, margin.ratio, margin.extra
    a = n * r * r + m * r
    b = n * r * (d - bet) + m * (d - forecast * r)
    s = (math.sqrt(b * b + 4 * a * m * forecast * d) - b) / (2 * a)
    s = min(max(s, _LEAST), _MOST)
    c = min(r * s + d, _MOST)
    lam = (bet - c) / (c * (1 - c))
    mu = lam * r * n / m
    staked = max(lam * c, lam * (c - 1), mu * (1 - s), -mu * s)
    if staked > _MOST_STAKED:
        lam, mu = lam * _MOST_STAKED / staked, mu * _MOST_STAKED / staked
    canary = look.canary_bad * math.log1p(lam * (1 - c)) + (n - look.canary_bad) * math.log1p(-lam * c)
    return canary + look.stable_bad * math.log1p(-mu * (1 - s)) + (m - look.stable_bad) * math.log1p(mu * s)


def log_share_bets(canary: float, all_: float, line: float, times: tuple[float, ...]) -> list[float]:
    """Log evidence that the canary gets another share of `all_` requests than `line` (0..1) allows.

    One value for each of `times`, as in `log_bets`. With lam = (c1 - w) / (w (1 - w)) for the line w and the
    alternative c1 this is the likelihood ratio of two binomials, so it is an e-value for every share on the other side
    of the line, too. Lindon & Malek, arXiv:2011.03567, for traffic that is not split as it should be.
    """
    line = min(max(line, _LEAST), _MOST)
    found = []
    for one in times:
        bet = with_odds(line, one)
        found.append(canary * math.log(bet / line) + (all_ - canary) * math.log((1 - bet) / (1 - line)))
    return found


def log_gauge_bets(high: float, low: float, stakes: tuple[float, ...]) -> list[float]:
    """Log evidence that `high` is above `low`, of one read of a gauge.

    With D = (high - low) / (|high| + |low|), which is between -1 and 1, prod(1 + lam D) over reads is an e-value for "D
    is 0 or less on average" (Waudby-Smith & Ramdas, arXiv:2010.09686); one value for each lam of `stakes`.
    """
    size = abs(high) + abs(low)
    apart = (high - low) / size if size else 0.0
    return [math.log1p(one * apart) for one in stakes]


def shorten(figure: float) -> float:
    """A figure with five digits: enough to go on with after a resume."""
    return float(f"{figure:.5g}")


def log_sum(values: list[float]) -> float:
    """The logarithm of the sum of what `values` are logarithms of."""
    top = max(values)
    return top + math.log(sum(math.exp(one - top) for one in values))
