"""Several load workers count as one would: locust's own distributed mode, in real processes on loopback."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayctl.child_process.distributed import merge_figures
from gatewayctl.child_process.load_stats import CANARY, HALF_A, HALF_B, LoadStats
from gatewayctl.domain.judgement import Verdict
from gatewayctl.domain.load_verdicts import judge_load
from gatewayctl.domain.statistics import bucket_of
from gatewayctl.domain.trial import Load
from tests.adapters.smoke.test_load_stats import ENDPOINTS, by_canary, by_stable

COUNTED = """
    from locust import HttpUser, constant, task
    from locust.exception import StopUser

    class Visitor(HttpUser):
        wait_time = constant(0.01)
        asked = 0

        @task
        def look(self):
            if self.asked == 3:
                raise StopUser
            self.asked += 1
            self.client.get("/items")
            with self.client.get("/missing", catch_response=True) as answer:
                answer.success()
"""
ENDLESS = """
    from locust import HttpUser, constant, task

    class Visitor(HttpUser):
        wait_time = constant(0.01)

        @task
        def look(self):
            self.client.get("/items")
"""
DYING = """
    import os
    from locust import HttpUser, constant, events, task

    class Visitor(HttpUser):
        wait_time = constant(0.05)

        @task
        def look(self):
            self.client.get("/items")
            if self.environment.runner.worker_index == 1:
                os._exit(9)
"""


@pytest.mark.parametrize("workers", [0, 2, 3])
def test_several_workers_count_what_one_process_counts(gateway, run_load, workers):
    result = run_load(COUNTED, users=8, duration=8.0, workers=workers)

    both = {name: (stable.requests, canary.requests) for name, (stable, canary) in result.by_name.items()}
    assert both == {"GET /items": (12, 12), "GET /missing": (12, 12)}
    assert sum(half.requests for half in result.halves) == result.stable.requests == 24
    assert result.stable.latency.total == result.canary.latency.total == 24
    assert len(gateway.seen) == 48
    assert (result.misrouted, result.unknown, result.exit_code, result.failures) == (0, 0, 0, ())


def test_what_ends_late_is_counted_too(gateway, run_load):
    """Locust's own master drops what it hears later than half a second after the end."""
    gateway.canary_delay = 1.0
    result = run_load(ENDLESS, users=8, duration=2.0, workers=2)

    assert result.canary.requests + result.stable.requests == len(gateway.seen)
    assert result.canary.requests > 0


def test_few_users_on_each_worker_still_meet_both_versions_and_all_replicas(gateway, run_load):
    result = run_load(ENDLESS, users=2, duration=2.0, workers=2)

    assert result.canary.requests > 0
    assert all(half.requests > 0 for half in result.halves)
    assert len({seen.replica for seen in gateway.seen}) == 2


def test_answers_by_the_other_version_are_found_by_every_worker(gateway, run_load):
    gateway.misrouted = lambda number: number % 20 == 7
    result = run_load(ENDLESS, duration=2.0, workers=2)

    wrong = sum(seen.mark != "" and number % 20 == 7 for number, seen in enumerate(gateway.seen))
    assert result.misrouted == wrong > 0
    assert judge_load(result, Load("locustfile.py")).verdict is Verdict.INCONCLUSIVE


def test_a_worker_that_is_lost_makes_the_run_inconclusive(run_load):
    progress: list[str] = []
    result = run_load(DYING, tick=progress.append, duration=3.0, workers=2)

    judgement = judge_load(result, Load("locustfile.py"))
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "1 of 2 load workers sent what they counted" in judgement.text
    assert result.canary.requests == result.stable.requests == 0


def test_the_progress_is_that_of_all_workers(run_load):
    progress: list[str] = []
    run_load(ENDLESS, tick=progress.append, duration=3.0, workers=2)

    assert any(text.startswith("8 users, ") for text in progress)


requests = st.lists(
    st.tuples(
        st.sampled_from([CANARY, HALF_A, HALF_B]),
        st.sampled_from(["/items", "/other"]),
        st.booleans(),
        st.floats(0.01, 5000),
        st.integers(0, 2),
    ),
    max_size=60,
)


@given(requests)
def test_adding_up_the_counts_of_workers_is_exact(seen):
    """Whichever worker saw a request, counts and buckets come out as if one process had counted all."""
    one, parts = LoadStats(ENDPOINTS.attribution), [LoadStats(ENDPOINTS.attribution) for _ in range(3)]
    for cohort, name, error, milliseconds, worker in seen:
        answer = by_canary(name=name) if cohort == CANARY else by_stable(name=name)
        meta = {**answer, "response_time": milliseconds, "exception": "no" if error else None}
        for stats in (one, parts[worker]):
            stats.cohorts[cohort].record(meta)

    whole, added = one.figures(), merge_figures(part.figures() for part in parts)

    for cohort in (CANARY, HALF_A, HALF_B):
        assert {name: [*entry[:2], dict(entry[2])] for name, entry in added["lanes"][cohort].items()} == {
            name: [*entry[:2], dict(entry[2])] for name, entry in whole["lanes"][cohort].items()
        }
    times = Counter(bucket_of(ms / 1000) for _, _, error, ms, _ in seen if not error)
    assert sum((Counter(e[2]) for lane in added["lanes"].values() for e in lane.values()), Counter()) == times
    assert (added["misrouted"], added["unknown"]) == (whole["misrouted"], whole["unknown"])
