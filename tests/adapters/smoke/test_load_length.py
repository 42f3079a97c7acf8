"""When a load ends, in a real locust: with its duration and its samples, or at its limit."""

import pytest

from gatewayctl.domain.judgement import Verdict
from gatewayctl.domain.load_verdicts import judge_load
from gatewayctl.domain.trial import Load

SLOW = """
    from locust import HttpUser, constant, task

    class Visitor(HttpUser):
        wait_time = constant(0.5)

        @task
        def look(self):
            self.client.get("/items")
"""
SHAPED = (
    SLOW
    + """
    from locust import LoadTestShape

    class Wave(LoadTestShape):
        def tick(self):
            return (4, 100) if self.get_run_time() < {seconds} else None
"""
)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_load_goes_on_until_it_has_its_samples(run_load, workers):
    result = run_load(SLOW, users=4, duration=1.0, enough=12, workers=workers)

    assert result.canary.requests >= 12
    assert result.stable.requests >= 12
    assert judge_load(result, Load("f", slack=1.0, samples=12)).verdict is Verdict.PASS


def test_a_load_ends_at_its_limit_without_its_samples(run_load):
    result = run_load(SLOW, users=4, duration=1.0, max_duration=3.0, enough=10_000)

    judgement = judge_load(result, Load("f", samples=10_000))
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert " requests reached the canary, 10000 are needed; raise users or max_duration" in judgement.text


def test_the_end_of_a_shape_is_its_own(run_load):
    result = run_load(SHAPED.format(seconds=2), duration=0.5, max_duration=60.0)

    assert result.seconds > 1.5
    assert (result.exit_code, result.timed_out) == (0, False)
    assert result.canary.requests > 0


def test_a_shape_that_never_ends_is_stopped_at_the_limit(run_load):
    result = run_load(SHAPED.format(seconds=3600), duration=0.5, max_duration=3.0)

    assert (result.exit_code, result.timed_out) == (0, False)
    assert result.canary.requests > 0
