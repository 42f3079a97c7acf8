"""Which states of Pods and Deployments are a trouble, whether each may end by itself, and how it is described."""

from collections.abc import Iterable
from typing import Any

import pytest

from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.adapters.kubernetes.workloads.trouble import find_trouble, suspects_probe
from gatewayctl.domain.platform import TroubleKind
from tests.adapters.kubernetes.objects import a_deployment, a_pod


def text_of(deployment: Object, pods: Iterable[Object], events: Iterable[Object] = ()) -> str:
    """The text of the trouble; empty for none."""
    return str(find_trouble(deployment, pods, events) or "")


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
    found = text_of(a_deployment(), [a_pod(**state)])

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
def test_a_pod_that_may_still_become_ready_has_no_text_of(state: dict[str, Any]) -> None:
    assert text_of(a_deployment(), [a_pod(**state)]) == ""


def test_a_pod_without_a_node_is_explained_in_the_schedulers_words() -> None:
    said = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes: cpu"}

    assert "0/3 nodes: cpu" in text_of(a_deployment(), [a_pod(status={"conditions": [said]})])


def test_an_init_container_is_explained_too() -> None:
    state = {"name": "migrate", "restartCount": 3, **waiting("CrashLoopBackOff", **ended(2))}

    found = text_of(a_deployment(), [a_pod(ready=False, status={"initContainerStatuses": [state]})])

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

    assert words in text_of(deployment, [])


def test_a_paused_rollout_is_explained() -> None:
    deployment = a_deployment()
    deployment["spec"]["paused"] = True
    deployment["status"]["updatedReplicas"] = 0

    assert "paused" in text_of(deployment, [])


def test_a_failure_of_an_earlier_spec_does_not_count_for_the_present_one() -> None:
    deployment = a_deployment()
    deployment["metadata"]["generation"] = 2

    assert text_of(deployment, [a_pod(**waiting("ErrImagePull"))]) == ""


def test_a_terminating_pod_has_no_text_of() -> None:
    pod = a_pod(**waiting("ErrImagePull"))
    pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    assert text_of(a_deployment(), [pod]) == ""


def test_a_liveness_probe_that_ends_the_container_is_recognised_by_its_events() -> None:
    pod = a_pod(ready=False, restartCount=1, **ended(137))
    events = [
        {"reason": "Unhealthy", "note": "Liveness probe failed: 500", "regarding": {"name": "orders-h1-a"}},
        {"reason": "Killing", "note": "Container app failed liveness probe, will be restarted",
         "regarding": {"name": "orders-h1-a"}},
    ]  # fmt: skip

    assert suspects_probe([pod]) == ("orders-h1-a",)
    assert text_of(a_deployment(), [pod]) == ""
    assert "ended by its probe, restarted 1 time: Liveness probe failed: 500" in text_of(a_deployment(), [pod], events)


def test_a_container_that_ended_by_itself_suspects_no_probe() -> None:
    assert suspects_probe([a_pod(ready=False, restartCount=1, **ended(1))]) == ()


@pytest.mark.parametrize("odd", [{}, {"status": None}, {"status": {"containerStatuses": ["odd", None, {"state": 3}]}}])
def test_a_pod_of_unexpected_shape_is_no_crash(odd: dict[str, Any]) -> None:
    assert text_of(a_deployment(), [odd]) == ""


UNSCHEDULABLE = {
    "phase": "Pending",
    "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}],
}


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (waiting("InvalidImageName"), TroubleKind.FINAL),
        (waiting("ErrImageNeverPull"), TroubleKind.FINAL),
        (waiting("ErrImagePull", "429 Too Many Requests"), TroubleKind.RETRIED),
        (waiting("ImagePullBackOff"), TroubleKind.RETRIED),
        (waiting("CreateContainerConfigError", 'secret "x" not found'), TroubleKind.RETRIED),
        (waiting("CrashLoopBackOff", restartCount=1, **ended(1)), TroubleKind.RETRIED),
        ({"ready": False, "status": UNSCHEDULABLE}, TroubleKind.PASSING),
    ],
)
def test_only_what_cannot_heal_is_final(state: dict[str, Any], kind: TroubleKind) -> None:
    """k02, k04, t02: an autoscaler, a registry or a restart may end the others."""
    found = find_trouble(a_deployment(), [a_pod(**state)])

    assert found is not None
    assert found.kind is kind


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("exceeded quota: small, requested: pods=1, used: pods=4, limited: pods=4", "FailedCreate"),
        ('failed calling webhook "inject.istio.io": context deadline exceeded', "FailedCreate"),
    ],
)
def test_a_pod_that_may_not_be_made_now_may_be_made_later(message: str, reason: str) -> None:
    """k03: a quota forbids the surge until an old Pod has ended; a webhook answers again."""
    deployment = a_deployment(replicas=4)
    failure = {"type": "ReplicaFailure", "status": "True", "reason": reason, "message": message}
    deployment["status"]["conditions"] = [failure]

    found = find_trouble(deployment, [])

    assert found is not None
    assert (found.kind, message in found.text) == (TroubleKind.PASSING, True)


def test_what_cannot_heal_is_told_before_what_may() -> None:
    pods = [
        a_pod("orders-h1-a", ready=False, status=UNSCHEDULABLE),
        a_pod("orders-h1-b", **waiting("InvalidImageName")),
    ]

    found = find_trouble(a_deployment(replicas=2), pods)

    assert found is not None
    assert (found.kind, "orders-h1-b" in found.text) == (TroubleKind.FINAL, True)
