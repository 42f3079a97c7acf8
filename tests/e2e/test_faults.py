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
from tests.e2e.shop_cluster import Done, Town, kubectl
from tests.e2e.watcher import Watcher, watching

IMAGES = {"1.0": "1.1", "1.1": "1.0"}
RESTORED = (3, 4)  # exit codes: rejected, or the environment failed; everything is as before

pytestmark = [pytest.mark.alone, pytest.mark.timeout(600)]  # a machine that is busy needs its time


@pytest.fixture
def watcher(town: Town) -> Iterator[Watcher]:
    with watching(town) as found:
        yield found


def other(town: Town, app: str) -> str:
    """The version of an application that does not run."""
    return f"shop/{app}:{IMAGES[town.image(app).rpartition(':')[2]]}"


def released(town: Town, app: str, when: str, what: Callable[[], None]) -> Done:
    """A whole release; `what` is done to the cluster as soon as it comes to phase `when`."""
    process = town.start("release", app, "--image", other(town, app), "--promote", "on-success")
    try:
        town.settle(lambda: process.poll() is not None or town.phase(app) == when, f"{app} to come to {when}")
        what()
        out, err = process.communicate(timeout=170)
    finally:
        process.kill()
    return Done(process.returncode, out, err)


def ended(town: Town, app: str, before: str, done: Done, watcher: Watcher) -> None:
    """Promoted or restored, and nothing in between; the watcher saw nothing that may not be."""
    sys.stderr.write(f"\n{done.said}\n")
    watcher.assert_held()
    sys.stderr.write(f"{watcher.report}\n")
    assert done.code in (0, *RESTORED), done.said
    assert (town.image(app) != before) is (done.code == 0), done.said
    assert f"gatewayctl-{app}-canary" not in town.routes()
    assert (town.replicas(f"{app}-canary"), town.pods(f"{app}-canary")) == (0, [])
    assert town.phase(app) == ""


@pytest.mark.parametrize(
    ("app", "when"),
    [pytest.param("payments", "warm", marks=pytest.mark.all), ("payments", "promote"), ("orders", "load")],
)
def test_the_api_server_is_restarted(town: Town, watcher: Watcher, app: str, when: str):
    before = town.image(app)

    done = released(town, app, when, lambda: restart_api_server(town))

    ended(town, app, before, done, watcher)
    assert watcher.seen["looks without an answer"] > 0, watcher.report


def restart_api_server(town: Town) -> None:
    control.restart_api_server(entered())
    town.settle(lambda: town.ready(town.gateway, "gateway") == 3, "the API server to know the gateway")


@pytest.mark.parametrize(
    ("app", "when"),
    [pytest.param("payments", "warm", marks=pytest.mark.all), ("payments", "prove"), ("orders", "smoke")],
)
def test_a_gateway_pod_is_deleted_and_the_new_one_is_proven_too(town: Town, watcher: Watcher, app: str, when: str):
    before = town.image(app)
    first = set(watcher.faces)

    def delete() -> None:
        kubectl("-n", town.gateway, "delete", "pod", min(first), "--wait=false")

    done = released(town, app, when, delete)

    town.settle(lambda: len(set(watcher.faces) - first) == 1, "the new replica to be asked")
    ended(town, app, before, done, watcher)
    # A suite that had been sent to the lost replica proves nothing: then the release goes back, and says why.
    assert done.code == 0 or (when == "smoke" and "was lost meanwhile" in done.said), done.said
    town.settle(lambda: town.ready(town.gateway, "gateway") == 3, "three replicas again")


def test_a_kubelet_that_stands_still_while_the_rule_is_written_is_waited_for(town: Town, watcher: Watcher):
    before = town.image("payments")
    held = []

    def hold() -> None:
        with control.paused(entered(), "kubelet"):
            town.settle(lambda: town.phase("payments") == "prove", "the rule to be written")
            asked = watcher.seen["rules asked of replicas"]
            town.settle(lambda: watcher.seen["rules asked of replicas"] >= asked + 30, "the replicas to be asked")
            held.append(town.phase("payments"))

    done = released(town, "payments", "route", hold)

    ended(town, "payments", before, done, watcher)
    assert held == ["prove"], "the release did not wait for what the kubelet had not synced"
    assert done.code == 0, done.said


def test_a_kubelet_that_stands_still_for_too_long_makes_the_release_back_out(town: Town, watcher: Watcher):
    before = town.image("payments")
    config = town.config.read_text()
    impatient = yaml.safe_load(config)
    impatient["apps"]["payments"]["timings"] = {"live": "4s"}
    town.config.write_text(yaml.safe_dump(impatient))

    def hold() -> None:
        with control.paused(entered(), "kubelet"):
            town.settle(lambda: town.phase("payments") in ("", "cool"), "the release to go back")

    try:
        done = released(town, "payments", "route", hold)
    finally:
        town.config.write_text(config)

    ended(town, "payments", before, done, watcher)
    assert done.code in RESTORED, done.said
