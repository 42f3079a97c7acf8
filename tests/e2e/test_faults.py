"""A real cluster that fails in the middle of a release: it ends promoted or restored, and no invariant breaks.

What happens here is no simulation: the API server is killed and started again, a gateway Pod is deleted, the node's
kubelet stands still. An independent watcher looks at the cluster and asks every replica all the while.
"""

import sys
from collections.abc import Callable, Iterator

import pytest
import yaml

from tests.cluster import control
from tests.cluster.place import entered
from tests.e2e.shop_cluster import Done, ShopCluster, kubectl
from tests.e2e.watcher import Watcher, watching

IMAGES = {"1.0": "1.1", "1.1": "1.0"}
RESTORED = (3, 4)  # exit codes: rejected, or the environment failed; everything is as before

pytestmark = [pytest.mark.alone, pytest.mark.timeout(600)]  # a machine that is busy needs its time


@pytest.fixture
def watcher(cluster: ShopCluster) -> Iterator[Watcher]:
    with watching(cluster) as found:
        yield found


def other(cluster: ShopCluster, app: str) -> str:
    """The version of an application that does not run."""
    return f"shop/{app}:{IMAGES[cluster.image(app).rpartition(':')[2]]}"


def released(cluster: ShopCluster, app: str, when: str, what: Callable[[], None]) -> Done:
    """A whole release; `what` is done to the cluster as soon as it comes to phase `when`."""
    process = cluster.start("release", app, "--image", other(cluster, app), "--promote", "on-success", "--untested")
    try:
        cluster.settle(lambda: process.poll() is not None or cluster.phase(app) == when, f"{app} to come to {when}")
        what()
        out, err = process.communicate(timeout=170)
    finally:
        process.kill()
    return Done(process.returncode, out, err)


def ended(cluster: ShopCluster, app: str, before: str, done: Done, watcher: Watcher) -> None:
    """Promoted or restored, and nothing in between; the watcher saw nothing that may not be."""
    sys.stderr.write(f"\n{done.said}\n")
    watcher.assert_held()
    sys.stderr.write(f"{watcher.report}\n")
    assert done.code in (0, *RESTORED), done.said
    assert (cluster.image(app) != before) is (done.code == 0), done.said
    assert f"gatewayctl-{app}-canary" not in cluster.routes()
    assert (cluster.replicas(f"{app}-canary"), cluster.pods(f"{app}-canary")) == (0, [])
    assert cluster.phase(app) == ""


@pytest.mark.parametrize(
    ("app", "when"),
    [pytest.param("payments", "warm", marks=pytest.mark.all), ("payments", "promote"), ("orders", "load")],
)
def test_the_api_server_is_restarted(cluster: ShopCluster, watcher: Watcher, app: str, when: str):
    before = cluster.image(app)

    done = released(cluster, app, when, lambda: restart_api_server(cluster))

    ended(cluster, app, before, done, watcher)
    assert watcher.seen["looks without an answer"] > 0, watcher.report


def restart_api_server(cluster: ShopCluster) -> None:
    control.restart_api_server(entered())
    cluster.settle(lambda: cluster.ready(cluster.gateway, "gateway") == 3, "the API server to know the gateway")


@pytest.mark.parametrize(
    ("app", "when"),
    [pytest.param("payments", "warm", marks=pytest.mark.all), ("payments", "prove"), ("orders", "smoke")],
)
def test_a_gateway_pod_is_deleted_and_the_new_one_is_proven_too(
    cluster: ShopCluster, watcher: Watcher, app: str, when: str
):
    before = cluster.image(app)
    first = set(watcher.replicas)

    def delete() -> None:
        kubectl("-n", cluster.gateway, "delete", "pod", min(first), "--wait=false")

    done = released(cluster, app, when, delete)

    cluster.settle(lambda: len(set(watcher.replicas) - first) == 1, "the new replica to be asked")
    ended(cluster, app, before, done, watcher)
    # A suite that had been sent to the lost replica proves nothing: then the release goes back, and says why.
    assert done.code == 0 or (when == "smoke" and "was lost meanwhile" in done.said), done.said
    cluster.settle(lambda: cluster.ready(cluster.gateway, "gateway") == 3, "three replicas again")


def test_a_kubelet_that_stands_still_while_the_rule_is_written_is_waited_for(cluster: ShopCluster, watcher: Watcher):
    before = cluster.image("payments")
    held = []

    def hold() -> None:
        with control.paused(entered(), "kubelet"):
            cluster.settle(lambda: cluster.phase("payments") == "prove", "the rule to be written")
            asked = watcher.seen["rules asked of replicas"]
            cluster.settle(lambda: watcher.seen["rules asked of replicas"] >= asked + 30, "the replicas to be asked")
            held.append(cluster.phase("payments"))

    done = released(cluster, "payments", "route", hold)

    ended(cluster, "payments", before, done, watcher)
    assert held == ["prove"], "the release did not wait for what the kubelet had not synced"
    assert done.code == 0, done.said


def test_a_kubelet_that_stands_still_for_too_long_makes_the_release_back_out(cluster: ShopCluster, watcher: Watcher):
    before = cluster.image("payments")
    config = cluster.config.read_text()
    impatient = yaml.safe_load(config)
    impatient["apps"]["payments"]["timings"] = {"live": "4s"}
    cluster.config.write_text(yaml.safe_dump(impatient))

    def hold() -> None:
        with control.paused(entered(), "kubelet"):
            cluster.settle(lambda: cluster.phase("payments") in ("", "cool"), "the release to go back")

    try:
        done = released(cluster, "payments", "route", hold)
    finally:
        cluster.config.write_text(config)

    ended(cluster, "payments", before, done, watcher)
    assert done.code in RESTORED, done.said
