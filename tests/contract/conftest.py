"""Every contract suite runs on every world named here; a new adapter is one line per table."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.cluster import given
from tests.contract.harness import Books, Platform
from tests.contract.kubernetes_books import fake_kubernetes_books, kubernetes_books, silent_kubernetes_books
from tests.contract.kubernetes_platform import kubernetes_platform
from tests.contract.memory import memory_books, memory_platform, repository_platform
from tests.contract.sandbox import sandbox_books, sandbox_platform

PLATFORMS: dict[str, Callable[[Path], AbstractContextManager[Platform]]] = {
    "memory": memory_platform,
    "repository": repository_platform,
    "sandbox": sandbox_platform,
}
BOOKS: dict[str, Callable[[Path], AbstractContextManager[Books]]] = {
    "memory": memory_books,
    "sandbox": sandbox_books,
    "fake-kubernetes": fake_kubernetes_books,
    "silent-kubernetes": silent_kubernetes_books,
}
# Worlds that start real processes carry a marker of their own, so that they can be left out.
MARKS = {"sandbox": pytest.mark.sandbox, "kubernetes": pytest.mark.cluster}
if given.reachable():  # make e2e runs these suites too
    PLATFORMS["kubernetes"] = kubernetes_platform
    BOOKS["kubernetes"] = kubernetes_books


@pytest.fixture(scope="session", params=[pytest.param(name, marks=MARKS.get(name, ())) for name in PLATFORMS])
def shared_platform(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with PLATFORMS[request.param](tmp_path_factory.mktemp(request.param)) as platform:
        yield platform


@pytest.fixture
def platform(shared_platform: Platform) -> Platform:
    """A cluster as at its beginning."""
    shared_platform.reset()
    return shared_platform


@pytest.fixture(params=[pytest.param(name, marks=MARKS.get(name, ())) for name in BOOKS])
def books(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Books]:
    """Books with nothing in them."""
    with BOOKS[request.param](tmp_path) as books:
        yield books
