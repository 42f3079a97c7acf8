"""Judgement of a load: pass, fail or inconclusive. Absence of evidence never passes.

FAIL blames the canary, so it needs evidence against the canary: a failed test, too many errors, too much time, or a
request that the gateway sent to the canary and whose answer does not name the canary. An answer by anybody else shows
that the gateway sends requests to the wrong place. That is not the canary's fault, so the run is inconclusive. So is
a run that broke, that is too small, or in which stable itself fails.
"""

import math
from collections.abc import Callable

from gatewayctl.domain.judgement import Judgement as Judgement
from gatewayctl.domain.judgement import Verdict as Verdict
from gatewayctl.domain.judgement import fail as _fail
from gatewayctl.domain.judgement import unknown as _unknown
from gatewayctl.domain.release import Load
from gatewayctl.domain.smoke import Cohort, FailureKind, LoadResult
from gatewayctl.domain.statistics import fisher_greater, mann_whitney
from gatewayctl.domain.suite_verdict import judge_suite as judge_suite

# A difference that chance would make in one of a hundred runs is not held against the canary.
_CHANCE = 0.01


def judge_load(result: LoadResult, limits: Load) -> Judgement:
    """Judge a load run: who answered, then errors, then the P95, each against stable in the same run.

    A worse figure counts only when it exceeds its limit *and* chance; a better one needs neither.
    """
    checks: tuple[Callable[[LoadResult, Load], Judgement | None], ...] = (
        _load_misrouted,
        _load_broken,
        _load_without_baseline,
        _load_unnamed,
        _load_unattributed,
        _load_too_small,
        _load_erring,
        _load_slower,
    )
    bad = next(filter(None, (check(result, limits) for check in checks)), None)
    return bad or Judgement(Verdict.PASS, _figures(result))


def _load_misrouted(result: LoadResult, _limits: Load) -> Judgement | None:
    if not result.misrouted:
        return None
    wrong = f"the gateway sent {result.misrouted} of {_requests(result)} requests to the other version"
    return _unknown(f"{wrong}{_quote(result, FailureKind.MISROUTED)}")


def _load_broken(result: LoadResult, _limits: Load) -> Judgement | None:
    if result.timed_out:
        return _unknown(f"locust did not end within {result.seconds:.0f} s{_quote(result)}")
    if result.exit_code < 0:
        return _unknown(f"locust was killed by signal {-result.exit_code}{_quote(result)}")
    if result.exit_code not in (0, 1):
        return _unknown(f"locust ended with exit code {result.exit_code}{_quote(result)}")
    if not _requests(result):
        return _unknown(f"locust sent no request through the gateway (exit code {result.exit_code}){_quote(result)}")
    return None


def _load_without_baseline(result: LoadResult, _limits: Load) -> Judgement | None:
    if 2 * result.stable.errors <= result.stable.requests:
        return None
    share = f"{result.stable.errors} of {result.stable.requests} requests"
    return _unknown(f"stable itself fails: {share}{_quote(result, FailureKind.STABLE)}")


def _load_unnamed(result: LoadResult, _limits: Load) -> Judgement | None:
    if not result.unnamed:
        return None
    return _fail(
        f"the gateway sent {result.unnamed} of {result.canary.requests} marked requests to the canary, but the answer "
        f"does not name it{_quote(result, FailureKind.UNKNOWN)}"
    )


def _load_unattributed(result: LoadResult, _limits: Load) -> Judgement | None:
    if not result.unknown:
        return None
    return _unknown(
        f"{result.unknown} of {_requests(result)} answers name neither stable nor the canary: the gateway itself or "
        f"another application gave them{_quote(result, FailureKind.UNKNOWN)}"
    )


def _load_too_small(result: LoadResult, limits: Load) -> Judgement | None:
    for name, cohort in (("the canary", result.canary), ("stable", result.stable)):
        if cohort.requests < max(1, limits.samples):
            return _unknown(f"{cohort.requests} requests to {name}, {max(1, limits.samples)} are needed")
    return None


def _load_erring(result: LoadResult, limits: Load) -> Judgement | None:
    stable, canary = result.stable, result.canary
    more = canary.errors / canary.requests - stable.errors / stable.requests
    chance = fisher_greater(stable.errors, stable.requests, canary.errors, canary.requests)
    if more <= limits.more_errors or chance >= _CHANCE:
        return None
    figure = f"the canary failed {canary.errors} of {canary.requests} requests, {_share(canary)}"
    limit = f"limit {_percent(limits.more_errors)} above stable's {_share(stable)}"
    return _fail(f"{figure}, {limit}{_worst(result, _errors_of)}{_quote(result, FailureKind.CANARY)}")


def _load_slower(result: LoadResult, limits: Load) -> Judgement | None:
    stable, canary = result.stable.latency, result.canary.latency
    if not stable.total or not canary.total:
        # Only limits that allow every request to fail lead here.
        return _unknown("no request succeeded whose time could be compared")
    slow, fast = canary.quantile(0.95), stable.quantile(0.95)
    ratio, sum_ = fast * limits.slower, fast + limits.slack + _noise(result)
    if slow <= max(ratio, sum_) or mann_whitney(stable, canary) >= _CHANCE:
        return None
    limit = f"limit {_ms(max(ratio, sum_))} ms = "
    if ratio >= sum_:
        limit += f"{limits.slower:g} × stable's {_ms(fast)} ms"
    else:
        limit += f"stable's {_ms(fast)} ms + slack {_ms(limits.slack)} ms + noise {_ms(_noise(result))} ms"
    return _fail(f"the canary is slower: P95 {_ms(slow)} ms, {limit}{_worst(result, _seconds_of)}")


def _errors_of(cohort: Cohort) -> float:
    return cohort.errors / cohort.requests if cohort.requests else 0.0


def _seconds_of(cohort: Cohort) -> float:
    return cohort.latency.quantile(0.95) if cohort.latency.total else 0.0


def _worst(result: LoadResult, figure: Callable[[Cohort], float]) -> str:
    """Where the canary is worst against stable, by the name of the request; empty where all have one name."""
    if len(result.by_name) < 2:
        return ""
    name = max(result.by_name, key=lambda name: figure(result.by_name[name][1]) - figure(result.by_name[name][0]))
    return f", most of all {name}"


def _noise(result: LoadResult) -> float:
    """The difference of the P95s of stable's two halves, in seconds; 0, which is strict, if a half has no requests."""
    one, other = (half.latency.quantile(0.95) for half in result.halves)
    return 0.0 if math.isnan(one) or math.isnan(other) else abs(one - other)


def _figures(result: LoadResult) -> str:
    stable, canary = result.stable, result.canary
    times = f"P95 {_ms(canary.latency.quantile(0.95))} ms, stable {_ms(stable.latency.quantile(0.95))} ms"
    return f"{times} (noise ±{_ms(_noise(result))}); errors {canary.errors}, {stable.errors}"


def _ms(seconds: float) -> str:
    """Milliseconds to two digits, or to whole ones."""
    value = seconds * 1000
    return f"{value:.1f}" if 0 < value < 9.95 else f"{value:.0f}"


def _share(cohort: Cohort) -> str:
    return _percent(cohort.errors / cohort.requests)


def _percent(part: float) -> str:
    return f"{part * 100:.1f} %"


def _requests(result: LoadResult) -> int:
    return result.canary.requests + result.stable.requests


def _quote(result: LoadResult, kind: FailureKind | None = None) -> str:
    """The first failure of this kind, or the first of all, to be put behind a sentence; empty when there is none."""
    return next((f": {one}" for one in result.failures if kind in (None, one.kind)), "")
