"""Which states of Pods and Deployments are a certain reason for failure, and how each is described."""

from typing import Any

import pytest

from gatewayctl.adapters.kubernetes.workloads.trouble import failure_reason, suspects_probe
from tests.adapters.kubernetes.objects import a_deployment, a_pod


def waiting(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    return {"ready": False, "state": {"waiting": {"reason": reason, "message": message}}, **more}


def ended(code: int, reason: str = "Error") -> dict[str, Any]:
    return {"lastState": {"terminated": {"exitCode": code, "reason": reason}}}


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (waiting("CrashLoopBackOff", restartCount=1, **ended(1)), "exited 1, restarted 1 time"),
        (waiting("ImagePullBackOff", "not found"), "image shop/orders:1.0 cannot be had"),
        (waiting("ErrImagePull"), "image shop/orders:1.0 cannot be had"),
        (waiting("ErrImageNeverPull"), "ErrImageNeverPull"),
        (waiting("InvalidImageName"), "InvalidImageName"),
        (waiting("CreateContainerConfigError", 'configmap "x" not found'), 'configmap "x" not found'),
        (waiting("CrashLoopBackOff", restartCount=2, **ended(137, "OOMKilled")), "more memory than its limit"),
        ({"ready": False, "restartCount": 1, **ended(137, "OOMKilled")}, "OOMKilled"),
    ],
)
def test_a_container_that_cannot_run_is_explained(state: dict[str, Any], words: str) -> None:
    found = failure_reason(a_deployment(), [a_pod(**state)])

    assert words in found
    assert "orders: Pod orders-h1-a, container app: " in found


@pytest.mark.parametrize(
    "state",
    [
        {"ready": False},
        waiting("ContainerCreating"),
        waiting("PodInitializing"),
        waiting("CreateContainerConfigError", "failed to sync configmap cache: timed out waiting for the condition"),
        {"ready": False, "restartCount": 1, **ended(1)},
        {"restartCount": 9, **ended(137, "OOMKilled")},
    ],
)
def test_a_pod_that_may_still_become_ready_has_no_failure_reason(state: dict[str, Any]) -> None:
    assert failure_reason(a_deployment(), [a_pod(**state)]) == ""


def test_a_pod_without_a_node_is_explained_in_the_schedulers_words() -> None:
    said = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes: cpu"}

    assert "0/3 nodes: cpu" in failure_reason(a_deployment(), [a_pod(status={"conditions": [said]})])


def test_an_init_container_is_explained_too() -> None:
    state = {"name": "migrate", "restartCount": 3, **waiting("CrashLoopBackOff", **ended(2))}

    found = failure_reason(a_deployment(), [a_pod(ready=False, status={"initContainerStatuses": [state]})])

    assert "container migrate: exited 2" in found


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (("ReplicaFailure", "True", "FailedCreate", "exceeded quota: small"), "exceeded quota: small"),
        (("Progressing", "False", "ProgressDeadlineExceeded", "has timed out"), "has timed out"),
    ],
)
def test_a_deployment_that_gets_nowhere_is_explained(condition: tuple[str, ...], words: str) -> None:
    deployment = a_deployment()
    deployment["status"]["conditions"] = [dict(zip(("type", "status", "reason", "message"), condition, strict=True))]

    assert words in failure_reason(deployment, [])


def test_a_paused_rollout_is_explained() -> None:
    deployment = a_deployment()
    deployment["spec"]["paused"] = True
    deployment["status"]["updatedReplicas"] = 0

    assert "paused" in failure_reason(deployment, [])


def test_a_failure_of_an_earlier_spec_does_not_count_for_the_present_one() -> None:
    deployment = a_deployment()
    deployment["metadata"]["generation"] = 2

    assert failure_reason(deployment, [a_pod(**waiting("ErrImagePull"))]) == ""


def test_a_terminating_pod_has_no_failure_reason() -> None:
    pod = a_pod(**waiting("ErrImagePull"))
    pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    assert failure_reason(a_deployment(), [pod]) == ""


def test_a_liveness_probe_that_ends_the_container_is_recognised_by_its_events() -> None:
    pod = a_pod(ready=False, restartCount=1, **ended(137))
    events = [
        {"reason": "Unhealthy", "note": "Liveness probe failed: 500", "regarding": {"name": "orders-h1-a"}},
        {"reason": "Killing", "note": "Container app failed liveness probe, will be restarted",
         "regarding": {"name": "orders-h1-a"}},
    ]  # fmt: skip

    assert suspects_probe([pod]) == ("orders-h1-a",)
    assert failure_reason(a_deployment(), [pod]) == ""
    assert "ended by its probe, restarted 1 time: Liveness probe failed: 500" in failure_reason(
        a_deployment(), [pod], events
    )


def test_a_container_that_ended_by_itself_suspects_no_probe() -> None:
    assert suspects_probe([a_pod(ready=False, restartCount=1, **ended(1))]) == ()


@pytest.mark.parametrize("odd", [{}, {"status": None}, {"status": {"containerStatuses": ["odd", None, {"state": 3}]}}])
def test_a_pod_of_unexpected_shape_is_no_crash(odd: dict[str, Any]) -> None:
    assert failure_reason(a_deployment(), [odd]) == ""
