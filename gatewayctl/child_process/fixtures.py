"""The fixtures for suites that are written for gatewayctl; registered only when there is a canary to test."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from gatewayctl.child_process.marking import Marking
from gatewayctl.domain.smoke import GatewayEndpoints

if TYPE_CHECKING:
    import httpx

    from gatewayctl.child_process.clients import SuiteGateway

ENDPOINTS = pytest.StashKey[GatewayEndpoints]()
MARKING = pytest.StashKey[Marking]()


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """A test ends: what it has not read counts now, and still for this test."""
    yield
    item.config.stash[MARKING].settle()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """All tests are over."""
    session.config.stash[MARKING].settle(ended=True)


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Other plugins may have sent requests at the end."""
    config.stash[MARKING].settle(ended=True)


@pytest.fixture(scope="session")
def gw(pytestconfig: pytest.Config) -> "Iterator[SuiteGateway]":
    """The gateway: base_url, urls, host, header, release; creates clients for wider scopes than one test."""
    # Importing httpx takes a third of a second, so only suites that use the fixture import it.
    from gatewayctl.child_process.clients import SuiteGateway

    gateway = SuiteGateway(pytestconfig.stash[ENDPOINTS], pytestconfig.stash[MARKING])
    yield gateway
    gateway.close()


@pytest.fixture(scope="session")
def base_url(pytestconfig: pytest.Config) -> str:
    """The gateway's public URL."""
    return pytestconfig.stash[ENDPOINTS].base_url


@pytest.fixture(scope="session")
def canary_headers(pytestconfig: pytest.Config) -> dict[str, str]:
    """The header that marks a request, for clients of your own."""
    header = pytestconfig.stash[ENDPOINTS].header
    return {header.name: header.value}


@pytest.fixture
def client(gw: "SuiteGateway") -> "Iterator[httpx.Client]":
    """An httpx.Client that sends the header, through all replicas in turn."""
    with gw.client() as client:
        yield client


@pytest.fixture
def stable_client(gw: "SuiteGateway") -> "Iterator[httpx.Client]":
    """An httpx.Client that does not send the header, for comparisons."""
    with gw.stable_client() as client:
        yield client
