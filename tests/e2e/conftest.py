"""End-to-end tests run inside the test cluster's network namespace: make e2e."""

import os
from collections.abc import Iterator

import pytest

from tests.e2e.town import Town, a_town


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Outside of a cluster these tests cannot mean anything, and must not look as if they did."""
    here = [item for item in items if "tests/e2e/" in item.path.as_posix()]
    if here and "GATEWAYCTL_CLUSTER" not in os.environ:
        raise pytest.UsageError("tests/e2e needs the test cluster: run make e2e, or python -m tests.cluster enter -- …")
    for item in here:
        item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    town = a_town(tmp_path_factory.mktemp("town"))
    try:
        town.build()
        yield town
    finally:
        town.remove()


@pytest.fixture
def town(built: Town) -> Iterator[Town]:
    """The example in the cluster; whatever a test leaves open is aborted, and must be as before afterwards."""
    before = built.routes()
    yield built
    for app in ("orders", "payments"):
        built.run("abort", app)
    assert built.routes() == before
    assert (built.replicas("orders-canary"), built.replicas("payments-canary")) == (0, 0)
