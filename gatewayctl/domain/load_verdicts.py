"""Judgement of loads: who answered, then errors, then times, each against stable in the same run.

FAIL blames the canary, so it needs a figure that is beyond its limit and that chance does not explain, for all requests
together or for those of one name. A run that broke, that is too small, or in which stable itself fails is inconclusive.
So is one that the locustfile itself ends with an exit code: it counts the requests of both versions together.
"""

import math
from collections.abc import Callable, Iterable, Mapping

from gatewayctl.domain.judgement import Judgement, Verdict, fail, unknown
from gatewayctl.domain.load_result import Cohort, FailureKind, LoadResult
from gatewayctl.domain.statistics import fisher_greater, mann_whitney
from gatewayctl.domain.trial import Load

# A difference that chance would make in one of a hundred runs is not held against the canary.
_CHANCE = 0.01
# A name without a success is only doubted, not blamed; so a failure that one run in ten would put there is enough.
_DOUBT = 0.1

Pair = tuple[Cohort, Cohort]


def judge_load(result: LoadResult, limits: Load) -> Judgement:
    """Judge a load run. A worse figure counts only when it exceeds its limit *and* chance; a better one needs neither.

    Requests of one name are judged too, since a name with few requests can be lost in the sum.
    """
    checks: tuple[Callable[[LoadResult, Load], Judgement | None], ...] = (
        _misrouted,
        _broken,
        _without_baseline,
        _unnamed,
        _unattributed,
        _too_small,
        _erring,
        _slower,
        _erring_by_name,
        _slower_by_name,
        _never_succeeded,
        _refused_by_locustfile,
    )
    bad = next(filter(None, (check(result, limits) for check in checks)), None)
    return bad or Judgement(Verdict.PASS, _figures(result))


def _misrouted(result: LoadResult, _limits: Load) -> Judgement | None:
    if not result.misrouted:
        return None
    wrong = f"the gateway sent {result.misrouted} of {_requests(result)} requests to the other version"
    return unknown(f"{wrong}{_quote(result, FailureKind.MISROUTED)}")


def _broken(result: LoadResult, _limits: Load) -> Judgement | None:
    if result.timed_out:
        return unknown(f"locust did not end within {result.seconds:.0f} s{_quote(result)}")
    if result.exit_code < 0:
        return unknown(f"locust was killed by signal {-result.exit_code}{_quote(result)}")
    if not _requests(result):
        nothing = f"locust sent no request through the gateway (exit code {result.exit_code})"
        return unknown(f"{nothing}{_events(result)}{_quote(result)}")
    if result.exit_code and not result.own_exit:
        return unknown(f"locust ended with exit code {result.exit_code}{_quote(result, FailureKind.RUN)}")
    return None


def _without_baseline(result: LoadResult, _limits: Load) -> Judgement | None:
    stable, _ = _tried(result)
    if 2 * stable.errors <= stable.requests:
        return None
    return unknown(f"stable itself fails: {_part(stable)}{_quote(result, FailureKind.STABLE)}")


def _unnamed(result: LoadResult, _limits: Load) -> Judgement | None:
    if not result.unnamed:
        return None
    return fail(
        f"the gateway sent {result.unnamed} of {result.canary.requests} marked requests to the canary, but the answer "
        f"does not name it{_quote(result, FailureKind.UNKNOWN)}"
    )


def _unattributed(result: LoadResult, _limits: Load) -> Judgement | None:
    if not result.unknown:
        return None
    return unknown(
        f"{result.unknown} of {_requests(result)} answers name neither stable nor the canary: the gateway itself or "
        f"another application gave them{_quote(result, FailureKind.UNKNOWN)}"
    )


def _too_small(result: LoadResult, limits: Load) -> Judgement | None:
    needed = max(1, limits.samples)
    for name, cohort in (("the canary", result.canary), ("stable", result.stable)):
        if cohort.requests < needed:
            came = f"{cohort.requests} request{'s' if cohort.requests != 1 else ''} reached {name}"
            advice = f"raise users or max_duration{_quote(result, FailureKind.RUN)}"
            return unknown(f"{came}, {needed} are needed; {advice}")
    return None


