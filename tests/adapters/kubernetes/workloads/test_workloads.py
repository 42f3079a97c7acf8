"""Deployments as workloads, against an API server in memory; tests/e2e has the same on a real one."""

import copy
import time
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from queue import Queue
from typing import Any

import pytest

from gatewayctl.adapters.kubernetes.client.api import ApiFault, Object, UnknownOutcome
from gatewayctl.adapters.kubernetes.client.names import WRITE
from gatewayctl.adapters.kubernetes.workloads.workloads import KubernetesWorkloads
from gatewayctl.domain.errors import EnvironmentFailed, StaleWrite
from tests.adapters.kubernetes.fake_api.memory_api import MemoryApi, add_generation
from tests.adapters.kubernetes.objects import a_deployment, a_pod, a_replica_set


def over(deployment: Object, *pods: Object) -> tuple[MemoryApi, KubernetesWorkloads]:
    api = MemoryApi(deployment)
    api.put("pods", *pods)
    return api, KubernetesWorkloads(api, "shop")


def from_now(seconds: float) -> str:
    """A time as an API server writes it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def wait_for_watches(workloads: KubernetesWorkloads) -> None:
    """Return once both watches of orders are live."""
    watch = workloads._snapshots["orders"].watch
    assert watch is not None
    deadline = time.monotonic() + 20
    while not watch.is_live:
        assert time.monotonic() < deadline, "waited 20 s for both watches"
        time.sleep(0.001)


def test_a_settled_deployment_is_read_with_what_runs() -> None:
    _, workloads = over(a_deployment(), a_pod())

    found = workloads.read("orders")

    assert (found.image, found.replicas, found.ready, found.pods) == ("shop/orders:1.0", 1, 1, ("orders-h1-a",))
    assert found.settled
    assert found.digest == "sha256:abc"


@pytest.mark.parametrize("status", [{"observedGeneration": 0}, {"updatedReplicas": 0}, {"replicas": 2}])
def test_a_status_that_is_behind_is_not_settled(status: dict[str, int]) -> None:
    deployment = a_deployment()
    deployment["status"] |= status
    _, workloads = over(deployment, a_pod())

    assert not workloads.read("orders").settled


def test_a_pod_that_is_ending_still_exists_and_does_not_count_as_ready() -> None:
    old = a_pod("orders-h0-a", made="h0")
    old["metadata"]["deletionTimestamp"] = from_now(20)
    _, workloads = over(a_deployment(), a_pod(), old)

    found = workloads.read("orders")

    assert (found.ready, found.pods, found.ending) == (1, ("orders-h0-a", "orders-h1-a"), 1)
    assert (found.settled, found.complete) == (False, True)


def test_a_pod_that_ends_for_longer_than_it_may_is_a_ghost_and_holds_nothing_up() -> None:
    """k05: Kubernetes calls this rollout complete; one old Pod is Terminating on a node that is lost."""
    ghost = a_pod("orders-h0-a", made="h0", ready=False)
    ghost["metadata"]["deletionTimestamp"] = from_now(-120)
    ghost["spec"] = {"nodeName": "node-7"}
    _, workloads = over(a_deployment(), a_pod(), ghost)

    found = workloads.read("orders")

    assert (found.ghosts, found.pods) == (("orders-h0-a on node node-7",), ("orders-h1-a",))
    assert found.settled


def test_a_pod_is_available_only_after_its_min_ready_seconds() -> None:
    """k06: all Pods are ready, none of them for 60 s."""
    deployment = a_deployment()
    deployment["spec"]["minReadySeconds"] = 60
    deployment["status"]["availableReplicas"] = 0
    _, workloads = over(deployment, a_pod())

    found = workloads.read("orders")

    assert (found.ready, found.available, found.min_ready, found.complete) == (1, 0, 60, False)


def pinning(stored: Callable[[str], str]) -> tuple[MemoryApi, KubernetesWorkloads]:
    """An API server whose webhook stores `stored(image)` for the image of each write, and keeps managedFields."""
    api, workloads = over(a_deployment(), a_pod())

    def admit(changed: Object, before: Object) -> Object:
        [container] = changed["spec"]["template"]["spec"]["containers"]
        if container["image"] != before["spec"]["template"]["spec"]["containers"][0]["image"]:
            container["image"] = stored(container["image"])
            own: Object = {'k:{"name":"app"}': {"f:image": {}}}
            fields = {"f:spec": {"f:template": {"f:spec": {"f:containers": own}}}}
            changed["metadata"]["managedFields"] = [{"manager": "gatewayctl", "fieldsV1": fields}]
        return add_generation(changed, before)

    api.server.on_store = admit
    return api, workloads


@pytest.mark.parametrize(
    "stored",
    [lambda image: f"{image}@sha256:{'a' * 64}", lambda image: f"mirror.example/proxy/{image}"],
    ids=["digest pinned", "registry rewritten"],
)
def test_an_image_that_a_webhook_stored_in_place_of_ours_is_ours(stored: Callable[[str], str]) -> None:
    """k11: also for another process, which reads it for the first time."""
    api, workloads = pinning(stored)

    workloads.change(workloads.read("orders"), image="shop/orders:1.1")

    seen = KubernetesWorkloads(api, "shop").read("orders")
    assert seen.image == stored("shop/orders:1.1")
    assert seen.runs("shop/orders:1.1")
    assert not seen.runs("shop/orders:1.0")


def test_an_image_that_somebody_sets_after_ours_is_not_ours() -> None:
    """k11: the annotation of our write is still there, but the field belongs to another manager by now."""
    api, workloads = pinning(lambda image: f"mirror.example/proxy/{image}")
    workloads.change(workloads.read("orders"), image="shop/orders:1.1")
    changed = api.deployments["orders"]
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = "shop/orders:6.6"
    changed["metadata"]["managedFields"][0]["manager"] = "kubectl-set"

    assert not KubernetesWorkloads(api, "shop").read("orders").runs("shop/orders:1.1")


def test_a_container_with_the_applications_image_gets_the_new_one_too() -> None:
    """k12: a migration of the old build would run before an application of the new one."""
    deployment = a_deployment()
    spec = deployment["spec"]["template"]["spec"]
    spec["initContainers"] = [{"name": "migrate", "image": "shop/orders:1.0"}, {"name": "wait", "image": "busybox:1"}]
    api, workloads = over(deployment, a_pod())

    workloads.change(workloads.read("orders"), image="shop/orders:1.1")

    written = api.deployments["orders"]["spec"]["template"]["spec"]
    assert [one["image"] for one in written["initContainers"]] == ["shop/orders:1.1", "busybox:1"]
    assert [one["image"] for one in written["containers"]] == ["shop/orders:1.1"]


def test_a_ready_pod_of_an_older_template_is_not_ready_for_what_is_asked() -> None:
    _, workloads = over(a_deployment(), a_pod("orders-h0-a", made="h0"))

    assert workloads.read("orders").ready == 0


def test_an_evicted_pod_is_gone_although_it_stays_listed() -> None:
    _, workloads = over(a_deployment(), a_pod(), a_pod("orders-h1-b", status={"phase": "Failed"}))

    assert workloads.read("orders").pods == ("orders-h1-a",)


def test_pods_of_a_neighbour_that_the_selector_also_matches_are_not_counted() -> None:
    _, workloads = over(a_deployment(), a_pod(), a_pod("orders-canary-h1-a", of="orders-canary"))

    assert workloads.read("orders").pods == ("orders-h1-a",)


def test_an_image_that_a_mirror_rewrote_in_the_pod_counts_as_asked() -> None:
    _, workloads = over(a_deployment(), a_pod(image="mirror.example/shop/orders:1.0"))

    assert workloads.read("orders").ready == 1


def test_the_replica_set_is_asked_for_once_per_revision() -> None:
    api, workloads = over(a_deployment(), a_pod())

    workloads.read("orders")
    workloads.read("orders")

    assert api.asked.count("replicasets") == 1


def test_of_several_containers_the_one_named_like_the_application_is_meant() -> None:
    deployment = a_deployment("orders-canary")
    deployment["spec"]["template"]["spec"]["containers"] = [
        {"name": "proxy", "image": "proxy:1"},
        {"name": "orders", "image": "shop/orders:1.0"},
    ]
    api, workloads = over(deployment)

    workloads.change(workloads.read("orders-canary"), image="shop/orders:1.1")

    held = api.deployments["orders-canary"]["spec"]["template"]["spec"]["containers"]
    assert [one["image"] for one in held] == ["proxy:1", "shop/orders:1.1"]


def test_containers_of_which_none_is_named_like_the_application_are_an_error_that_names_them() -> None:
    deployment = a_deployment()
    deployment["spec"]["template"]["spec"]["containers"] = [{"name": "web"}, {"name": "proxy"}]

    with pytest.raises(EnvironmentFailed, match="web, proxy"):
        over(deployment)[1].read("orders")


def test_a_write_touches_the_deployments_own_annotation_and_not_its_pods() -> None:
    api, workloads = over(a_deployment(), a_pod())
    template = api.deployments["orders"]["spec"]["template"]

    workloads.change(workloads.read("orders"))

    assert api.deployments["orders"]["spec"]["template"] == template
    assert api.deployments["orders"]["metadata"]["annotations"][WRITE]


def test_annotations_of_others_survive_the_first_write() -> None:
    deployment = a_deployment()
    del deployment["metadata"]["annotations"]
    api, workloads = over(deployment)
    read = workloads.read("orders")
    api.deployments["orders"]["metadata"] |= {"annotations": {"other": "kept"}, "resourceVersion": "11"}

    workloads.change(read, replicas=2)

    assert api.deployments["orders"]["metadata"]["annotations"]["other"] == "kept"
    assert api.deployments["orders"]["spec"]["replicas"] == 2


def test_a_deployment_that_was_made_anew_is_not_the_one_that_was_read() -> None:
    """t03: its generation begins again at 1, so that both can be equal."""
    api, workloads = over(a_deployment())
    read = workloads.read("orders")
    api.deployments["orders"]["metadata"]["uid"] = "another"

    with pytest.raises(StaleWrite, match="Deployment orders was changed by someone else"):
        workloads.change(read, image="shop/orders:9")

    assert api.deployments["orders"]["spec"] == a_deployment()["spec"]


def test_a_writer_who_read_before_somebody_scaled_is_refused() -> None:
    api, workloads = over(a_deployment())
    read = workloads.read("orders")
    api.deployments["orders"]["spec"]["replicas"] = 7
    api.deployments["orders"]["metadata"]["generation"] += 1

    with pytest.raises(StaleWrite, match="orders"):
        workloads.change(read, image="shop/orders:1.1")

    assert api.deployments["orders"]["spec"]["replicas"] == 7


def test_a_status_that_moved_meanwhile_refuses_no_write() -> None:
    api, workloads = over(a_deployment())
    read = workloads.read("orders")
    api.deployments["orders"]["metadata"]["resourceVersion"] = "99"

    assert workloads.change(read, replicas=3).replicas == 3


class LossyApi(MemoryApi):
    """Loses the answers of the first writes; `arrive` says whether the writes themselves got through."""

    losses, arrive = 1, True

    def patch(self, path: str, operations: list[Object], **query: str) -> Object:
        if self.losses:
            self.losses -= 1
            if self.arrive:
                super().patch(path, operations, **query)
            raise UnknownOutcome(504, "no answer")
        return super().patch(path, operations, **query)


@pytest.mark.parametrize("arrive", [True, False])
def test_a_write_whose_answer_was_lost_happens_exactly_once(arrive: bool) -> None:
    api = LossyApi(a_deployment())
    api.arrive = arrive
    workloads = KubernetesWorkloads(api, "shop")

    changed = workloads.change(workloads.read("orders"), replicas=4)

    assert changed.replicas == 4
    assert api.deployments["orders"]["metadata"]["generation"] == 2


class Overtaken(MemoryApi):
    """Somebody writes right after us, and the watch tells of it before our answer is home."""

    def __init__(self, *deployments: Object) -> None:
        super().__init__(*deployments)
        self.told: Queue[Object] = Queue()

    def _events(self, which: str, seconds: int) -> Generator[Object]:
        while which == "watch deployments":
            yield self.told.get()
            self.told.task_done()
        self.silence.wait(seconds)

    def patch(self, path: str, operations: list[Object], **query: str) -> Object:
        answer = super().patch(path, operations, **query)
        other = copy.deepcopy(answer)
        other["metadata"] |= {"generation": 3, "resourceVersion": "99", "annotations": {WRITE: "theirs"}}
        self.told.put({"type": "MODIFIED", "object": other})
        self.told.join()
        return answer


def test_a_write_answers_with_its_own_version_whatever_came_after_it() -> None:
    api = Overtaken(a_deployment())
    workloads = KubernetesWorkloads(api, "shop")
    workloads.read("orders")
    before = workloads.read("orders")
    wait_for_watches(workloads)

    changed = workloads.change(before, replicas=4)

    assert changed.version.split("/")[1] == "2"
    assert workloads.read("orders").version.endswith("3/theirs")


def test_a_write_that_the_api_server_finds_invalid_is_no_conflict() -> None:
    class Refusing(MemoryApi):
        def patch(self, path: str, operations: list[Object], **query: str) -> Object:
            raise ApiFault(422, "Deployment is invalid: spec.replicas")

    workloads = KubernetesWorkloads(Refusing(a_deployment()), "shop")

    with pytest.raises(ApiFault, match="invalid"):
        workloads.change(workloads.read("orders"), replicas=1)


def test_a_wait_is_served_by_events_and_returns_once_the_rollout_is_settled() -> None:
    deployment = a_deployment()
    api, workloads = over(deployment, a_pod(ready=False))
    assert not workloads.read("orders").settled
    api.asked.clear()
    scheduled: dict[str, Any] = a_pod(ready=False)
    scheduled["spec"] = {"nodeName": "node1"}
    api.events = [{"type": "MODIFIED", "object": scheduled}, {"type": "MODIFIED", "object": a_pod()}]

    found = [workloads.read("orders") for _ in range(3)]

    assert found[-1].settled
    assert sorted(api.asked) == ["watch deployments", "watch pods"]


def test_a_watch_that_is_refused_is_replaced_by_a_request() -> None:
    api, workloads = over(a_deployment(), a_pod(ready=False))
    workloads.read("orders")
    api.put("pods", a_pod())
    api.refused = ApiFault(410, "too old")

    assert workloads.read("orders").settled


def test_a_second_read_starts_a_watch_and_later_ones_cost_no_request() -> None:
    api, workloads = over(a_deployment(), a_pod())
    workloads.read("orders")
    api.asked.clear()
    workloads.read("orders")
    wait_for_watches(workloads)
    assert sorted(api.asked) == ["watch deployments", "watch pods"]
    api.asked.clear()

    assert workloads.read("orders").settled
    assert api.asked == []


def test_a_second_read_that_comes_late_is_requested() -> None:
    api, workloads = over(a_deployment(), a_pod())
    workloads.staleness = 0.05
    workloads.read("orders")
    api.asked.clear()
    time.sleep(0.1)

    workloads.read("orders")

    assert "deployments/orders" in api.asked


def test_what_never_changes_of_a_deployment_costs_no_request_once_it_was_read() -> None:
    api, workloads = over(a_deployment(), a_pod())
    workloads.staleness = 0.0
    workloads.read("orders")
    api.asked.clear()

    assert workloads.deployment_known("orders")["metadata"]["name"] == "orders"
    assert api.asked == []


def test_a_deployment_that_was_settled_and_has_not_moved_has_the_pods_it_had() -> None:
    api, workloads = over(a_deployment(), a_pod())
    workloads.staleness = 0.0  # each read asks
    workloads.read("orders")
    api.asked.clear()
    api.refused = ApiFault(403, "pods is forbidden")

    assert workloads.read("orders").pods == ("orders-h1-a",)
    assert [asked for asked in api.asked if not asked.startswith("watch")] == ["deployments/orders"]


def test_a_deployment_deleted_during_a_wait_is_an_error_that_names_it() -> None:
    api, workloads = over(a_deployment(), a_pod(ready=False))
    workloads.read("orders")
    api.clear("deployments")
    api.refused = ApiFault(0, "the watch broke")

    with pytest.raises(EnvironmentFailed, match="no Deployment orders in namespace shop"):
        workloads.read("orders")


def test_a_new_revision_is_distinguished_from_the_old_one() -> None:
    api, workloads = over(a_deployment(), a_pod())
    workloads.staleness = 0.0  # each read asks
    workloads.read("orders")
    changed = a_deployment(image="shop/orders:1.1")
    revised = {"deployment.kubernetes.io/revision": "2"}
    changed["metadata"] |= {"generation": 2, "resourceVersion": "11", "annotations": revised}
    changed["status"]["observedGeneration"] = 2
    api.put("deployments", changed)
    api.put("replicasets", a_replica_set(changed, "h2", "2"))
    api.clear("pods")
    api.put("pods", a_pod("orders-h2-a", made="h2"))

    found = workloads.read("orders")

    assert (found.image, found.ready, found.settled) == ("shop/orders:1.1", 1, True)


def test_logs_are_those_of_the_run_that_ended_when_it_was_restarted() -> None:
    api, workloads = over(a_deployment(), a_pod(ready=False, restartCount=2))
    api.logs = {"orders-h1-a true": "1\n2\nlast words\n", "orders-h1-a": "starting\n"}

    assert workloads.logs("orders", 2) == "2\nlast words"


def test_logs_of_no_pod_are_empty() -> None:
    assert over(a_deployment(replicas=0))[1].logs("orders") == ""


def test_a_changed_image_is_not_ready_on_the_pods_that_there_are() -> None:
    _, workloads = over(a_deployment(), a_pod())

    changed = workloads.change(workloads.read("orders"), image="shop/orders:1.1")

    assert (changed.ready, changed.settled) == (0, False)


def with_sidecars() -> Object:
    deployment = a_deployment()
    held = deployment["spec"]["template"]["spec"]["containers"]
    held[:] = [{"name": "proxy", "image": "proxy:9"}, {"name": "web", "image": "shop/orders:1.0"}]
    return deployment


def test_the_container_that_is_named_is_the_one_that_is_read_and_written() -> None:
    api = MemoryApi(with_sidecars())
    workloads = KubernetesWorkloads(api, "shop", {"orders": "web"})

    changed = workloads.change(workloads.read("orders"), image="shop/orders:1.1")

    held = api.deployments["orders"]["spec"]["template"]["spec"]["containers"]
    assert changed.image == "shop/orders:1.1"
    assert [one["image"] for one in held] == ["proxy:9", "shop/orders:1.1"]


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({}, "which of its containers is the application? It has proxy, web"),
        ({"orders": "app"}, "has no container app; it has proxy, web"),
    ],
)
def test_an_unclear_container_raises_with_the_names_there_are(named: dict[str, str], said: str) -> None:
    workloads = KubernetesWorkloads(MemoryApi(with_sidecars()), "shop", named)

    with pytest.raises(EnvironmentFailed) as caught:
        workloads.read("orders")

    assert said in str(caught.value)
    assert "container:" in caught.value.hint
