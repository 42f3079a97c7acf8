"""Every way in which a load can be judged."""

from dataclasses import replace

import pytest

from gatewayctl.domain.judgement import Verdict
from gatewayctl.domain.load_result import Cohort, Failure, FailureKind, LoadResult
from gatewayctl.domain.load_verdicts import judge_load
from gatewayctl.domain.statistics import Histogram
from gatewayctl.domain.trial import Load

PASS, FAIL, INCONCLUSIVE = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE

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
        (a_load(cohort(30), cohort(30)), PASS, "canary P95 33 ms, stable 33 ms (noise ±0); errors: canary 0, stable 0"),
        (a_load(cohort(30), cohort(3)), PASS, "canary P95 3.3 ms, stable 33 ms (noise ±0); errors: canary 0, stable 0"),
        (a_load(cohort(30), cohort(30, errors=5)), PASS, "errors: canary 5, stable 0"),
        (a_load(cohort(30, errors=400), cohort(30, errors=380)), PASS, "errors: canary 380, stable 400"),
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
            "the canary is slower: canary P95 65 ms, stable 33 ms; limit 49 ms = 1.5 × stable's 33 ms",
        ),
        (
            a_load(
                cohort(5), cohort(30), by_name={"GET /a": (cohort(5), cohort(5)), "GET /b": (cohort(5), cohort(90))}
            ),
            FAIL,
            "slack 10 ms + noise 0 ms; most of all GET /b: canary P95 99 ms, stable 5.5 ms",
        ),
        (a_load(cohort(30), cohort(60), halves=(cohort(30), NOTHING)), FAIL, "the canary is slower"),
        (
            a_load(cohort(30), cohort(30, errors=100), failures=TOLD),
            FAIL,
            "the canary failed 100 of 1000 requests, 10.0 %, limit 1.0 % above stable's 0.0 %: canary: GET /c: 500",
        ),
        (
            a_load(
                cohort(30),
                cohort(30, errors=1000),
                by_name={"GET /c": (cohort(30, 90), cohort(30, 80, errors=80)), "GET /d": (cohort(30), cohort(30))},
            ),
            FAIL,
            "limit 1.0 % above stable's 0.0 %: GET /c: canary 80 of 80 requests, stable 0 of 90 requests",
        ),
        (a_load(cohort(30, 60), cohort(30, 60, errors=2)), PASS, "errors: canary 2, stable 0"),  # by chance
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
        (
            a_load(cohort(30), cohort(30, 49)),
            INCONCLUSIVE,
            "reached the canary, 50 are needed; raise users or max_duration",
        ),
        (a_load(cohort(30, 49), cohort(30)), INCONCLUSIVE, "49 requests reached stable, 50 are needed"),
        (a_load(NOTHING, cohort(30)), INCONCLUSIVE, "0 requests reached stable"),
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


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        (
            {"exit_code": 1, "own_exit": 1, "failures": (Failure(FailureKind.RUN, "too many failures"),)},
            INCONCLUSIVE,
            "the locustfile set process_exit_code to 1: too many failures; canary P95 33 ms",
        ),
        ({"exit_code": 1}, INCONCLUSIVE, "locust ended with exit code 1"),
        # What the canary did wrong is said first: a locustfile cannot tell the versions apart.
        (
            {"exit_code": 1, "own_exit": 1, "canary": cohort(30, errors=100)},
            FAIL,
            "the canary failed 100 of 1000 requests",
        ),
        ({"exit_code": 0, "own_exit": 0}, PASS, "canary P95"),
    ],
)
def test_locusts_own_exit_code_is_never_ignored(changes, verdict, words):
    judgement = judge_load(replace(a_load(cohort(30), cohort(30)), **changes), LIMITS)

    assert judgement.verdict == verdict, judgement
    assert words in judgement.text


def of_names(**named: tuple[Cohort, Cohort]) -> LoadResult:
    """A load with these names, each by stable and canary; the sums are theirs."""
    sums = [Cohort(), Cohort()]
    for pair in named.values():
        sums = [
            Cohort(total.requests + one.requests, total.errors + one.errors, total.latency + one.latency)
            for total, one in zip(sums, pair, strict=True)
        ]
    halves = {name: (stable, stable) for name, (stable, _) in named.items()}
    return a_load(*sums, by_name=named, halves_by_name=halves)


COMMON = (cohort(30, 9000), cohort(30, 9000))


@pytest.mark.parametrize(
    ("rare", "verdict", "words"),
    [
        # All of them together stay within the limits: 0.4 % errors, and a P95 of the many fast ones.
        (
            (cohort(30, 40), cohort(30, 40, errors=40)),
            FAIL,
            "pay: the canary failed 40 of 40 requests, 100.0 %, limit 1.0 % above stable's 0.0 %",
        ),
        (
            (cohort(30, 200), cohort(90, 200)),
            FAIL,
            "the canary is slower in pay: canary P95 99 ms, stable 33 ms; limit 49 ms = 1.5 × stable's 33 ms",
        ),
        # By chance, with too few samples, or with stable just as slow or as bad.
        ((cohort(30, 40), cohort(30, 40, errors=2)), PASS, "canary P95"),
        ((cohort(30, 49), cohort(90, 49)), PASS, "canary P95"),
        ((cohort(90, 200), cohort(90, 200)), PASS, "canary P95"),
        ((cohort(30, 40, errors=39), cohort(30, 40, errors=40)), PASS, "canary P95"),
        # Only one version was asked for it: nothing to compare with.
        ((NOTHING, cohort(90, 200)), PASS, "canary P95"),
    ],
)
def test_a_name_that_the_sum_hides_is_judged(rare, verdict, words):
    judgement = judge_load(of_names(look=COMMON, pay=rare), LIMITS)

    assert judgement.verdict == verdict, judgement
    assert words in judgement.text