def _erring(result: LoadResult, limits: Load) -> Judgement | None:
    stable, canary = _tried(result)
    if not _errs(stable, canary, limits, _CHANCE):
        return None
    worst = _worst(_all_names(result), lambda one: one.errors / one.requests if one.requests else 0.0)
    told = f": {worst}: {_part_of(result, worst)}" if worst else ""
    return fail(f"{_more_errors(stable, canary, limits)}{told}{_quote(result, FailureKind.CANARY)}")


def _slower(result: LoadResult, limits: Load) -> Judgement | None:
    stable, canary = result.stable.latency, result.canary.latency
    if not stable.total or not canary.total:
        # Only limits that allow every request to fail lead here.
        return unknown("no request succeeded whose time could be compared")
    limit, told = _time_limit(result.stable, result.halves, limits)
    if _p95(result.canary) <= limit or mann_whitney(stable, canary) >= _CHANCE:
        return None
    worst = _worst(result.by_name, lambda one: _p95(one) if one.latency.total else 0.0)
    slowest = f"; most of all {worst}: {_times(result.by_name[worst])}" if worst else ""
    return fail(f"the canary is slower: {_times((result.stable, result.canary))}; {told}{slowest}")


def _erring_by_name(result: LoadResult, limits: Load) -> Judgement | None:
    named = _compared(_all_names(result), lambda one: one.requests)
    for name, (stable, canary) in sorted(named.items(), key=lambda item: -_share(item[1][1])):
        if _errs(stable, canary, limits, _CHANCE / len(named)):
            return fail(f"{name}: {_more_errors(stable, canary, limits)}{_quote(result, FailureKind.CANARY)}")
    return None


def _slower_by_name(result: LoadResult, limits: Load) -> Judgement | None:
    named = _compared(result.by_name, lambda one: one.latency.total)
    needed = max(1, limits.samples)
    for name, (stable, canary) in named.items():
        if min(stable.latency.total, canary.latency.total) < needed:
            continue
        limit, told = _time_limit(stable, result.halves_by_name.get(name, (Cohort(), Cohort())), limits)
        over = (one.latency.above(limit) for one in (stable, canary))
        chance = fisher_greater(next(over), stable.latency.total, next(over), canary.latency.total)
        if _p95(canary) > limit and chance < _CHANCE / len(named):
            return fail(f"the canary is slower in {name}: {_times((stable, canary))}; {told}")
    return None


def _never_succeeded(result: LoadResult, limits: Load) -> Judgement | None:
    """A name of which no request to the canary succeeded, but requests to stable did: nobody knows whether it works.

    Where names have few requests each (an id in the path), a single failure may meet one of them by chance.
    """
    named = _compared(_all_names(result), lambda one: one.requests)
    all_ = _tried(result)[1]
    for name, (stable, canary) in named.items():
        broken = 2 * stable.errors > stable.requests
        if broken or canary.errors < canary.requests or _share(canary) - _share(stable) <= limits.more_errors:
            continue
        elsewhere = (all_.errors - canary.errors + 1) / (all_.requests - canary.requests + 1)
        if sum(elsewhere**one.requests for _, one in named.values()) < _DOUBT:
            return unknown(
                f"{name}: no request to the canary succeeded ({_part(canary)} failed), stable failed {_part(stable)}; "
                f"these are too few to judge; raise users or duration{_quote(result, FailureKind.CANARY)}"
            )
    return None


def _refused_by_locustfile(result: LoadResult, _limits: Load) -> Judgement | None:
    if not result.own_exit:
        return None
    reason = _quote(result, FailureKind.RUN)
    return unknown(f"the locustfile set process_exit_code to {result.own_exit}{reason}; {_figures(result)}")


def _errs(stable: Cohort, canary: Cohort, limits: Load, chance: float) -> bool:
    """Whether the canary fails more often than its limit allows, and more often than chance explains."""
    if not stable.requests or not canary.requests or _share(canary) - _share(stable) <= limits.more_errors:
        return False
    return fisher_greater(stable.errors, stable.requests, canary.errors, canary.requests) < chance


def _more_errors(stable: Cohort, canary: Cohort, limits: Load) -> str:
    beyond = f"limit {_percent(limits.more_errors)} above stable's {_percent(_share(stable))}"
    return f"the canary failed {_part(canary)}, {_percent(_share(canary))}, {beyond}"


