"""Judgement of a functional suite: pass, fail or inconclusive. Each passed test needs an answer of the canary.

Who is to blame decides between fail and inconclusive as for a load; see load_verdicts.py.
"""

from gatewayctl.domain.judgement import Judgement, Verdict, fail, unknown
from gatewayctl.domain.smoke import SuiteResult

_PYTEST_EXITS = {2: "interrupted", 3: "internal error", 4: "wrong usage"}
_LONGEST_NAME = 150
_NAMED = 3
_HOW_TO_MARK = "send its requests to BASE_URL by requests, httpx, urllib3, aiohttp or the fixture client"


def judge_suite(result: SuiteResult) -> Judgement:
    """Judge a functional suite: every marked answer is the canary's, and each passed test has one or needs none."""
    checks = (
        _suite_unnamed,
        _suite_misrouted,
        _suite_broken,
        _suite_failed,
        _suite_without_evidence,
        _suite_incomplete,
        _suite_unproven,
    )
    bad = next(filter(None, (check(result) for check in checks)), None)
    if bad:
        return bad
    parts = [f"{result.passed} passed"]
    if result.excused:
        parts.append(f"{result.excused} without need of an answer")
    if result.skipped:
        parts.append(f"{result.skipped} skipped")
    if result.flaky:
        parts.append(f"{len(result.flaky)} flaky")
    answers = f"all {result.canary} answers" if result.canary > 1 else "its one answer"
    text = ", ".join([*parts, f"{answers} from the canary"])
    return Judgement(Verdict.PASS, f"{text}{_unmatched(result)}{_connections(result)}")


def _suite_unnamed(result: SuiteResult) -> Judgement | None:
    if not result.unnamed:
        return None
    return fail(
        f"the gateway sent {_of_marked(result, result.unnamed)} to the canary, but the answer does not name it"
        f"{_first(result.odd_answers)}"
    )


def _suite_misrouted(result: SuiteResult) -> Judgement | None:
    wrong = result.stable + result.unknown
    if not wrong:
        return None
    return unknown(
        f"{_of_marked(result, wrong)} did not reach the canary: its rule does not cover the path, or the gateway is at "
        f"fault; a request to another application needs stable_client or gw.unmarked(){_first(result.odd_answers)}"
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
        return unknown(f"pytest did not end within {result.seconds:.0f} s{reason}")
    if result.exit_code < 0:
        return unknown(f"pytest was killed by signal {-result.exit_code}{reason}")
    if result.exit_code not in (0, 1, 5):
        meaning = _PYTEST_EXITS.get(result.exit_code, "unknown")
        return unknown(f"pytest ended with exit code {result.exit_code} ({meaning}){reason}")
    if not result.finished:
        return unknown(f"pytest was gone before its session was over (exit code {result.exit_code}){reason}")
    return None


def _suite_failed(result: SuiteResult) -> Judgement | None:
    tests, reason = result.passed + result.failed + result.errors, _first(result.failures)
    if result.failed:
        errors = f", {result.errors} had an error in a fixture" if result.errors else ""
        return fail(f"{result.failed} of {tests} tests failed{errors}{reason}")
    if result.errors:  # the test itself did not fail
        return unknown(f"{result.errors} of {tests} tests had an error in a fixture{reason}")
    if result.exit_code == 1:
        return unknown("pytest ended with exit code 1, although no test failed; see its log")
    return None


def _suite_without_evidence(result: SuiteResult) -> Judgement | None:
    if not result.passed:
        detail = "no tests were collected"
        if result.skipped:
            detail = f"all {result.skipped} tests were skipped"
        elif result.collected:
            detail = f"{_tests(result.collected)} collected, but none has a result"
        return unknown(f"invalid: {detail}")
    if result.exit_code:
        return unknown(f"invalid: pytest ended with exit code {result.exit_code} (no tests collected)")
    if not result.canary:
        beside = f" ({result.baseline} without the mark)" if result.baseline else ""
        return unknown(
            f"invalid: {result.passed} passed, but no request reached the canary{beside}; {_HOW_TO_MARK}"
            f"{_connections(result)}"
        )
    return None


def _suite_incomplete(result: SuiteResult) -> Judgement | None:
    ended = result.passed + result.failed + result.errors + result.skipped
    if ended >= result.collected:
        return None
    skipped = f", {result.skipped} skipped" if result.skipped else ""
    return unknown(
        f"pytest ended early: {_tests(result.collected)} collected, {ended} with a result, "
        f"{result.passed} passed{skipped}; see pytest.log for what ended it"
    )


def _suite_unproven(result: SuiteResult) -> Judgement | None:
    if not result.unproven:
        return None
    names = ", ".join(_shorten(name) for name in result.unproven_tests[:_NAMED])
    more = result.unproven - min(_NAMED, len(result.unproven_tests))
    others = f" and {more} more" if more else ""
    return unknown(
        f"{result.unproven} of {result.passed} passed tests got no answer from the canary: {names}{others}; "
        f"{_HOW_TO_MARK}; a test that needs no answer is marked "
        f'@pytest.mark.gatewayctl(unproven="why"), or named in smoke.pytest.unproven'
        f"{_unmatched(result)}{_connections(result)}"
    )


def _unmatched(result: SuiteResult) -> str:
    """Entries of the configuration that no test is, perhaps misspelled, to be put behind a sentence."""
    names = ", ".join(map(_shorten, result.unmatched[:_NAMED]))
    return f"; smoke.pytest.unproven names {names}: no test of this run" if names else ""


def _connections(result: SuiteResult) -> str:
    """The connections that nobody marked, to be put behind a sentence."""
    count = result.unmarked_connections
    if not count:
        return ""
    came = f"{count} connections to the gateway came" if count > 1 else "one connection to the gateway came"
    return f"; {came} from a client that gatewayctl does not know{_first(result.unmarked_examples)}"


def _tests(count: int) -> str:
    return f"{count} test was" if count == 1 else f"{count} tests were"


def _shorten(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 3]}..."
