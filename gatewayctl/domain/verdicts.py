"""Judgement of suites and load: pass, fail or inconclusive. Absence of evidence never passes.

A failure is the canary's; inconclusive means that the run could not tell. If both are true, an answer by the wrong
version decides, because it is evidence whatever else went wrong.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from gatewayctl.domain.release import Load
from gatewayctl.domain.smoke import Cohort, FailureKind, LoadResult, SuiteResult
from gatewayctl.domain.statistics import fisher_greater, mann_whitney

# A difference that chance would make in one of a hundred runs is not held against the canary.
_CHANCE = 0.01
_PYTEST_EXITS = {2: "interrupted", 3: "internal error", 4: "wrong usage"}


class Verdict(StrEnum):
    """What the evidence says about the canary."""

    PASS = "pass"  # noqa: S105 (not a password)
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reason in one line."""

    verdict: Verdict
    text: str


def judge_suite(result: SuiteResult) -> Judgement:
    """Judge a functional suite: it passes only with passed tests, and every marked answer by the canary."""
    checks = (_suite_misrouted, _suite_broken, _suite_failed, _suite_without_evidence)
    bad = next(filter(None, (check(result) for check in checks)), None)
    if bad:
        return bad
    parts = [f"{result.passed} passed"]
    if result.skipped:
        parts.append(f"{result.skipped} skipped")
    if result.flaky:
        parts.append(f"{len(result.flaky)} flaky")
    answers = f"all {result.canary} answers" if result.canary > 1 else "its one answer"
    return Judgement(Verdict.PASS, ", ".join([*parts, f"{answers} from the canary"]))


def _suite_misrouted(result: SuiteResult) -> Judgement | None:
    wrong = result.stable + result.unknown
    if not wrong:
        return None
    marked = result.canary + wrong
    verb = "was" if wrong == 1 else "were"
    reason = f": {result.odd_answers[0]}" if result.odd_answers else ""
    return _fail(f"{wrong} of {marked} marked requests {verb} not answered by the canary{reason}")


def _suite_broken(result: SuiteResult) -> Judgement | None:
    reason = f": {result.failures[0]}" if result.failures else ""
    if result.timed_out:
        return _unknown(f"pytest did not end within {result.seconds:.0f} s{reason}")
    if result.exit_code < 0:
        return _unknown(f"pytest was killed by signal {-result.exit_code}{reason}")
    if result.exit_code not in (0, 1, 5):
        meaning = _PYTEST_EXITS.get(result.exit_code, "unknown")
        return _unknown(f"pytest ended with exit code {result.exit_code} ({meaning}){reason}")
    if not result.finished:
        return _unknown(f"pytest was gone before its session was over (exit code {result.exit_code}){reason}")
    return None


def _suite_failed(result: SuiteResult) -> Judgement | None:
    parts = [f"{count} {name}" for count, name in ((result.failed, "failed"), (result.errors, "errors")) if count]
    if parts:
        reason = f": {result.failures[0]}" if result.failures else ""
        return _fail(f"{', '.join(parts)}, {result.passed} passed{reason}")
    if result.exit_code == 1:
        return _unknown("pytest ended with exit code 1, although no test failed; see its log")
    return None


def _suite_without_evidence(result: SuiteResult) -> Judgement | None:
    if not result.passed:
        detail = f"all {result.skipped} tests were skipped" if result.skipped else "no tests were collected"
        return _unknown(f"invalid: {detail}")
    if result.exit_code:
        return _unknown(f"invalid: pytest ended with exit code {result.exit_code} (no tests collected)")
    if not result.canary:
        beside = f" ({result.baseline} without the mark)" if result.baseline else ""
        return _unknown(f"invalid: {result.passed} passed, but no request reached the canary{beside}")
    return None


def judge_load(result: LoadResult, limits: Load) -> Judgement:
    """Judge a load run: routing first, then errors, then the P95, each against stable in the same run.

    A worse figure counts only when it exceeds its limit *and* chance; a better one needs neither.
    """
    checks: tuple[Callable[[LoadResult, Load], Judgement | None], ...] = (
        _load_misrouted,
        _load_broken,
        _load_without_baseline,
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
    wrong = f"{result.misrouted} of {_requests(result)} requests"
    return _fail(f"{wrong} were answered by the other version{_quote(result, FailureKind.MISROUTED)}")


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


def _load_unattributed(result: LoadResult, _limits: Load) -> Judgement | None:
    if not result.unknown:
        return None
    return _fail(
        f"{result.unknown} of {_requests(result)} answers came from nobody we know{_quote(result, FailureKind.UNKNOWN)}"
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
    shares = f"{_share(canary)} of the canary's requests failed, {_share(stable)} of stable's"
    return _fail(f"{shares}{_quote(result, FailureKind.CANARY)}")


def _load_slower(result: LoadResult, limits: Load) -> Judgement | None:
    stable, canary = result.stable.latency, result.canary.latency
    if not stable.total or not canary.total:
        # Only limits that allow every request to fail lead here.
        return _unknown("no request succeeded whose time could be compared")
    slow, fast = canary.quantile(0.95), stable.quantile(0.95)
    if slow <= fast * limits.slower or slow - fast <= limits.slack + _noise(result):
        return None
    return None if mann_whitney(stable, canary) >= _CHANCE else _fail(f"the canary is slower: {_figures(result)}")


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
    return f"{cohort.errors / cohort.requests:.1%}"


def _requests(result: LoadResult) -> int:
    return result.canary.requests + result.stable.requests


def _quote(result: LoadResult, kind: FailureKind | None = None) -> str:
    """The first failure of this kind, or the first of all, to be put behind a sentence; empty when there is none."""
    return next((f": {one}" for one in result.failures if kind in (None, one.kind)), "")


def _fail(text: str) -> Judgement:
    return Judgement(Verdict.FAIL, text)


def _unknown(text: str) -> Judgement:
    return Judgement(Verdict.INCONCLUSIVE, text)
