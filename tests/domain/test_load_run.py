"""A load run as JSON: what the Pods of a load read."""

import json
from dataclasses import replace

import pytest

from gatewayctl.domain.evidence import AttributionRule, Identify, Identity
from gatewayctl.domain.platform import Tls
from gatewayctl.domain.routing import Header
from gatewayctl.domain.smoke import GatewayEndpoints, LoadPace, LoadRun, RunContext, public_url

RULE = AttributionRule(Identify(), Identity("orders", "orders-canary"), "x-gatewayctl-release", "r-1")
RUN = LoadRun("locustfile.py", GatewayEndpoints(("http://gw",), "shop", Header("x-canary", "r-1"), RULE), "out")


def test_a_load_run_is_what_it_was():
    public = replace(RUN.endpoints, base_url="https://shop.example.com", tls=Tls(ca="ca.pem"))
    full = replace(RUN, max_duration=60.0, samples=7, classes=(("Visitor", 3),), args=("--tags", "fast"))

    assert LoadRun.from_json(RUN.to_json()) == RUN
    assert LoadRun.from_json(full.to_json()) == full
    assert LoadRun.from_json(replace(RUN, endpoints=public).to_json()) == replace(RUN, endpoints=public)


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
    del old["entrance"]["base_url"], old["entrance"]["tls"]

    assert LoadRun.from_json(json.dumps(old)) == RUN


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("shop.example.com", "https://shop.example.com"),
        ("shop.example.com:8443", "https://shop.example.com:8443"),
        ("Shop", "https://Shop"),
        ("10.0.0.7", "https://10.0.0.7"),
        ("[fd00::7]:8443", "https://[fd00::7]:8443"),
        ("*", ""),
        ("*.example.com", ""),
        ("", ""),
    ],
)
def test_a_host_that_no_client_can_use_is_no_public_name(host, url):
    assert public_url("https", host) == url
