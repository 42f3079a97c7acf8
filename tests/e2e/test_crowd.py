"""Twenty-five applications are released at once on one gateway, each by a process of its own: no edit is lost."""

import sys
import time
from collections.abc import Iterator

import pytest

from gatewayctl.adapters.kubernetes.client.api import connect
from tests.e2e.many_apps import Crowd
from tests.e2e.shop_cluster import standing
from tests.e2e.watcher import watching

pytestmark = pytest.mark.alone  # twenty-five processes

WITHIN = 540.0  # seconds for all of them


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    with standing(Crowd(connect(), tmp_path_factory.mktemp("crowd"))) as town:
        yield town


@pytest.mark.shows("envoy", "at once")
@pytest.mark.timeout(WITHIN + 60)
def test_twenty_five_releases_at_once_are_all_promoted_and_leave_every_byte_of_the_routes(
    crowd: Crowd, capsys: pytest.CaptureFixture[str]
):
    before = crowd.routes()
    assert len(crowd.apps) == 25
    begun = time.monotonic()

    with watching(crowd, crowd.apps, every=3.0) as watcher:
        ended = crowd.release_all(dict.fromkeys(crowd.apps, "shop/orders:1.1"), WITHIN)
    seconds = time.monotonic() - begun

    with capsys.disabled():
        sys.stdout.write(f"\n25 releases at once in {seconds:.0f} s; {watcher.report}\n")
    bad = [done.said for done in ended if done.code]
    assert not bad, "\n".join(bad)
    watcher.assert_held()
    assert crowd.routes() == before
    assert {crowd.image(app) for app in crowd.apps} == {"shop/orders:1.1"}
    assert {crowd.replicas(f"{app}-canary") for app in crowd.apps} == {0}
    assert [app for app in crowd.apps if crowd.pods(f"{app}-canary")] == []
