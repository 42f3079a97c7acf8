"""Every way in which a suite can be judged."""

from dataclasses import replace

import pytest

from gatewayctl.domain.judgement import Judgement, Verdict
from gatewayctl.domain.smoke import SuiteResult
from gatewayctl.domain.suite_verdicts import judge_suite

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
HOW = "send its requests to BASE_URL by requests, httpx, urllib3, aiohttp or the fixture client"
MARKED = (
    '; a test that needs no answer is marked @pytest.mark.gatewayctl(unproven="why"), or named in smoke.pytest.unproven'
)
UNMATCHED = "; smoke.pytest.unproven names a.py::c, d.py: no test of this run"
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
        (
            {"unproven": 1, "unproven_tests": ("a.py::b",), "unmatched": ("a.py::c", "d.py")},
            INCONCLUSIVE,
            f"1 of 23 passed tests got no answer from the canary: a.py::b; {HOW}{MARKED}{UNMATCHED}",
        ),
        (
            {"unmatched": ("d.py",)},
            PASS,
            "23 passed, all 61 answers from the canary; smoke.pytest.unproven names d.py: no test of this run",
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
