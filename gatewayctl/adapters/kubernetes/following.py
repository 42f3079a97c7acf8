"""A workload as it was last seen, and how it is followed: a wait hangs on a watch instead of asking again and again.

A read that does not follow a read of a moment ago looks at everything afresh; only a wait, which reads what is not
settled over and over, is served by events.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from gatewayctl.adapters.kubernetes.api import Api, ApiFault, Object
from gatewayctl.adapters.kubernetes.deployment import (
    Template,
    belongs,
    ending,
    exists,
    hash_of,
    is_ready,
    items,
    name_of,
    number,
    part,
    selector,
    wanted,
)
from gatewayctl.adapters.kubernetes.paths import deployments, pods

_SILENCE = 2  # seconds; the longest that a read waits for an event
_SPACE = 0.3  # seconds between requests of a wait that cannot be served by events
_USUAL = ("ContainerCreating", "PodInitializing")  # what every container waits for
_RECENT = 1.0  # seconds; a read this soon after another of the same is a wait


@dataclass(slots=True)
class Seen:
    """A Deployment with its Pods by name, both as of `at` (monotonic); `since` is where its Pods' events begin."""

    deployment: Object
    pods: dict[str, Object]
    since: str
    template: Template = field(default_factory=Template)
    at: float = field(default_factory=time.monotonic)

    @property
    def name(self) -> str:
        """The Deployment's name."""
        return name_of(self.deployment)

    @property
    def existing(self) -> list[Object]:
        """Its Pods that still run something, those that are ending too."""
        return [pod for pod in self.pods.values() if belongs(pod, self.name) and exists(pod)]

    @property
    def current(self) -> list[Object]:
        """Its Pods of the newest ReplicaSet that stay."""
        return [pod for pod in self.existing if hash_of(pod) == self.template.hash and not ending(pod)]

    @property
    def complete(self) -> bool:
        """Whether its Pods are what is asked, whatever the Deployment's status says so far."""
        ready = sum(map(is_ready, self.current))
        return len(self.existing) == ready == wanted(self.deployment)

    @property
    def recent(self) -> bool:
        """Whether it was seen a moment ago."""
        return time.monotonic() - self.at < _RECENT


def looked(api: Api, namespace: str, deployment: Object) -> Seen:
    """A Deployment with its Pods, listed now."""
    found = api.get(pods(namespace), labelSelector=selector(deployment))
    listed = {name_of(pod): pod for pod in found.get("items") or () if isinstance(pod, dict)}
    return Seen(deployment, listed, str(part(found, "metadata").get("resourceVersion", "")))


def followed(api: Api, namespace: str, seen: Seen) -> Seen | None:
    """The same a moment later: after something that matters happened to it, or after some silence.

    None when events cannot be had: then it must be looked at afresh.
    """
    try:
        if seen.complete:
            _settle(api, namespace, seen)
        else:
            _pod_events(api, namespace, seen)
            seen.deployment = api.get(deployments(namespace, seen.name))
    except ApiFault:
        time.sleep(_SPACE)
        return None
    seen.at = time.monotonic()
    return seen


def _settle(api: Api, namespace: str, seen: Seen) -> None:
    """Only the Deployment's own status is behind: its next version tells."""
    since = str(part(seen.deployment, "metadata").get("resourceVersion", ""))
    events = api.watch(deployments(namespace), since, _SILENCE, fieldSelector=f"metadata.name={seen.name}")
    for kind, found in _told(events):
        if kind != "DELETED":
            seen.deployment = found
            return
        break
    seen.deployment = api.get(deployments(namespace, seen.name))


def _pod_events(api: Api, namespace: str, seen: Seen) -> None:
    """Take events until one changes what a wait could end on, or there was silence."""
    before = _signature(seen)
    until = time.monotonic() + _SILENCE
    for kind, pod in _told(api.watch(pods(namespace), seen.since, _SILENCE, labelSelector=selector(seen.deployment))):
        seen.since = str(part(pod, "metadata").get("resourceVersion", seen.since))
        seen.pods.pop(name_of(pod), None)
        if kind != "DELETED":
            seen.pods[name_of(pod)] = pod
        if _signature(seen) != before or time.monotonic() > until:
            return


def _told(events: Iterator[Object]) -> Iterator[tuple[str, Object]]:
    """Kind and object of each event. Raises ApiFault when the server says that it cannot go on from there."""
    try:
        for event in events:
            found = part(event, "object")
            if event.get("type") == "ERROR":
                raise ApiFault(int(found.get("code") or 0), str(found.get("message", "the watch broke")))
            if event.get("type") in ("ADDED", "MODIFIED", "DELETED"):
                yield str(event["type"]), found
    finally:
        close = getattr(events, "close", None)
        if close:
            close()


def _signature(seen: Seen) -> object:
    """What a wait could end on: who is ready, whether others are left, and what may be trouble.

    A Pod that appears, is scheduled, pulls its image or begins to end changes nothing for who waits.
    """
    ready = sorted(name_of(pod) for pod in seen.existing if is_ready(pod))
    starting = [pod for pod in seen.existing if not is_ready(pod) and not ending(pod)]
    return ready, len(seen.existing) == len(ready), sorted(repr((name_of(pod), _states(pod))) for pod in starting)


def _states(pod: Object) -> list[object]:
    held = items(pod, "status", "initContainerStatuses") + items(pod, "status", "containerStatuses")
    found: list[object] = []
    for one in held:
        why = part(one, "state", "waiting").get("reason")
        found.append((number(one, "restartCount"), None if why in _USUAL else why))
    return [one for one in found if one != (0, None)] + [
        one["reason"] for one in items(pod, "status", "conditions") if one.get("reason") == "Unschedulable"
    ]
