"""Requests that users report themselves (a WebSocket, gRPC), in a real locust: they count for the user's version."""

import pytest

from gatewayctl.domain.judgement import Verdict
from gatewayctl.domain.load_verdicts import judge_load
from gatewayctl.domain.trial import Load

LIMITS = Load(file="locustfile.py", slack=1.0, samples=10)

CHAT = """
    import gevent
    from locust import HttpUser, User, constant, events, task

    class Chatter(HttpUser):
        wait_time = constant(0.01)

        @task
        def look(self):
            self.client.get("/items")

        @task
        def chat(self):
            {task}

        def report(self, failed):
            error = ConnectionError("closed") if failed else None
            events.request.fire(
                request_type="WSS", name="chat", response_time=5, response_length=0, exception=error, context={{}}
            )
"""
CANARYS = "'canary' in self.client.get('/who').json()['pod']"


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    "task",
    [
        f"self.report({CANARYS})",
        f"gevent.spawn(self.report, {CANARYS}).join()",
        f"import threading; one = threading.Thread(target=self.report, args=[{CANARYS}]); one.start(); one.join()",
    ],
)
def test_failures_of_the_canarys_users_count_against_it(run_load, task, workers):
    judgement = judge_load(run_load(CHAT.format(task=task), enough=60, workers=workers), LIMITS)

    assert judgement.verdict is Verdict.FAIL
    assert judgement.text.endswith(": canary: WSS chat: closed")


def test_http_requests_are_not_counted_twice(gateway, run_load):
    result = run_load(CHAT.format(task="self.report(False)"), enough=60)

    judgement = judge_load(result, LIMITS)
    stable, canary = result.events["WSS chat"]
    assert judgement.verdict is Verdict.PASS
    assert f"; not by HTTP: {stable.requests + canary.requests}, errors: canary's users 0" in judgement.text
    assert set(result.events) == {"WSS chat"}
    assert result.canary.requests + result.stable.requests == len(gateway.seen)


def test_pairs_are_not_counted_twice(gateway, run_load):
    text = CHAT.replace("import gevent", "import gevent\n    from gatewayctl.load import PairedUser")
    result = run_load(
        text.replace("Chatter(HttpUser)", "Chatter(PairedUser)").format(task="self.report(True)"), enough=60
    )

    stable, canary = result.events["WSS chat"]
    assert abs(stable.requests - canary.requests) <= 1  # such a user belongs to both versions
    assert result.canary.requests + result.stable.requests == len(gateway.seen)


def test_failures_outside_of_users_are_named(run_load):
    text = (
        CHAT.format(task="pass")
        + """
    @events.test_stop.add_listener
    def stop(**_):
        Chatter.report(None, True)
"""
    )
    judgement = judge_load(run_load(text, enough=60), LIMITS)

    assert judgement.verdict is Verdict.PASS
    assert judgement.text.endswith(", outside of users 1: WSS chat: closed")


def test_a_load_without_any_http_request_proves_nothing(run_load):
    text = CHAT.replace("Chatter(HttpUser)", "Chatter(User)").replace('self.client.get("/items")', "pass")
    judgement = judge_load(run_load(text.format(task="self.report(False)"), duration=1.0), LIMITS)

    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.text.startswith("locust sent no request through the gateway (exit code 0); not by HTTP: ")


def test_a_task_that_fails_counts_also_where_its_user_sends_no_http(run_load):
    text = (
        CHAT.format(task="pass")
        + """
    class Caller(User):
        wait_time = constant(0.01)

        @task
        def call(self):
            raise ConnectionError("no answer by gRPC")
"""
    )
    result = run_load(text, enough=20)

    stable, canary = result.by_name["TASK (failed)"]
    assert stable.errors == stable.requests > 0
    assert canary.errors == canary.requests > 0