def _time_limit(stable: Cohort, halves: Pair, limits: Load) -> tuple[float, str]:
    """The largest P95 that the canary may have, in seconds, and how it comes about."""
    fast, noise = _p95(stable), _noise(halves)
    ratio, sum_ = fast * limits.slower, fast + limits.slack + noise
    limit = max(ratio, sum_)
    told = f"limit {_ms(limit)} ms = "
    if ratio >= sum_:
        return limit, f"{told}{limits.slower:g} × stable's {_ms(fast)} ms"
    return limit, f"{told}stable's {_ms(fast)} ms + slack {_ms(limits.slack)} ms + noise {_ms(noise)} ms"


def _all_names(result: LoadResult) -> dict[str, Pair]:
    """The requests of each name, with those that users reported themselves."""
    return {**result.by_name, **result.events}


def _compared(named: Mapping[str, Pair], number: Callable[[Cohort], int]) -> dict[str, Pair]:
    """The names that both versions have figures of; none where all requests have one name, as the sum says it all."""
    both = {name: pair for name, pair in named.items() if all(number(one) for one in pair)}
    return both if len(named) > 1 else {}


def _worst(named: Mapping[str, Pair], figure: Callable[[Cohort], float]) -> str:
    """The name for which the canary is worst against stable; empty where all requests have one name."""
    if len(named) < 2:
        return ""
    return max(named, key=lambda name: figure(named[name][1]) - figure(named[name][0]))


def _tried(result: LoadResult) -> Pair:
    """All requests, with those that users reported themselves; without their times."""
    events = tuple(result.events.values())
    return (
        _counts([result.stable, *(stable for stable, _ in events)]),
        _counts([result.canary, *(canary for _, canary in events)]),
    )


def _counts(cohorts: Iterable[Cohort]) -> Cohort:
    all_ = list(cohorts)
    return Cohort(sum(one.requests for one in all_), sum(one.errors for one in all_))


def _part_of(result: LoadResult, name: str) -> str:
    stable, canary = _all_names(result)[name]
    return f"canary {_part(canary)}, stable {_part(stable)}"


def _part(cohort: Cohort) -> str:
    return f"{cohort.errors} of {cohort.requests} request{'s' if cohort.requests != 1 else ''}"


def _p95(cohort: Cohort) -> float:
    return cohort.latency.quantile(0.95)


def _noise(halves: Pair) -> float:
    """The difference of the P95s of stable's two halves, in seconds; 0, which is strict, if a half has no requests."""
    one, other = (_p95(half) for half in halves)
    return 0.0 if math.isnan(one) or math.isnan(other) else abs(one - other)


def _figures(result: LoadResult) -> str:
    noise = f"(noise ±{_ms(_noise(result.halves))})"
    errors = f"errors: canary {result.canary.errors}, stable {result.stable.errors}"
    return f"{_times((result.stable, result.canary))} {noise}; {errors}{_events(result)}"


def _events(result: LoadResult) -> str:
    """What users reported themselves, for a verdict that does not blame it; empty for nothing."""
    stable, canary = (_counts(pair[place] for pair in result.events.values()) for place in (0, 1))
    if not stable.requests + canary.requests + result.strays:
        return ""
    failed = [name for name, pair in sorted(result.events.items()) if any(one.errors for one in pair)]
    named = f" ({', '.join(failed)})" if failed else ""
    told = f"; not by HTTP: {canary.requests + stable.requests}, "
    told += f"errors: canary's users {canary.errors}, stable's users {stable.errors}{named}"
    return told + (f", outside of users {result.strays}{_quote(result, FailureKind.RUN)}" if result.strays else "")


def _times(pair: Pair) -> str:
    stable, canary = pair
    return f"canary P95 {_ms(_p95(canary))} ms, stable {_ms(_p95(stable))} ms"


def _ms(seconds: float) -> str:
    """Milliseconds to two digits, or to whole ones."""
    value = seconds * 1000
    return f"{value:.1f}" if 0 < value < 9.95 else f"{value:.0f}"


def _share(cohort: Cohort) -> float:
    return cohort.errors / cohort.requests if cohort.requests else 0.0


def _percent(part: float) -> str:
    return f"{part * 100:.1f} %"


def _requests(result: LoadResult) -> int:
    return result.canary.requests + result.stable.requests


def _quote(result: LoadResult, kind: FailureKind | None = None) -> str:
    """The first failure of this kind, or the first of all, to be put behind a sentence; empty when there is none."""
    return next((f": {one}" for one in result.failures if kind in (None, one.kind)), "")
