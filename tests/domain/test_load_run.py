"""A load run as JSON: what the Pods of a load read."""

import json
from dataclasses import replace

import pytest

from gatewayctl.domain.evidence import AttributionRule, Identify, Identity
from gatewayctl.domain.platform import Tls
from gatewayctl.domain.routing import Header
from gatewayctl.domain.smoke import GatewayEndpoints, LoadRun, public_url

RULE = AttributionRule(Identify(), Identity("orders", "orders-canary"), "x-gatewayctl-release", "r-1")
RUN = LoadRun("locustfile.py", GatewayEndpoints(("http://gw",), "shop", Header("x-canary", "r-1"), RULE), "out")


def test_a_load_run_is_what_it_was():
    public = replace(RUN.endpoints, base_url="https://shop.example.com", tls=Tls(ca="ca.pem"))

    assert LoadRun.from_json(RUN.to_json()) == RUN
    assert LoadRun.from_json(replace(RUN, endpoints=public).to_json()) == replace(RUN, endpoints=public)


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
