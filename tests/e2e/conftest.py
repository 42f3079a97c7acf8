"""End-to-end tests run inside the test cluster's network namespace, or on a cluster named on purpose: make e2e."""

import os
from collections.abc import Iterator
from types import ModuleType

import pytest

from gatewayctl.adapters.kubernetes.client.api import connect
from gatewayctl.adapters.kubernetes.client.paths import config_maps
from tests.cluster import given
from tests.cluster.place import ENTERED
from tests.e2e.shop_cluster import ShopCluster, kubectl, running_cluster

pytest.register_assert_rewrite("tests.e2e.route_cases")  # what a failing case compared is shown, as in a test file

_SKIPPED = "controls the components of the cluster that make e2e makes: not on yours"

# Workers take whole files, in this order: a long one at the end would leave the others idle.
_FIRST = ("test_bad_network.py", "test_httproute.py", "test_incluster.py", "test_killed.py", "test_release.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Outside of a cluster these tests cannot mean anything, and must not look as if they did."""
    items.sort(key=lambda item: item.path.name not in _FIRST)
    here = [item for item in items if "tests/e2e/" in item.path.as_posix()]
    if here and not given.reachable():
        raise pytest.UsageError("tests/e2e needs a cluster: run make e2e, or python -m tests.cluster enter -- …")
    for item in here:
        item.add_marker(pytest.mark.cluster)
        if ENTERED not in os.environ and isinstance(item, pytest.Function) and _controls(item.module):
            item.add_marker(pytest.mark.skip(reason=_SKIPPED))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was left out is told even where nobody asked."""
    left_out = [one.nodeid for one in terminalreporter.stats.get("skipped", []) if _SKIPPED in str(one.longrepr)]
    if left_out:
        terminalreporter.section(f"{len(left_out)} tests were left out: each {_SKIPPED}")
        terminalreporter.write_line("\n".join(left_out))


def _controls(module: ModuleType) -> bool:
    """Whether a test file uses the test cluster's own programs."""
    used = (getattr(value, "__module__", None) or getattr(value, "__name__", "") for value in vars(module).values())
    return any(str(name).startswith("tests.cluster") for name in used)


@pytest.fixture(scope="module")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShopCluster]:
    with running_cluster(ShopCluster(connect(), tmp_path_factory.mktemp("cluster"))) as cluster:
        yield cluster


@pytest.fixture
def cluster(shared_cluster: ShopCluster) -> Iterator[ShopCluster]:
    """The example in the cluster; whatever a test leaves open is aborted, and must be as before afterwards."""
    before = shared_cluster.routes()
    yield shared_cluster
    for app in ("orders", "payments"):
        if shared_cluster.phase(app):
            shared_cluster.run("abort", app)
    assert shared_cluster.routes() == before
    assert (shared_cluster.replicas("orders-canary"), shared_cluster.replicas("payments-canary")) == (0, 0)


@pytest.fixture
def orders_put_back(shared_cluster: ShopCluster) -> Iterator[None]:
    """Afterwards stable orders runs its first image again; ask for it before `cluster`, which aborts releases first."""
    yield
    kubectl("-n", shared_cluster.shop, "set", "image", "deployment/orders", "app=shop/orders:1.0")
    kubectl("-n", shared_cluster.shop, "rollout", "status", "deployment/orders", "--timeout=60s")


@pytest.fixture
def routes_put_back(cluster: ShopCluster) -> Iterator[None]:
    """Afterwards the route file of the ConfigMap is as before, whatever the test wrote into it."""
    before = cluster.routes()
    yield
    if cluster.routes() != before:
        cluster.api.merge(config_maps(cluster.gateway, "gateway-routes"), {"data": {"rds.yaml": before}})
