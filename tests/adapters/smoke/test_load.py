"""locust in a real child process, against a real gateway.

The figures are chosen so that a busy machine does not matter: a difference that must be found is many times the noise,
and one that must not be found is none.
"""

import re
import subprocess
import sys
from collections import Counter

import pytest

from gatewayctl.domain.judgement import Verdict
from gatewayctl.domain.load_verdicts import judge_load
from gatewayctl.domain.smoke import GatewayEndpoints
from gatewayctl.domain.trial import Load
from tests.adapters.smoke.gateway import HEADER, HOST, LoopbackGateway, run_gateway

LIMITS = Load(file="locustfile.py", slack=0.030)

HTTP_USER = """
    from locust import HttpUser, constant, task

    class Visitor(HttpUser):
        wait_time = constant(0.01)

        @task
        def look(self):
            self.client.get("/items", headers={"accept": "application/json"})

        @task
        def miss(self):
            with self.client.get("/missing", catch_response=True) as answer:
                answer.success()
"""
FAST_USER = HTTP_USER.replace("HttpUser", "FastHttpUser")
PAIRED_USER = """
    from locust import constant, task
    from gatewayctl.load import PairedUser

    class Visitor(PairedUser):
        wait_time = constant(0.01)

        @task
        def look(self):
            answer = self.client.get("/items")
            assert answer.status_code != 200 or answer.json()["pod"].startswith("orders-canary")

        @task
        def order(self):
            with self.client.post("/items", json={}, catch_response=True) as answer:
                if answer.status_code != 200:
                    answer.failure("not ordered")

        @task
        def miss(self):
            with self.client.get("/missing", catch_response=True) as answer:
                answer.success()
"""


def count_requests(gateway: LoopbackGateway) -> Counter[tuple[str, str]]:
    """The number of requests to each replica, with each value of the header."""
    return Counter((seen.replica, seen.mark) for seen in gateway.seen)


def test_an_equal_canary_passes_under_an_unmodified_http_user(gateway, run_load, evidence):
    progress = []
    result = run_load(HTTP_USER, tick=progress.append, enough=150)

    assert judge_load(result, LIMITS).verdict is Verdict.PASS, judge_load(result, LIMITS)
    assert set(count_requests(gateway)) == {(url, mark) for url in gateway.urls for mark in ("", HEADER.value)}
    assert {seen.host for seen in gateway.seen} == {HOST}
    assert set(result.by_name) == {"GET /items", "GET /missing"}
    assert sum(canary.requests for _, canary in result.by_name.values()) == result.canary.requests
    assert sum(half.requests for half in result.halves) == result.stable.requests
    assert all(half.requests >= 25 for half in result.halves)
    assert any(text.startswith("8 users, ") for text in progress)
    assert "/items" in (evidence / "locust.log").read_text()


def test_a_slow_canary_is_found_under_an_unmodified_fast_http_user(gateway, run_load):
    gateway.canary_delay = 0.15
    result = run_load(FAST_USER, users=12, duration=3.0, enough=60)

    judgement = judge_load(result, LIMITS)
    assert judgement.verdict is Verdict.FAIL
    assert re.match(r"the canary is slower: canary P95 [1-9]\d\d ms, stable [\d.]+ ms; limit ", judgement.text)
    assert set(count_requests(gateway)) == {(url, mark) for url in gateway.urls for mark in ("", HEADER.value)}


def test_an_equal_canary_passes_in_pairs(gateway, run_load):
    result = run_load(PAIRED_USER, enough=60)

    assert judge_load(result, LIMITS).verdict is Verdict.PASS, judge_load(result, LIMITS)
    assert result.canary.requests == result.stable.requests
    assert result.canary.errors == result.stable.errors == 0
    assert abs(result.halves[0].requests - result.halves[1].requests) <= 8
    assert set(result.by_name) == {"GET /items", "POST /items", "GET /missing"}
    assert set(count_requests(gateway)) == {(url, mark) for url in gateway.urls for mark in ("", HEADER.value)}


def test_pairs_are_sent_in_either_order(gateway, run_load):
    run_load(PAIRED_USER, users=1, duration=1.0, enough=30)

    marks = [seen.mark for seen in gateway.seen]
    first = {pair[0] for pair in zip(marks[::2], marks[1::2], strict=False)}
    assert first == {"", HEADER.value}


def test_an_erring_canary_is_found_in_pairs(gateway, run_load):
    gateway.canary_status = lambda number: 500 if number % 3 == 0 else 200
    result = run_load(PAIRED_USER, enough=60)

    judgement = judge_load(result, LIMITS)
    assert judgement.verdict is Verdict.FAIL
    assert judgement.text.startswith("the canary failed ")
    assert re.search(
        r" %, limit 1.0 % above stable's 0.0 %: (GET|POST) /\w+: canary \d+ of \d+ requests, ", judgement.text
    )
    assert result.exit_code == 0  # failed requests are judged by gatewayctl, with both versions in view


