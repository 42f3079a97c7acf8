"""A load run as JSON: what the Pods of a load read."""

import json
from dataclasses import replace

import pytest

from gatewayctl.domain.evidence import AttributionRule, Identify, Identity
from gatewayctl.domain.routing import Header
from gatewayctl.domain.smoke import GatewayEndpoints, LoadPace, LoadRun, RunContext

RULE = AttributionRule(Identify(), Identity("orders", "orders-canary"), "x-gatewayctl-release", "r-1")
RUN = LoadRun("locustfile.py", GatewayEndpoints(("http://gw",), "shop", Header("x-canary", "r-1"), RULE), "out")


def test_a_load_run_is_what_it_was():
    full = replace(RUN, max_duration=60.0, samples=7, classes=(("Visitor", 3),), args=("--tags", "fast"))

    assert LoadRun.from_json(RUN.to_json()) == RUN
    assert LoadRun.from_json(full.to_json()) == full


def test_a_run_context_is_what_it_was():
    context = RunContext(RUN.endpoints, "events", pace=LoadPace(1.0, 2.0, 3), arguments=("--x",), classes=("A", "B"))

    assert RunContext.from_json(context.to_json()) == context


PACE = LoadPace(duration=30.0, longest=300.0, samples=50)


@pytest.mark.parametrize(
    ("seconds", "requests", "users", "over"),
    [
        (29.9, (500, 500), 10, False),
        (30.0, (50, 50), 10, True),
        (30.0, (49, 500), 10, False),
        (30.0, (500, 49), 10, False),
        (30.0, (0, 0), 0, False),  # a busy machine, on which nobody has begun yet
        (30.0, (4, 4), 0, True),  # all users have ended by themselves
        (29.0, (4, 4), 0, False),
        (300.0, (4, 0), 10, True),
    ],
)
def test_a_load_ends_with_its_duration_and_its_samples_or_at_its_limit(seconds, requests, users, over):
    assert PACE.is_over(seconds, requests, users) is over


def test_a_limit_before_the_duration_is_none():
    run = replace(RUN, duration=600.0, max_duration=300.0, timeout=60.0)

    assert (run.pace.longest, run.limit) == (600.0, 660.0)


def test_a_load_run_that_an_older_command_wrote_is_read():
    old = json.loads(RUN.to_json())
    old["entrance"] = old.pop("endpoints")
    old["entrance"]["witness"] = old["entrance"].pop("attribution")

    assert LoadRun.from_json(json.dumps(old)) == RUN
