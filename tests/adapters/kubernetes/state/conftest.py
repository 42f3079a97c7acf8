"""A fake API server and a connection to it, for all that gatewayctl keeps in a cluster."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gatewayctl.adapters.kubernetes.client.api import Api
from tests.adapters.kubernetes.fake_api.server import FakeApiServer, connect_to_fake


@pytest.fixture
def server() -> FakeApiServer:
    return FakeApiServer()


@pytest.fixture
def api(server: FakeApiServer, tmp_path: Path) -> Iterator[Api]:
    with connect_to_fake(tmp_path, server) as (_, api):
        yield api
