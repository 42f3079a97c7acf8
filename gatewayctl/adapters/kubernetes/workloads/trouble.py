"""Why a Deployment will not become ready, when that is certain; a Pod that is merely not ready yet is no trouble.

A wait that knows the cause ends at once instead of at its deadline. Callers pass the newest ReplicaSet's Pods only:
what an older one suffers is no fault of what is asked now.
"""

from collections.abc import Iterable, Iterator

from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.adapters.kubernetes.client.json import items, name_of, number, part
from gatewayctl.adapters.kubernetes.workloads.objects import ending, exists, is_ready, observed, wanted

_LONGEST = 500  # characters of a message that a person can still read
_PULL = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError")
_MAKING = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError", "StartError")
_NOT_SYNCED = "failed to sync"  # how a busy kubelet says that it does not know yet what it will find
_CRASHING = "CrashLoopBackOff"
_ENDED_BY_PROBE = (0, 137, 143)  # an exit code that a container may have when the kubelet stopped it


def trouble(deployment: Object, pods: Iterable[Object], events: Iterable[Object] = ()) -> str:
    """The first certain reason, naming Deployment and Pod; nothing when there is none or nothing is known yet."""
    if not observed(deployment) or not wanted(deployment):
        return ""
    noted = tuple(events)
    living = [pod for pod in pods if exists(pod) and not ending(pod) and not is_ready(pod)]
    found = [text for pod in living for text in _pod(pod, noted)]
    found += _deployment(deployment)
    name = name_of(deployment)
    return f"{name}: {found[0]}"[:_LONGEST] if found else ""


def pod_trouble(pod: Object) -> str:
    """The first certain reason why one Pod does not run; nothing when there is none."""
    return next(_pod(pod, ()), "")[:_LONGEST]


def suspects_probe(pods: Iterable[Object]) -> tuple[str, ...]:
    """Pods that were restarted in a way that only their Events explain: a liveness probe ends a container like this."""
    return tuple(
        name_of(pod)
        for pod in pods
        if not is_ready(pod)
        for status in items(pod, "status", "containerStatuses")
        if number(status, "restartCount") and number(_last_end(status), "exitCode") in _ENDED_BY_PROBE
    )


def _pod(pod: Object, events: tuple[Object, ...]) -> Iterator[str]:
    name = name_of(pod)
    for one in items(pod, "status", "conditions"):
        if one.get("type") == "PodScheduled" and one.get("status") == "False" and one.get("reason") == "Unschedulable":
            yield f"Pod {name} cannot be scheduled: {one.get('message', 'no reason given')}"
    statuses = items(pod, "status", "initContainerStatuses") + items(pod, "status", "containerStatuses")
    for status in statuses:
        for text in (_pull(status), _making(status), _memory(status), _probe(name, status, events), _crash(status)):
            if text:
                yield f"Pod {name}, container {status.get('name')}: {text}"


def _pull(status: Object) -> str:
    waiting = part(status, "state", "waiting")
    if waiting.get("reason") not in _PULL:
        return ""
    return f"image {status.get('image')} cannot be had: {waiting['reason']}{_message(waiting)}"


def _making(status: Object) -> str:
    for state in (part(status, "state", "waiting"), part(status, "state", "terminated")):
        if state.get("reason") in _MAKING and _NOT_SYNCED not in str(state.get("message")):
            return f"{state['reason']}{_message(state)}"
    return ""


def _memory(status: Object) -> str:
    end = _last_end(status)
    if end.get("reason") != "OOMKilled":
        return ""
    return f"OOMKilled: it needs more memory than its limit allows{_times(status)}"


def _probe(pod: str, status: Object, events: tuple[Object, ...]) -> str:
    """A probe that ends the container; the kubelet says so in an Event only."""
    if not number(status, "restartCount"):
        return ""
    said = [
        str(event.get("note", ""))
        for event in events
        if part(event, "regarding").get("name") == pod and event.get("reason") in ("Unhealthy", "Killing")
    ]
    ended = [note for note in said if f"Container {status.get('name')} failed " in note]
    why = [note for note in said if note.startswith(("Liveness probe failed", "Startup probe failed"))]
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


def _deployment(deployment: Object) -> Iterator[str]:
    if part(deployment, "spec").get("paused") is True and number(
        part(deployment, "status"), "updatedReplicas"
    ) < wanted(deployment):
        yield "its rollout is paused, so no Pod of what is asked is made (kubectl rollout resume)"
    for one in items(deployment, "status", "conditions"):
        message = one.get("message", "no reason given")
        if one.get("type") == "ReplicaFailure" and one.get("status") == "True":
            yield f"no Pod can be made: {message}"
        if one.get("type") == "Progressing" and one.get("reason") == "ProgressDeadlineExceeded":
            yield f"no progress within its progressDeadlineSeconds: {message}"
