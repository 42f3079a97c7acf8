"""Every way in which a suite or a load can be judged."""

from dataclasses import replace

import pytest

from gatewayctl.domain.release import Load
from gatewayctl.domain.smoke import Cohort, Failure, FailureKind, LoadResult, SuiteResult
from gatewayctl.domain.statistics import Histogram
from gatewayctl.domain.verdicts import Judgement, Verdict, judge_load, judge_suite

GOOD = SuiteResult(
    passed=23,
    failed=0,
    errors=0,
    skipped=0,
    flaky=(),
    canary=61,
    stable=0,
    unknown=0,
    baseline=0,
    exit_code=0,
    seconds=8.9,
)
FAILURE = ("test_items.py::test_a: assert 500 == 200",)
ODD = ("GET /items at http://10.0.0.1: HTTP 200, x-served-by says orders-1, stamp none",)
ELSEWHERE = (
    "did not reach the canary: its rule does not cover the path, or the gateway is at fault; a request to another "
    "application needs stable_client or gw.unmarked()"
)
HOW = "send its requests with httpx, requests or the fixture client"
MARKED = '; a test that needs no answer is marked @pytest.mark.gatewayctl(unproven="why")'
CONNECTION = "10.0.0.1:8000 from urllib3"
STRANGER = "to the gateway came from a client that gatewayctl does not know"
ONE = f"; one connection {STRANGER}"
EARLY, SEE = "pytest ended early", "see pytest.log for what ended it"
PASS, FAIL, INCONCLUSIVE = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("changes", "verdict", "text"),
    [
        ({}, PASS, "23 passed, all 61 answers from the canary"),
        ({"passed": 1, "canary": 1}, PASS, "1 passed, its one answer from the canary"),
        ({"baseline": 9}, PASS, "23 passed, all 61 answers from the canary"),
        ({"flaky": ("a::b",)}, PASS, "23 passed, 1 flaky, all 61 answers from the canary"),
        ({"skipped": 2, "flaky": ("a", "b")}, PASS, "23 passed, 2 skipped, 2 flaky, all 61 answers from the canary"),
        (
            {"canary": 59, "stable": 1, "unknown": 1, "odd_answers": ODD},
            INCONCLUSIVE,
            f"2 of 61 marked requests {ELSEWHERE}: {ODD[0]}",
        ),
        ({"canary": 0, "stable": 1}, INCONCLUSIVE, f"1 of 1 marked request {ELSEWHERE}"),
        ({"unknown": 1}, INCONCLUSIVE, f"1 of 62 marked requests {ELSEWHERE}"),
        # A wrong route explains a failed test, and a run that broke.
        ({"stable": 1, "failed": 1, "exit_code": 1}, INCONCLUSIVE, f"1 of 62 marked requests {ELSEWHERE}"),
        ({"stable": 1, "timed_out": True}, INCONCLUSIVE, f"1 of 62 marked requests {ELSEWHERE}"),
        # The gateway sent it to the canary, so it is the canary that did not answer, or did not name itself.
        (
            {"unknown": 2, "unnamed": 1, "odd_answers": ODD},
            FAIL,
            f"the gateway sent 1 of 63 marked requests to the canary, but the answer does not name it: {ODD[0]}",
        ),
        (
            {"failed": 1, "passed": 22, "exit_code": 1, "failures": FAILURE},
            FAIL,
            f"1 of 23 tests failed: {FAILURE[0]}",
        ),
        (
            {"failed": 2, "errors": 1, "passed": 20, "exit_code": 1, "failures": FAILURE},
            FAIL,
            f"2 of 23 tests failed, 1 had an error in a fixture: {FAILURE[0]}",
        ),
        # A fixture that fails says nothing about the canary.
        (
            {"errors": 1, "passed": 22, "exit_code": 1, "failures": FAILURE},
            INCONCLUSIVE,
            f"1 of 23 tests had an error in a fixture: {FAILURE[0]}",
        ),
        # Whatever ended the process with 0: a failure that was reported is one.
        ({"failed": 1}, FAIL, "1 of 24 tests failed"),
        ({"exit_code": 1}, INCONCLUSIVE, "pytest ended with exit code 1, although no test failed; see its log"),
        ({"timed_out": True, "exit_code": 2, "seconds": 600.2}, INCONCLUSIVE, "pytest did not end within 600 s"),
        ({"finished": False}, INCONCLUSIVE, "pytest was gone before its session was over (exit code 0)"),
        ({"exit_code": -9}, INCONCLUSIVE, "pytest was killed by signal 9"),
        (
            {"exit_code": 2, "failures": ("x",), "passed": 0, "errors": 1},
            INCONCLUSIVE,
            "pytest ended with exit code 2 (interrupted): x",
        ),
        ({"exit_code": 3}, INCONCLUSIVE, "pytest ended with exit code 3 (internal error)"),
        ({"exit_code": 4, "failures": ("no",)}, INCONCLUSIVE, "pytest ended with exit code 4 (wrong usage): no"),
        ({"exit_code": 77}, INCONCLUSIVE, "pytest ended with exit code 77 (unknown)"),
        ({"exit_code": 5, "passed": 0, "canary": 0}, INCONCLUSIVE, "invalid: no tests were collected"),
        ({"passed": 0, "skipped": 4, "canary": 0}, INCONCLUSIVE, "invalid: all 4 tests were skipped"),
        ({"passed": 0, "skipped": 4, "canary": 4}, INCONCLUSIVE, "invalid: all 4 tests were skipped"),
        ({"passed": 0, "canary": 0}, INCONCLUSIVE, "invalid: no tests were collected"),
        ({"exit_code": 5}, INCONCLUSIVE, "invalid: pytest ended with exit code 5 (no tests collected)"),
        ({"canary": 0}, INCONCLUSIVE, f"invalid: 23 passed, but no request reached the canary; {HOW}"),
        (
            {"canary": 0, "baseline": 40},
            INCONCLUSIVE,
            f"invalid: 23 passed, but no request reached the canary (40 without the mark); {HOW}",
        ),
        # A passed test shows something about the canary only with an answer of the canary.
        (
            {"unproven": 1, "unproven_tests": ("a.py::b",)},
            INCONCLUSIVE,
            f"1 of 23 passed tests got no answer from the canary: a.py::b; {HOW}{MARKED}",
        ),
        (
            {"unproven": 9, "unproven_tests": ("a", "b", "c", "d" * 200), "unmarked_connections": 1},
            INCONCLUSIVE,
            f"9 of 23 passed tests got no answer from the canary: a, b, c and 6 more; {HOW}{MARKED}{ONE}",
        ),
        ({"excused": 2}, PASS, "23 passed, 2 without need of an answer, all 61 answers from the canary"),
        (
            {"unmarked_connections": 2, "unmarked_examples": (CONNECTION,)},
            PASS,
            f"23 passed, all 61 answers from the canary; 2 connections {STRANGER}: {CONNECTION}",
        ),
        # What was collected, what has a result and what passed must agree.
        (
            {"collected": 25},
            INCONCLUSIVE,
            f"{EARLY}: 25 tests were collected, 23 with a result, 23 passed; {SEE}",
        ),
        (
            {"collected": 26, "skipped": 2},
            INCONCLUSIVE,
            f"{EARLY}: 26 tests were collected, 25 with a result, 23 passed, 2 skipped; {SEE}",
        ),
        ({"collected": 25, "skipped": 2}, PASS, "23 passed, 2 skipped, all 61 answers from the canary"),
        ({"collected": 3, "passed": 0}, INCONCLUSIVE, "invalid: 3 tests were collected, but none has a result"),
        ({"collected": 1, "passed": 0}, INCONCLUSIVE, "invalid: 1 test was collected, but none has a result"),
    ],
)
def test_a_suite_is_judged(changes, verdict, text):
    assert judge_suite(replace(GOOD, **changes)) == Judgement(verdict, text)