def test_a_task_that_cannot_use_the_canarys_answers_counts_against_it(run_load):
    result = run_load(
        """
        from locust import HttpUser, constant, task

        class Visitor(HttpUser):
            wait_time = constant(0.01)

            @task
            def look(self):
                pod = self.client.get("/items").json()["pod"]
                assert not pod.startswith("orders-canary"), "what is this"
    """,
        enough=60,
    )

    judgement = judge_load(result, LIMITS)
    assert judgement.verdict is Verdict.FAIL
    assert judgement.text.endswith("canary: task failed: AssertionError('what is this')")


def test_answers_by_the_other_version_are_found(gateway, run_load):
    gateway.misrouted = lambda number: number % 50 == 7
    gateway.leaked = lambda number: number % 50 == 9
    result = run_load(FAST_USER, duration=1.0, enough=60)

    kinds = {one.detail.split(" at ")[0].rpartition("meant for ")[2].split(":")[0] for one in result.failures}
    assert judge_load(result, LIMITS).verdict is Verdict.INCONCLUSIVE
    assert result.misrouted == sum(
        (seen.mark != "" and number % 50 == 7) or (seen.mark == "" and number % 50 == 9)
        for number, seen in enumerate(gateway.seen)
    )
    assert kinds == {"canary", "stable"}


def test_an_answer_by_the_gateway_itself_is_an_error_and_unknown(run_load):
    result = run_load(HTTP_USER.replace('"/items"', '"/from-nobody"'), duration=1.0)

    errors = sum(cohort.errors for cohort in result.by_name["GET /from-nobody"])
    assert errors > 0
    assert result.unknown == errors
    assert result.misrouted == 0


def test_requests_without_an_answer_are_errors_but_nobodys_answers(run_load):
    with run_gateway() as closed:
        endpoints: GatewayEndpoints = closed.endpoints()
    result = run_load(HTTP_USER, duration=1.0, endpoints=endpoints)

    assert result.canary.errors == result.canary.requests > 0
    assert (result.misrouted, result.unknown) == (0, 0)
    assert judge_load(result, LIMITS).verdict is Verdict.INCONCLUSIVE
    assert judge_load(result, LIMITS).text.startswith("stable itself fails")


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (
            "from locust import task\ndef f(:",
            {},
            "locust sent no request through the gateway (exit code 1): SyntaxError",
        ),
        ("x = 1", {}, "no request through the gateway (exit code 1)"),
        ("import time; time.sleep(600)", {"duration": 1.0, "timeout": 1.0}, "locust did not end within 2 s"),
        ("import os; os.kill(os.getpid(), 9)", {}, "killed by signal 9"),
    ],
)
def test_a_locustfile_that_cannot_run_is_inconclusive(run_load, text, options, words):
    judgement = judge_load(run_load(text, **options), LIMITS)

    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert words in judgement.text


OWN_GATE = """
    import logging
    from locust import HttpUser, constant, events, task

    class Visitor(HttpUser):
        wait_time = constant(0.01)

        @task
        def look(self):
            self.client.get("/items")

    @events.quitting.add_listener
    def judge(environment, **_):
        if environment.stats.total.num_requests > 1:
            logging.error("Test failed: more than one request")
            environment.process_exit_code = 4
"""


@pytest.mark.parametrize("workers", [0, 2])
def test_a_locustfile_that_sets_an_exit_code_does_not_pass(run_load, workers):
    result = run_load(OWN_GATE, enough=60, workers=workers)

    judgement = judge_load(result, LIMITS)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    reason = "the locustfile set process_exit_code to 4: Test failed: more than one request; canary P95 "
    assert judgement.text.startswith(reason)


def test_a_listener_of_the_locustfile_that_raises_does_not_pass(run_load):
    judgement = judge_load(run_load(OWN_GATE.replace("num_requests", "number"), enough=60), LIMITS)

    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.text.startswith("locust ended with exit code 2: AttributeError: ")


def test_under_a_plain_locust_a_paired_user_sends_each_request_once(gateway, write):
    path = write("locustfile.py", PAIRED_USER.replace("orders-canary", "orders-77c"))
    command = [sys.executable, "-m", "locust", "-f", str(path), "--headless", "--only-summary", "-u", "2"]
    for seconds in ("1s", "5s", "20s"):  # a busy machine needs longer until the first request
        words = [*command, "-t", seconds, "--host", gateway.urls[0]]
        run = subprocess.run(words, capture_output=True, text=True, timeout=60)
        if gateway.seen:
            break

    assert run.returncode == 0, run.stderr
    assert {seen.mark for seen in gateway.seen} == {""}
    assert "(stable)" not in run.stdout + run.stderr


def test_a_module_that_the_locustfile_misses_is_told_with_where_to_install_it(run_load):
    judgement = judge_load(run_load("import no_such_library"), LIMITS)

    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.text.endswith(
        "ModuleNotFoundError: No module named 'no_such_library' "
        f"(locust runs with gatewayctl's own Python, {sys.executable}: install it there)"
    )