def test_many_names_do_not_make_chance_a_fault():
    """With a hundred names one is worse than a chance of 1 %, whichever version it is."""
    odd = (cohort(30, 30), cohort(30, 30, errors=8))  # a chance of 0.2 %
    alone, among = of_names(look=COMMON, pay=odd), {f"page {number}": COMMON for number in range(50)}

    assert judge_load(alone, LIMITS).verdict is FAIL
    assert judge_load(of_names(pay=odd, **among), LIMITS).verdict is PASS


def reported(stable: Cohort, canary: Cohort, **changes: object) -> LoadResult:
    return a_load(cohort(30), cohort(30), events={"WSS chat": (stable, canary)}, **changes)


@pytest.mark.parametrize(
    ("result", "verdict", "words"),
    [
        (
            reported(Cohort(100), Cohort(100, 90), failures=TOLD),
            FAIL,
            "the canary failed 90 of 1100 requests, 8.2 %, limit 1.0 % above stable's 0.0 %: canary: GET /c: 500",
        ),
        (
            reported(Cohort(100, 3), Cohort(100, 4)),
            PASS,
            "stable 0; not by HTTP: 200, errors: canary's users 4, stable's users 3 (WSS chat)",
        ),
        (reported(Cohort(100), Cohort(100)), PASS, "not by HTTP: 200, errors: canary's users 0, stable's users 0"),
        (reported(Cohort(2000, 1900), Cohort(2000, 1900)), INCONCLUSIVE, "stable itself fails: 1900 of 3000"),
        (
            a_load(cohort(30), cohort(30), strays=3, failures=(Failure(FailureKind.RUN, "WSS chat: closed"),)),
            PASS,
            "not by HTTP: 0, errors: canary's users 0, stable's users 0, outside of users 3: WSS chat: closed",
        ),
        # Nobody knows which version answered them, so they prove nothing.
        (
            a_load(NOTHING, NOTHING, events={"WSS chat": (Cohort(100), Cohort(100))}),
            INCONCLUSIVE,
            "locust sent no request through the gateway (exit code 0); not by HTTP: 200",
        ),
    ],
)
def test_what_users_report_themselves_counts_and_proves_nothing(result, verdict, words):
    judgement = judge_load(result, LIMITS)

    assert judgement.verdict == verdict, judgement
    assert words in judgement.text


def rare(number: int, errors: int = 0) -> Cohort:
    return cohort(30, number, errors)


def test_a_name_of_which_no_request_to_the_canary_succeeded_is_not_passed():
    # As in a short load of a public locustfile, in which a customer rarely pays.
    common = {f"GET /product/{number}": (rare(8), rare(8)) for number in range(13)}
    load = named_load({**common, "POST /pay": (rare(2), rare(1, 1))}, FAILED_TO_PAY)

    judgement = judge_load(load, LIMITS)

    assert judgement.verdict is INCONCLUSIVE
    assert judgement.text == (
        "POST /pay: no request to the canary succeeded (1 of 1 request failed), stable failed 0 of 2 requests; these "
        "are too few to judge; raise users or duration: canary: POST /pay: 500"
    )


@pytest.mark.parametrize(
    "named",
    [
        # Stable cannot do it either; some of the canary's succeeded; the limits allow it.
        {"POST /pay": (rare(2, 2), rare(1, 1))},
        {"POST /pay": (rare(2), rare(2, 1))},
        # One failure of many names with one request each meets one of them by chance.
        {f"GET /{number}": (rare(1), rare(1, int(number == 7))) for number in range(300)},
    ],
)
def test_a_rare_failure_that_proves_nothing_passes(named):
    assert judge_load(named_load({"GET /": (rare(200), rare(200)), **named}), LIMITS).verdict is PASS


def test_limits_that_allow_every_failure_allow_a_name_without_success():
    load = named_load({"GET /": (rare(200), rare(200)), "POST /pay": (rare(2), rare(1, 1))})

    assert judge_load(load, replace(LIMITS, more_errors=1.0)).verdict is PASS


FAILED_TO_PAY = (Failure(FailureKind.CANARY, "POST /pay: 500"),)


def named_load(named: dict[str, tuple[Cohort, Cohort]], failures: tuple[Failure, ...] = ()) -> LoadResult:
    """A load of these names; each has the requests of stable and of the canary."""
    stable, canary = (
        Cohort(
            sum(pair[place].requests for pair in named.values()),
            sum(pair[place].errors for pair in named.values()),
            sum((pair[place].latency for pair in named.values()), Histogram()),
        )
        for place in (0, 1)
    )
    return a_load(stable, canary, by_name=named, failures=failures)
