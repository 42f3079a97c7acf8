"""The watcher itself: it holds its peace over a good release, and finds each rule that is broken on purpose."""

import pytest

from gatewayctl.adapters.kubernetes.client.paths import config_maps, deployments
from tests.e2e.object_rules import is_settled
from tests.e2e.observations import Invariant
from tests.e2e.shop_cluster import Town, kubectl
from tests.e2e.watcher import Watcher, watching

NEW = {"1.0": "shop/payments:1.1", "1.1": "shop/payments:1.0"}


def other_image(town: Town) -> str:
    """The version of payments that does not run."""
    return NEW[town.image("payments").rpartition(":")[2]]


def started(town: Town) -> None:
    """A release that stands before promote: its rule is on every replica."""
    done = town.run("start", "payments", "--image", other_image(town))
    assert done.code == 0, done.said


def broken(watcher: Watcher, town: Town, invariant: Invariant) -> list[str]:
    """What the watcher says of an invariant, once it says anything."""
    town.settle(lambda: any(what is invariant for what, _ in watcher.faults), f"the watcher to see {invariant}")
    return [said for what, said in watcher.faults if what is invariant]


def write_routes(town: Town, text: str) -> None:
    town.api.merge(config_maps(town.gateway, "gateway-routes"), {"data": {"rds.yaml": text}})


def test_a_good_release_breaks_nothing_and_is_seen_from_beginning_to_end(town: Town):
    with watching(town) as watcher:
        done = town.run("release", "payments", "--image", other_image(town), "--promote", "on-success")
        watcher.assert_held()

    assert done.code == 0, done.said
    seen = watcher.seen
    assert len(watcher.faces) == 3, watcher.report
    assert min(seen["marked answers of the canary"], seen["rules found in replicas"]) >= 3, watcher.report
    assert seen["versions of the route files"] >= 3, watcher.report
    assert seen["looks at a ready canary"] >= 3, watcher.report
    assert watcher.book.judged > 0, watcher.report


def test_a_canary_that_is_scaled_away_under_its_rule_is_found(town: Town):
    started(town)
    with watching(town) as watcher:
        kubectl("-n", town.shop, "scale", "deployment/payments-canary", "--replicas=0")

        broken(watcher, town, Invariant.READY)
        broken(watcher, town, Invariant.ANSWERED)

        with pytest.raises(AssertionError, match="I3"):
            watcher.assert_held()  # which lets all that is suspected be decided
    assert any("in the files" in said for what, said in watcher.faults if what is Invariant.READY)
    kubectl("-n", town.shop, "scale", "deployment/payments-canary", "--replicas=1")
    town.settle(lambda: town.ready(town.shop, "payments-canary") == 1, "the canary to be back")


def test_a_hand_that_sends_everybody_to_the_canary_is_found(town: Town):
    started(town)
    text = town.routes()
    with watching(town) as watcher:
        write_routes(town, text.replace("cluster: payments\n", "cluster: payments-canary\n"))
        kubectl("-n", town.gateway, "annotate", "pods", "-l", "app=gateway", "by-hand=1", "--overwrite")

        found = broken(watcher, town, Invariant.UNMARKED)
        bytes_broken = broken(watcher, town, Invariant.BYTES)

        write_routes(town, text)
        kubectl("-n", town.gateway, "annotate", "pods", "-l", "app=gateway", "by-hand=2", "--overwrite")
    assert any("payments-canary-" in one for one in found)
    assert any("cluster: payments" in one for one in bytes_broken)


def test_a_rule_that_goes_while_a_release_says_routed_is_found(town: Town):
    first = town.routes()
    started(town)
    with watching(town) as watcher:
        watcher.allow(first)
        write_routes(town, first)
        kubectl("-n", town.gateway, "annotate", "pods", "-l", "app=gateway", "by-hand=3", "--overwrite")

        assert any("was routed" in one for one in broken(watcher, town, Invariant.ROUTED))


def test_a_stable_that_is_changed_by_hand_is_found(town: Town):
    name = town.image("payments")
    path = "/spec/template/spec/containers/0/image"
    started(town)
    with watching(town) as watcher:
        image = other_image(town)
        town.api.patch(deployments(town.shop, "payments"), [{"op": "replace", "path": path, "value": image}])

        assert broken(watcher, town, Invariant.STABLE)

        town.api.patch(deployments(town.shop, "payments"), [{"op": "replace", "path": path, "value": name}])
    town.settle(lambda: is_settled(town.deployment("payments")), "payments as before")
