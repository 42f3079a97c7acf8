"""What keeps a Deployment from becoming ready, and whether it may end by itself; a Pod that only starts is no trouble.

What cannot heal ends a wait at once; how long the rest must last is decided in domain/rollout.py. Callers pass only
Pods of the newest ReplicaSet: what happens to older Pods is not the fault of the new image.
"""

from collections.abc import Iterable, Iterator

from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.adapters.kubernetes.client.json import items, name_of, number, part
from gatewayctl.adapters.kubernetes.client.pods import may_run
from gatewayctl.adapters.kubernetes.workloads.objects import (
    desired_replicas,
    is_observed,
    is_ready,
    is_terminating,
)
from gatewayctl.domain.platform import Trouble, TroubleKind

_LONGEST = 500  # characters of a message that a person can still read
_NO_IMAGE = ("ErrImageNeverPull", "InvalidImageName")  # the kubelet never tries such an image
_PULL = ("ErrImagePull", "ImagePullBackOff", "ImageInspectError", *_NO_IMAGE)
_CREATION = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError", "StartError")
_NOT_SYNCED = "failed to sync"  # a busy kubelet has no other reason than this text for objects it has not read yet
_CRASHING = "CrashLoopBackOff"
_ENDED_BY_PROBE = (0, 137, 143)  # an exit code that a container may have when the kubelet stopped it
_WORST_FIRST = (TroubleKind.FINAL, TroubleKind.RETRIED, TroubleKind.PASSING)


def find_trouble(deployment: Object, pods: Iterable[Object], events: Iterable[Object] = ()) -> Trouble | None:
    """The worst trouble, with the names of Deployment and Pod; None when there is none, or none is known yet.

    `events` are Events about these Pods: only they tell that a probe ended a container.
    """
    if not is_observed(deployment) or not desired_replicas(deployment):
        return None
    pod_events = tuple(events)
    waiting = [pod for pod in pods if may_run(pod) and not is_terminating(pod) and not is_ready(pod)]
    found = [trouble for pod in waiting for trouble in _pod_troubles(pod, pod_events)]
    found += [Trouble(text, TroubleKind.PASSING) for text in _deployment_reasons(deployment)]
    if not found:
        return None
    worst = min(found, key=lambda trouble: _WORST_FIRST.index(trouble.kind))
    return Trouble(f"{name_of(deployment)}: {worst}"[:_LONGEST], worst.kind)


def pod_failure_reason(pod: Object) -> str:
    """What keeps one Pod from running; empty when nothing does."""
    return next((trouble.text for trouble in _pod_troubles(pod, ())), "")[:_LONGEST]


def suspects_probe(pods: Iterable[Object]) -> tuple[str, ...]:
    """Names of Pods that were restarted as a liveness probe does it; only their Events tell whether it was one."""
    return tuple(
        name_of(pod)
        for pod in pods
        if not is_ready(pod)
        for status in items(pod, "status", "containerStatuses")
        if number(status, "restartCount") and number(_last_end(status), "exitCode") in _ENDED_BY_PROBE
    )


def _pod_troubles(pod: Object, events: tuple[Object, ...]) -> Iterator[Trouble]:
    name = name_of(pod)
    for one in items(pod, "status", "conditions"):
        if one.get("type") == "PodScheduled" and one.get("status") == "False" and one.get("reason") == "Unschedulable":
            text = f"Pod {name} cannot be scheduled: {one.get('message', 'no reason given')}"
            yield Trouble(text, TroubleKind.PASSING)  # this is what makes an autoscaler add a node
    statuses = items(pod, "status", "initContainerStatuses") + items(pod, "status", "containerStatuses")
    for status in statuses:
        never = part(status, "state", "waiting").get("reason") in _NO_IMAGE
        kind = TroubleKind.FINAL if never else TroubleKind.RETRIED
        for text in (_pull(status), _creation(status), _memory(status), _probe(name, status, events), _crash(status)):
            if text:
                yield Trouble(f"Pod {name}, container {status.get('name')}: {text}", kind)


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
