"""A gateway under a public name, and a function that runs a client of it in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from textwrap import dedent

import pytest

from gatewayctl.domain.smoke import GatewayEndpoints, RunContext
from tests.adapters.smoke.gateway import HOST, LoopbackGateway, run_gateway

RunClient = Callable[..., list[str]]

_BEGIN = """
import json, os
from gatewayctl.child_process.gateway_address import led_to
from gatewayctl.child_process.leading import lead
from gatewayctl.domain.smoke import RunContext

seen = []
endpoints = RunContext.from_json(os.environ["CONTEXT"]).endpoints
URLS, BASE = endpoints.urls, endpoints.base_url
lead(endpoints, lambda _socket, url: seen.append(url))
"""


@pytest.fixture
def gateway() -> Iterator[LoopbackGateway]:
    with run_gateway() as gateway:
        yield gateway


@pytest.fixture
def endpoints(gateway: LoopbackGateway) -> GatewayEndpoints:
    """The gateway as `http://shop.example.com`, a name that leads nowhere."""
    return replace(gateway.endpoints(), base_url=f"http://{HOST}")


@pytest.fixture
def run_client(endpoints: GatewayEndpoints) -> RunClient:
    """A function that runs a script whose connections are led; it returns the replicas that the script connected to."""

    def run(script: str, first: str = "", base_url: str = "") -> list[str]:
        wanted = replace(endpoints, base_url=base_url or endpoints.base_url)
        text = "\n".join([first, _BEGIN, dedent(script), "print(json.dumps(seen))"])
        environment = {"CONTEXT": RunContext(wanted, "").to_json(), "PYTHONPATH": ":".join(filter(None, sys.path))}
        ran = subprocess.run([sys.executable, "-c", text], env=environment, capture_output=True, text=True, timeout=60)
        assert ran.returncode == 0, ran.stderr
        seen: list[str] = json.loads(ran.stdout.splitlines()[-1])
        return seen

    return run
