"""The API server is away for ten seconds in each phase of a release, for everybody who works on it: nothing is lost.

All requests go through a proxy, which answers none of them and ends every watch while the API server is away. The
watcher has its own way to the cluster.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cluster.place import entered
from tests.e2e.proxy import Disruption, Proxy, Request, proxied
from tests.e2e.shop_cluster import ShopCluster
from tests.e2e.test_faults import ended, other
from tests.e2e.watcher import Watcher, watching

AWAY = 10.0  # seconds for which the API server is away
PHASES = ("warm", "route", "prove", "leaks", "smoke", "load", "confirm", "promote", "unroute", "clear", "drain", "cool")
_PHASE = re.compile(rb'"gatewayctl\.dev/phase": ?"([a-z]+)"')

pytestmark = pytest.mark.timeout(600)  # a machine that is busy needs its time


@dataclass
class Outages:
    """The API server goes away whenever a release has journaled one of `phases`, once for each."""

    phases: tuple[str, ...]
    proxy: Proxy | None = None
    back_at: float = 0.0
    met: list[str] = field(default_factory=list)
    unanswered: int = 0

    def __call__(self, request: Request) -> Disruption:
        if self.is_away:
            self.unanswered += 1
            return Disruption.LOSE
        return Disruption.FORWARD

    @property
    def is_away(self) -> bool:
        return time.monotonic() < self.back_at

    def watch_journal(self, request: Request) -> None:
        """To be called when a request was answered: the phase that it journaled may begin an outage."""
        found = _PHASE.search(request.body)
        phase = found.group(1).decode() if found and request.verb in ("PUT", "POST") else ""
        if phase in self.phases and phase not in self.met and "/configmaps" in request.path:
            self.met.append(phase)
            self.back_at = time.monotonic() + AWAY
            if self.proxy is not None:
                self.proxy.break_watches()


@pytest.fixture
def watcher(cluster: ShopCluster) -> Iterator[Watcher]:
    with watching(cluster) as found:
        yield found


def test_the_api_server_is_away_for_ten_seconds_in_each_phase_and_the_release_is_promoted(
    cluster: ShopCluster, tmp_path: Path, watcher: Watcher
):
    before, outages = cluster.image("orders"), Outages(PHASES)
    image = other(cluster, "orders")

    with proxied(entered().kubeconfig, tmp_path, outages, outages.watch_journal) as proxy:
        outages.proxy = proxy
        done = cluster.run(
            "release",
            "orders",
            "--image",
            image,
            "--promote",
            "on-success",
            within=500,
            KUBECONFIG=str(proxy.kubeconfig),
        )

    ended(cluster, "orders", before, done, watcher)
    assert done.code == 0, done.said
    assert outages.met == list(PHASES), done.said
    assert outages.unanswered >= len(PHASES), "nobody asked the API server while it was away"


@pytest.mark.parametrize("phase", ["warm", "prove", "load", "promote"])
def test_an_abort_while_the_api_server_is_away_ends_aborted(
    cluster: ShopCluster, tmp_path: Path, watcher: Watcher, phase: str
):
    before, outages = cluster.image("orders"), Outages((phase,))
    image = other(cluster, "orders")

    with proxied(entered().kubeconfig, tmp_path, outages, outages.watch_journal) as proxy:
        outages.proxy = proxy
        through = {"KUBECONFIG": str(proxy.kubeconfig)}
        release = cluster.start("release", "orders", "--image", image, "--promote", "on-success", **through)
        try:
            cluster.settle(lambda: release.poll() is not None or bool(outages.met), f"the release to come to {phase}")
            assert outages.is_away
            aborted = cluster.run("abort", "orders", within=300, **through)
            _, said = release.communicate(timeout=170)
        finally:
            release.kill()

    watcher.assert_held()
    assert aborted.code == 0, f"{aborted.said}\nthe release said:\n{said}"
    found = cluster.release_of("orders")
    assert found is not None
    assert (found["outcome"], found["phase"]) == ("aborted", "done"), aborted.said
    assert cluster.image("orders") == before
    assert "gatewayctl-orders-canary" not in cluster.routes()
