"""A load run as JSON: what the Pods of a load read."""

import json

from gatewayctl.domain.evidence import AttributionRule, Identify, Identity
from gatewayctl.domain.routing import Header
from gatewayctl.domain.smoke import GatewayEndpoints, LoadRun

RULE = AttributionRule(Identify(), Identity("orders", "orders-canary"), "x-gatewayctl-release", "r-1")
RUN = LoadRun("locustfile.py", GatewayEndpoints(("http://gw",), "shop", Header("x-canary", "r-1"), RULE), "out")


def test_a_load_run_is_what_it_was():
    assert LoadRun.from_json(RUN.to_json()) == RUN


def test_a_load_run_that_an_older_command_wrote_is_read():
    old = json.loads(RUN.to_json())
    old["entrance"] = old.pop("endpoints")
    old["entrance"]["witness"] = old["entrance"].pop("attribution")

    assert LoadRun.from_json(json.dumps(old)) == RUN
