"""The watcher itself: it holds its peace over a good release, and finds each rule that is broken on purpose."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gatewayctl.adapters.kubernetes.client.paths import config_maps, deployments
from tests.e2e.object_rules import is_settled
from tests.e2e.observations import Invariant
from tests.e2e.shop_cluster import ShopCluster, kubectl
from tests.e2e.watcher import Watcher, watching

NEW = {"1.0": "shop/payments:1.1", "1.1": "shop/payments:1.0"}


def other_image(cluster: ShopCluster) -> str:
    """The version of payments that does not run."""
    return NEW[cluster.image("payments").rpartition(":")[2]]


def started(cluster: ShopCluster) -> None:
    """A release that stands before promote: its rule is on every replica."""
    done = cluster.run("start", "payments", "--image", other_image(cluster))
    assert done.code == 0, done.said


def broken(watcher: Watcher, cluster: ShopCluster, invariant: Invariant) -> list[str]:
    """What the watcher says of an invariant, once it says anything."""
    cluster.settle(lambda: any(what is invariant for what, _ in watcher.faults), f"the watcher to see {invariant}")
    return [said for what, said in watcher.faults if what is invariant]


def write_routes(cluster: ShopCluster, text: str) -> None:
    cluster.api.merge(config_maps(cluster.gateway, "gateway-routes"), {"data": {"rds.yaml": text}})


@contextmanager
def scaled_away(cluster: ShopCluster) -> Iterator[None]:
    """The canary has no Pod meanwhile."""
    try:
        kubectl("-n", cluster.shop, "scale", "deployment/payments-canary", "--replicas=0")
        yield
    finally:
        kubectl("-n", cluster.shop, "scale", "deployment/payments-canary", "--replicas=1")
        cluster.settle(lambda: cluster.ready(cluster.shop, "payments-canary") == 1, "the canary to be back")


def sync_routes(cluster: ShopCluster, number: int) -> None:
    """Let the kubelet sync the route files now: an annotation of each Pod makes it look."""
    kubectl("-n", cluster.gateway, "annotate", "pods", "-l", "app=gateway", f"by-hand={number}", "--overwrite")


@contextmanager
def written_by_hand(cluster: ShopCluster, text: str) -> Iterator[None]:
    """The route file is another text meanwhile, on every replica soon."""
    before = cluster.routes()
    try:
        write_routes(cluster, text)
        sync_routes(cluster, 1)
        yield
    finally:
        write_routes(cluster, before)
        sync_routes(cluster, 2)


@contextmanager
def stable_by_hand(cluster: ShopCluster, image: str) -> Iterator[None]:
    """Stable payments runs another image meanwhile."""
    path, before = "/spec/template/spec/containers/0/image", cluster.image("payments")
    try:
        cluster.api.patch(deployments(cluster.shop, "payments"), [{"op": "replace", "path": path, "value": image}])
        yield
    finally:
        cluster.api.patch(deployments(cluster.shop, "payments"), [{"op": "replace", "path": path, "value": before}])


def test_a_good_release_breaks_nothing_and_is_seen_from_beginning_to_end(cluster: ShopCluster):
    with watching(cluster) as watcher:
        done = cluster.run(
            "release", "payments", "--image", other_image(cluster), "--promote", "on-success", "--untested"
        )
        watcher.assert_held()

    assert done.code == 0, done.said
    seen = watcher.seen
    assert len(watcher.replicas) == 3, watcher.report
    assert min(seen["marked answers of the canary"], seen["rules found in replicas"]) >= 3, watcher.report
    assert seen["versions of the route files"] >= 3, watcher.report
    assert seen["looks at a ready canary"] >= 3, watcher.report
    assert watcher.book.judged > 0, watcher.report


def test_a_canary_that_is_scaled_away_under_its_rule_is_found(cluster: ShopCluster):
    started(cluster)
    with watching(cluster) as watcher, scaled_away(cluster):
        broken(watcher, cluster, Invariant.READY)
        broken(watcher, cluster, Invariant.ANSWERED)

        with pytest.raises(AssertionError, match="I3"):
            watcher.assert_held()  # which lets all that is suspected be decided
    assert any("in the files" in said for what, said in watcher.faults if what is Invariant.READY)


def test_a_hand_that_sends_everybody_to_the_canary_is_found(cluster: ShopCluster):
    started(cluster)
    text = cluster.routes()
    everybody = text.replace("cluster: payments\n", "cluster: payments-canary\n")
    with watching(cluster) as watcher, written_by_hand(cluster, everybody):
        found = broken(watcher, cluster, Invariant.UNMARKED)
        bytes_broken = broken(watcher, cluster, Invariant.BYTES)
    assert any("payments-canary-" in one for one in found)
    assert any("cluster: payments" in one for one in bytes_broken)


def test_a_rule_that_goes_while_a_release_says_routed_is_found(cluster: ShopCluster):
    first = cluster.routes()
    started(cluster)
    with watching(cluster) as watcher:
        watcher.allow(first)
        write_routes(cluster, first)
        sync_routes(cluster, 3)

        assert any("was routed" in one for one in broken(watcher, cluster, Invariant.ROUTED))


def test_a_stable_that_is_changed_by_hand_is_found(cluster: ShopCluster):
    started(cluster)
    try:
        with watching(cluster) as watcher, stable_by_hand(cluster, other_image(cluster)):
            assert broken(watcher, cluster, Invariant.STABLE)
    finally:
        cluster.settle(lambda: is_settled(cluster.deployment("payments")), "payments as before")
