"""Why a Deployment will not become ready, where that is certain; a Pod that is only not ready yet is no reason.

A wait that knows the reason ends at once instead of at its deadline. Callers pass only Pods of the newest ReplicaSet:
what happens to older Pods is not the fault of the new image.
"""

from collections.abc import Iterable, Iterator

from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.adapters.kubernetes.client.json import items, name_of, number, part
from gatewayctl.adapters.kubernetes.workloads.objects import (
    desired_replicas,
    is_observed,
    is_ready,
    is_terminating,
    may_run,
)

_LONGEST = 500  # characters of a message that a person can still read
_PULL = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError")
_CREATION = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError", "StartError")
_NOT_SYNCED = "failed to sync"  # a busy kubelet has no other reason than this text for objects it has not read yet
_CRASHING = "CrashLoopBackOff"
_ENDED_BY_PROBE = (0, 137, 143)  # an exit code that a container may have when the kubelet stopped it


def failure_reason(deployment: Object, pods: Iterable[Object], events: Iterable[Object] = ()) -> str:
    """The first certain reason, with the names of Deployment and Pod; empty when there is none, or none is known yet.

    `events` are Events about these Pods: only they tell that a probe ended a container.
    """
    if not is_observed(deployment) or not desired_replicas(deployment):
        return ""
    pod_events = tuple(events)
    waiting = [pod for pod in pods if may_run(pod) and not is_terminating(pod) and not is_ready(pod)]
    reasons = [text for pod in waiting for text in _pod_reasons(pod, pod_events)]
    reasons += _deployment_reasons(deployment)
    name = name_of(deployment)
    return f"{name}: {reasons[0]}"[:_LONGEST] if reasons else ""


def pod_failure_reason(pod: Object) -> str:
    """The first certain reason why one Pod does not run; empty when there is none."""
    return next(_pod_reasons(pod, ()), "")[:_LONGEST]


def suspects_probe(pods: Iterable[Object]) -> tuple[str, ...]:
    """Names of Pods that were restarted as a liveness probe does it; only their Events tell whether it was one."""
    return tuple(
        name_of(pod)
        for pod in pods
        if not is_ready(pod)
        for status in items(pod, "status", "containerStatuses")
        if number(status, "restartCount") and number(_last_end(status), "exitCode") in _ENDED_BY_PROBE
    )


def _pod_reasons(pod: Object, events: tuple[Object, ...]) -> Iterator[str]:
    name = name_of(pod)
    for one in items(pod, "status", "conditions"):
        if one.get("type") == "PodScheduled" and one.get("status") == "False" and one.get("reason") == "Unschedulable":
            yield f"Pod {name} cannot be scheduled: {one.get('message', 'no reason given')}"
    statuses = items(pod, "status", "initContainerStatuses") + items(pod, "status", "containerStatuses")
    for status in statuses:
        for text in (_pull(status), _creation(status), _memory(status), _probe(name, status, events), _crash(status)):
            if text:
                yield f"Pod {name}, container {status.get('name')}: {text}"


def _pull(status: Object) -> str:
    waiting = part(status, "state", "waiting")
    if waiting.get("reason") not in _PULL:
        return ""
    return f"image {status.get('image')} cannot be had: {waiting['reason']}{_message(waiting)}"


def _creation(status: Object) -> str:
    for state in (part(status, "state", "waiting"), part(status, "state", "terminated")):
        if state.get("reason") in _CREATION and _NOT_SYNCED not in str(state.get("message")):
            return f"{state['reason']}{_message(state)}"
    return ""


def _memory(status: Object) -> str:
    end = _last_end(status)
    if end.get("reason") != "OOMKilled":
        return ""
    return f"OOMKilled: it needs more memory than its limit allows{_times(status)}"


def _probe(pod: str, status: Object, events: tuple[Object, ...]) -> str:
    """A probe that ended the container. Only Events say so, and only their text says which probe it was."""
    if not number(status, "restartCount"):
        return ""
    notes = [
        str(event.get("note", ""))
        for event in events
        if part(event, "regarding").get("name") == pod and event.get("reason") in ("Unhealthy", "Killing")
    ]
    ended = [note for note in notes if f"Container {status.get('name')} failed " in note]
    why = [note for note in notes if note.startswith(("Liveness probe failed", "Startup probe failed"))]
    if not ended:
        return ""
    return f"ended by its probe{_times(status)}: {(why or ended)[0].strip()}"


def _crash(status: Object) -> str:
    waiting, end = part(status, "state", "waiting"), _last_end(status)
    if waiting.get("reason") != _CRASHING:
        return ""
    code = f"exited {number(end, 'exitCode')}" if end else "ends again and again"
    return f"{code}{_times(status)} ({_CRASHING}){_message(end)}"


def _last_end(status: Object) -> Object:
    """How the container ended most recently."""
    return part(status, "state", "terminated") or part(status, "lastState", "terminated")


def _times(status: Object) -> str:
    restarts = number(status, "restartCount")
    return f", restarted {restarts} time{'s' if restarts != 1 else ''}" if restarts else ""


def _message(state: Object) -> str:
    text = str(state.get("message") or "").strip()
    return f": {text}" if text else ""


def _deployment_reasons(deployment: Object) -> Iterator[str]:
    if part(deployment, "spec").get("paused") is True and number(
        part(deployment, "status"), "updatedReplicas"
    ) < desired_replicas(deployment):
        yield "its rollout is paused, so no Pod of the new spec is created (kubectl rollout resume)"
    for one in items(deployment, "status", "conditions"):
        message = one.get("message", "no reason given")
        if one.get("type") == "ReplicaFailure" and one.get("status") == "True":
            yield f"no Pod can be made: {message}"
        if one.get("type") == "Progressing" and one.get("reason") == "ProgressDeadlineExceeded":
            yield f"no progress within its progressDeadlineSeconds: {message}"
