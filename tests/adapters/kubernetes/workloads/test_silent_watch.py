"""Waits for a Deployment whose watches are agreed to and then say nothing."""

import time

from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.adapters.kubernetes.workloads.workloads import KubernetesWorkloads
from gatewayctl.domain.platform import Workload
from tests.adapters.kubernetes.fake_api.memory_api import MemoryApi
from tests.adapters.kubernetes.objects import a_deployment, a_pod

WITHIN = 20  # seconds


def rolling() -> tuple[MemoryApi, KubernetesWorkloads]:
    """A Deployment whose only Pod is not ready yet, under watches that say nothing from now on."""
    api = MemoryApi(a_deployment())
    api.put("pods", a_pod(ready=False))
    workloads = KubernetesWorkloads(api, "shop", staleness=0.3)
    for _ in range(2):
        assert not workloads.read("orders").settled
    return api, workloads


def get_ready(api: MemoryApi) -> None:
    """The Pod gets ready; nobody is told."""
    api.server.count += 2
    pod: Object = a_pod()
    pod["metadata"]["resourceVersion"] = str(api.server.count)
    api.put("pods", pod)
    api.deployments["orders"]["metadata"]["resourceVersion"] = str(api.server.count - 1)


def wait_until_settled(workloads: KubernetesWorkloads) -> Workload:
    deadline = time.monotonic() + WITHIN
    while not (found := workloads.read("orders")).settled:
        assert time.monotonic() < deadline, f"waited {WITHIN} s"
    return found


def test_a_rollout_that_nobody_is_told_of_is_seen_in_time() -> None:
    """k07: a good promotion was taken back, because the watch was believed for longer than the deadline."""
    api, workloads = rolling()

    get_ready(api)

    assert wait_until_settled(workloads).ready == 1


def test_a_settled_deployment_that_changes_in_silence_is_seen_in_time() -> None:
    """k07 the other way round: a canary that is lost."""
    api, workloads = rolling()
    get_ready(api)
    wait_until_settled(workloads)

    api.clear("pods")
    api.deployments["orders"]["metadata"]["resourceVersion"] = "99"

    deadline = time.monotonic() + WITHIN
    while workloads.read("orders").ready:
        assert time.monotonic() < deadline, f"waited {WITHIN} s"


def test_what_is_read_now_is_as_young_as_the_question() -> None:
    api, workloads = rolling()

    get_ready(api)

    assert workloads.read_now("orders").settled


def test_a_deployment_that_was_never_read_can_be_read_now() -> None:
    api = MemoryApi(a_deployment())
    api.put("pods", a_pod())

    assert KubernetesWorkloads(api, "shop").read_now("orders").settled


def test_a_wait_in_silence_asks_twice_for_each_time_that_it_may_be_late() -> None:
    api, workloads = rolling()
    api.asked.clear()
    begun = time.monotonic()

    while len(api.asked) < 4:
        workloads.read("orders")

    assert time.monotonic() - begun >= 0.3
    assert set(api.asked) == {"deployments/orders", "pods"}
