"""Judgement of suites: pass, fail or inconclusive. Absence of evidence never passes.

FAIL blames the canary, so it needs evidence against the canary: a failed test, or a request that the gateway sent to
the canary and whose answer does not name the canary. An answer by anybody else shows that the gateway sends requests
to the wrong place. That is not the canary's fault, so the run is inconclusive. So is a run that broke.
"""

from dataclasses import dataclass
from enum import StrEnum

from gatewayctl.domain.smoke import SuiteResult

_PYTEST_EXITS = {2: "interrupted", 3: "internal error", 4: "wrong usage"}


class Verdict(StrEnum):
    """What the evidence says about the canary. CONFLICT: somebody else changed what the release works on."""

    PASS = "pass"  # noqa: S105 (not a password)
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    CONFLICT = "conflict"

    @property
    def mark(self) -> str:
        """The mark that heads its line."""
        match self:
            case Verdict.PASS:
                return "✓"
            case Verdict.INCONCLUSIVE:
                return "?"
            case _:
                return "✗"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reason in one line; `build` is the digest of the image that was started, if known."""

    verdict: Verdict
    text: str
    build: str = ""


def judge_suite(result: SuiteResult) -> Judgement:
    """Judge a functional suite: it passes only with passed tests, and every marked answer by the canary."""
    checks = (_suite_unnamed, _suite_misrouted, _suite_broken, _suite_failed, _suite_without_evidence)
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


def _suite_unnamed(result: SuiteResult) -> Judgement | None:
    if not result.unnamed:
        return None
    return _fail(
        f"the gateway sent {_of_marked(result, result.unnamed)} to the canary, but the answer does not name it"
        f"{_first(result.odd_answers)}"
    )


def _suite_misrouted(result: SuiteResult) -> Judgement | None:
    wrong = result.stable + result.unknown
    if not wrong:
        return None
    return _unknown(
        f"{_of_marked(result, wrong)} did not reach the canary: its rule does not cover the path, or the gateway is at "
        f"fault{_first(result.odd_answers)}"
    )


def _of_marked(result: SuiteResult, part: int) -> str:
    marked = result.canary + result.stable + result.unknown
    return f"{part} of {marked} marked request{'s' if marked != 1 else ''}"


def _first(texts: tuple[str, ...]) -> str:
    """The first of `texts`, to be put behind a sentence; empty when there is none."""
    return f": {texts[0]}" if texts else ""


def _suite_broken(result: SuiteResult) -> Judgement | None:
    reason = _first(result.failures)
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
    tests, reason = result.passed + result.failed + result.errors, _first(result.failures)
    if result.failed:
        errors = f", {result.errors} had an error in a fixture" if result.errors else ""
        return _fail(f"{result.failed} of {tests} tests failed{errors}{reason}")
    if result.errors:  # the test itself did not fail
        return _unknown(f"{result.errors} of {tests} tests had an error in a fixture{reason}")
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


def _fail(text: str) -> Judgement:
    return Judgement(Verdict.FAIL, text)


def _unknown(text: str) -> Judgement:
    return Judgement(Verdict.INCONCLUSIVE, text)