LIMITS = Load(file="locustfile.py", slower=1.5, slack=0.010, more_errors=0.01, samples=50)


def cohort(milliseconds: float, requests: int = 1000, errors: int = 0) -> Cohort:
    """Requests of about that long, spread by a tenth."""
    times = [milliseconds / 1000 * (0.9 + 0.2 * i / requests) for i in range(requests - errors)]
    return Cohort(requests, errors, Histogram.of(times))


def a_load(stable: Cohort, canary: Cohort, **changes: object) -> LoadResult:
    half = Cohort(stable.requests // 2, stable.errors // 2, stable.latency)
    result = LoadResult(
        stable=stable, canary=canary, halves=(half, half), misrouted=0, unknown=0, seconds=60.0, exit_code=0
    )
    return replace(result, **changes)


NOTHING = Cohort()
TOLD = (
    Failure(FailureKind.MISROUTED, "GET /a"),
    Failure(FailureKind.UNKNOWN, "GET /b"),
    Failure(FailureKind.CANARY, "GET /c: 500"),
    Failure(FailureKind.STABLE, "GET /d: 500"),
)


@pytest.mark.parametrize(
    ("result", "verdict", "words"),
    [
        (a_load(cohort(30), cohort(30)), PASS, "P95 33 ms, stable 33 ms (noise ±0); errors 0, 0"),
        (a_load(cohort(30), cohort(3)), PASS, "P95 3.3 ms, stable 33 ms (noise ±0); errors 0, 0"),
        (a_load(cohort(30), cohort(30, errors=5), exit_code=1), PASS, "errors 5, 0"),
        (a_load(cohort(30, errors=400), cohort(30, errors=380)), PASS, "errors 380, 400"),
        # Slower, but within the ratio; within the slack; within the noise; by chance.
        (a_load(cohort(30), cohort(44)), PASS, "P95 47 ms, stable 33 ms"),
        (a_load(cohort(5), cohort(14)), PASS, "P95 15 ms"),
        (a_load(cohort(30), cohort(60), halves=(cohort(30), cohort(55))), PASS, "noise ±28"),
        (
            a_load(
                Cohort(60, 0, Histogram.of([0.030] * 60)),
                Cohort(60, 0, Histogram.of([0.020] * 56 + [0.1] * 4)),
            ),
            PASS,
            "P95 101 ms, stable 30 ms",
        ),
        (
            a_load(cohort(30), cohort(60)),
            FAIL,
            "the canary is slower: P95 65 ms, limit 49 ms = 1.5 × stable's 33 ms",
        ),
        (
            a_load(
                cohort(5), cohort(30), by_name={"GET /a": (cohort(5), cohort(5)), "GET /b": (cohort(5), cohort(90))}
            ),
            FAIL,
            "P95 33 ms, limit 15 ms = stable's 5.5 ms + slack 10 ms + noise 0 ms, most of all GET /b",
        ),
        (a_load(cohort(30), cohort(60), halves=(cohort(30), NOTHING)), FAIL, "the canary is slower"),
        (
            a_load(cohort(30), cohort(30, errors=100), exit_code=1, failures=TOLD),
            FAIL,
            "the canary failed 100 of 1000 requests, 10.0 %, limit 1.0 % above stable's 0.0 %: canary: GET /c: 500",
        ),
        (
            a_load(
                cohort(30),
                cohort(30, errors=1000),
                exit_code=1,
                by_name={"GET /c": (cohort(30, 90), cohort(30, 80, errors=80)), "GET /d": (cohort(30), cohort(30))},
            ),
            FAIL,
            "the canary failed 1000 of 1000 requests, 100.0 %, limit 1.0 % above stable's 0.0 %, most of all GET /c",
        ),
        (a_load(cohort(30, 60), cohort(30, 60, errors=2)), PASS, "errors 2, 0"),  # 3.3%, as chance would have it
        (
            a_load(cohort(30), cohort(30, errors=100), misrouted=1, failures=TOLD),
            INCONCLUSIVE,
            "the gateway sent 1 of 2000 requests to the other version: misrouted: GET /a",
        ),
        (a_load(cohort(30), cohort(30), misrouted=1, exit_code=3), INCONCLUSIVE, "1 of 2000"),
        (
            a_load(cohort(30), cohort(30), unknown=2, failures=TOLD),
            INCONCLUSIVE,
            "2 of 2000 answers name neither stable nor the canary: the gateway itself or another application gave them",
        ),
        (
            a_load(cohort(30), cohort(30), unknown=3, unnamed=2, failures=TOLD),
            FAIL,
            "the gateway sent 2 of 1000 marked requests to the canary, but the answer does not name it: unknown",
        ),
        (a_load(cohort(30, errors=501), cohort(30)), INCONCLUSIVE, "stable itself fails: 501 of 1000 requests"),
        (a_load(cohort(30, errors=900), cohort(30), unknown=900), INCONCLUSIVE, "stable itself fails: 900 of 1000"),
        (a_load(cohort(30, errors=1000), cohort(30, errors=1000)), INCONCLUSIVE, "stable itself fails"),
        (a_load(cohort(30), cohort(30, 49)), INCONCLUSIVE, "49 requests to the canary, 50 are needed"),
        (a_load(cohort(30, 49), cohort(30)), INCONCLUSIVE, "49 requests to stable, 50 are needed"),
        (a_load(NOTHING, cohort(30)), INCONCLUSIVE, "0 requests to stable"),
        (a_load(cohort(30), cohort(30), timed_out=True, exit_code=-9), INCONCLUSIVE, "locust did not end within 60 s"),
        (a_load(cohort(30), cohort(30), exit_code=-9), INCONCLUSIVE, "locust was killed by signal 9"),
        (a_load(cohort(30), cohort(30), exit_code=2), INCONCLUSIVE, "locust ended with exit code 2"),
        (
            a_load(NOTHING, NOTHING, exit_code=1, failures=(Failure(FailureKind.RUN, "SyntaxError: invalid syntax"),)),
            INCONCLUSIVE,
            "locust sent no request through the gateway (exit code 1): SyntaxError: invalid syntax",
        ),
    ],
)
def test_a_load_is_judged(result, verdict, words):
    judgement = judge_load(result, LIMITS)

    assert judgement.verdict == verdict, judgement
    assert words in judgement.text


def test_a_failure_is_quoted_by_its_kind_and_not_by_what_its_text_begins_with():
    misleading = Failure(FailureKind.CANARY, "unknown: GET /c: 500")

    judgement = judge_load(a_load(cohort(30), cohort(30), unknown=2, failures=(misleading, TOLD[1])), LIMITS)

    assert judgement.text.endswith("them: unknown: GET /b")


def test_limits_that_allow_every_error_do_not_pass_a_canary_without_one_success():
    result = a_load(cohort(30), cohort(30, errors=1000))

    assert judge_load(result, replace(LIMITS, more_errors=1.0)).verdict is INCONCLUSIVE


def test_limits_that_ask_for_no_samples_still_need_one():
    assert judge_load(a_load(cohort(30), NOTHING), replace(LIMITS, samples=0)).verdict is INCONCLUSIVE
