"""Deployments as workloads, against an API server in memory; tests/e2e has the same on a real one."""

import copy
import time
from collections.abc import Generator
from queue import Queue
from typing import Any

import pytest

from gatewayctl.adapters.kubernetes.client.api import ApiFault, Object, UnknownOutcome
from gatewayctl.adapters.kubernetes.client.names import WRITE
from gatewayctl.adapters.kubernetes.workloads.workloads import KubernetesWorkloads
from gatewayctl.domain.errors import EnvironmentFailed, StaleWrite
from tests.adapters.kubernetes.fake_api.memory_api import MemoryApi
from tests.adapters.kubernetes.objects import a_deployment, a_pod, a_replica_set


def over(deployment: Object, *pods: Object) -> tuple[MemoryApi, KubernetesWorkloads]:
    api = MemoryApi(deployment)
    api.put("pods", *pods)
    return api, KubernetesWorkloads(api, "shop")


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
    old["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    _, workloads = over(a_deployment(), a_pod(), old)

    found = workloads.read("orders")

    assert (found.ready, found.pods, found.settled) == (1, ("orders-h0-a", "orders-h1-a"), False)


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

    def patch(self, path: str, operations: list[Object]) -> Object:
        if self.losses:
            self.losses -= 1
            if self.arrive:
                super().patch(path, operations)
            raise UnknownOutcome(504, "no answer")
        return super().patch(path, operations)


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

    def patch(self, path: str, operations: list[Object]) -> Object:
        answer = super().patch(path, operations)
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
        def patch(self, path: str, operations: list[Object]) -> Object:
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
    workloads.read("orders")
    wait_for_watches(workloads)
    api.asked.clear()

    assert workloads.read("orders").settled
    assert api.asked == []


def test_a_deployment_that_was_settled_and_has_not_moved_has_the_pods_it_had() -> None:
    api, workloads = over(a_deployment(), a_pod())
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
