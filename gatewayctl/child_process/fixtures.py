"""The fixtures that a suite written for gatewayctl can ask for; registered only when there is a canary to test."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from gatewayctl.child_process.marking import Marking
from gatewayctl.domain.smoke import GatewayEndpoints

if TYPE_CHECKING:
    import httpx

    from gatewayctl.child_process.clients import Gateway

ENDPOINTS = pytest.StashKey[GatewayEndpoints]()
MARKING = pytest.StashKey[Marking]()


@pytest.fixture(scope="session")
def gw(pytestconfig: pytest.Config) -> "Iterator[Gateway]":
    """The gateway: base_url, urls, host, header, release; makes clients for other scopes than a test."""
    # httpx takes a third of a second to import: only suites that use it pay.
    from gatewayctl.child_process.clients import Gateway

    gateway = Gateway(pytestconfig.stash[ENDPOINTS], pytestconfig.stash[MARKING])
    yield gateway
    gateway.close()


@pytest.fixture(scope="session")
def base_url(pytestconfig: pytest.Config) -> str:
    """The URL of the gateway's first replica."""
    return pytestconfig.stash[ENDPOINTS].urls[0]


@pytest.fixture(scope="session")
def canary_headers(pytestconfig: pytest.Config) -> dict[str, str]:
    """The header that marks a request, for clients of your own."""
    header = pytestconfig.stash[ENDPOINTS].header
    return {header.name: header.value}


@pytest.fixture
def client(gw: "Gateway") -> "Iterator[httpx.Client]":
    """An httpx.Client to the canary, through every replica in turn."""
    with gw.client() as client:
        yield client


@pytest.fixture
def stable_client(gw: "Gateway") -> "Iterator[httpx.Client]":
    """An httpx.Client without the mark, for comparisons."""
    with gw.stable_client() as client:
        yield client
