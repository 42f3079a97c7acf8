"""Twenty-five applications are released at once on one gateway, each by a process of its own: no edit is lost."""

import sys
import time
from collections.abc import Iterator

import pytest

from gatewayctl.adapters.kubernetes.client.api import connect
from tests.e2e.many_apps import ManyAppsCluster
from tests.e2e.shop_cluster import running_cluster
from tests.e2e.watcher import watching

pytestmark = pytest.mark.alone  # twenty-five processes

WITHIN = 540.0  # seconds for all of them


@pytest.fixture(scope="module")
def many_apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManyAppsCluster]:
    with running_cluster(ManyAppsCluster(connect(), tmp_path_factory.mktemp("many_apps"))) as cluster:
        yield cluster


@pytest.mark.shows("envoy", "at once")
@pytest.mark.timeout(WITHIN + 60)
def test_twenty_five_releases_at_once_are_all_promoted_and_leave_every_byte_of_the_routes(
    many_apps: ManyAppsCluster, capsys: pytest.CaptureFixture[str]
):
    before = many_apps.routes()
    assert len(many_apps.apps) == 25
    begun = time.monotonic()

    with watching(many_apps, many_apps.apps, every=3.0) as watcher:
        ended = many_apps.release_all(dict.fromkeys(many_apps.apps, "shop/orders:1.1"), WITHIN)
    seconds = time.monotonic() - begun

    with capsys.disabled():
        sys.stdout.write(f"\n25 releases at once in {seconds:.0f} s; {watcher.report}\n")
    bad = [done.said for done in ended if done.code]
    assert not bad, "\n".join(bad)
    watcher.assert_held()
    assert many_apps.routes() == before
    assert {many_apps.image(app) for app in many_apps.apps} == {"shop/orders:1.1"}
    assert {many_apps.replicas(f"{app}-canary") for app in many_apps.apps} == {0}
    assert [app for app in many_apps.apps if many_apps.pods(f"{app}-canary")] == []
