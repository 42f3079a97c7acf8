"""What holds for every test."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.marks import is_whole

# How long an example takes says more about the machine than about the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture(scope="session", autouse=True)
def _without_hypothesis() -> Iterator[None]:
    """Suites that tests start do without our own tests' plugin, whose import takes a second of processor time each."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest")
        yield


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first: workers take whole files in this order, and a long one at the end leaves others idle."""
    for item in items:
        if is_whole(item.path):
            item.add_marker(pytest.mark.whole)
    items.sort(key=lambda item: item.get_closest_marker("sandbox") is None and "simulation" not in item.path.parts)
