"""A Deployment with its Pods as they were read last, and a watch on both that serves the next reads.

A caller that waits reads what is not settled again and again. Such a read is held until something happens, or for about
a second, so that waiting costs no requests.
"""

import time
from dataclasses import dataclass, field
from threading import Condition

from gatewayctl.adapters.clock import SystemClock
from gatewayctl.adapters.kubernetes.client.api import Api, Object
from gatewayctl.adapters.kubernetes.client.json import items, name_of, part
from gatewayctl.adapters.kubernetes.client.paths import deployments, pods
from gatewayctl.adapters.kubernetes.client.watch import Watch
from gatewayctl.adapters.kubernetes.workloads.objects import (
    Template,
    hash_of,
    is_pod_of,
    is_terminating,
    may_run,
    selector,
)
from gatewayctl.waiting import pause

_LONGEST_WAIT = 1.0  # seconds that a read waits for an event
_SPACE = 0.3  # seconds between the requests of a wait that no watch can serve
_RECENT = 1.0  # seconds; a read this soon after another one of the same Deployment belongs to a wait


class RolloutWatch:
    """Watches a Deployment and its Pods; an event of either ends a wait."""

    def __init__(self, api: Api, namespace: str, start: "Snapshot") -> None:
        self._changed, self._name = Condition(), start.name
        one = {"fieldSelector": f"metadata.name={start.name}"}
        version = str(part(start.deployment, "metadata").get("resourceVersion", ""))
        own = {"labelSelector": selector(start.deployment)}
        self._pods = Watch(api, pods(namespace), start.since, start.pods.values(), self._changed, **own)
        self._deployments = Watch(api, deployments(namespace), version, (start.deployment,), self._changed, **one)

    @property
    def has_ended(self) -> bool:
        """Whether one of the two watches has ended."""
        return self._pods.has_ended or self._deployments.has_ended

    @property
    def is_live(self) -> bool:
        """Whether the objects are current."""
        return self._pods.is_live and self._deployments.is_live

    @property
    def events(self) -> int:
        """How many events there were so far."""
        return self._pods.events + self._deployments.events

    @property
    def deployment(self) -> Object:
        """The Deployment as of now; empty once it is deleted."""
        return self._deployments.objects.get(self._name, {})

    @property
    def pods(self) -> dict[str, Object]:
        """Its Pods by name, as of now."""
        return self._pods.objects

    def update(self, deployment: Object) -> None:
        """Take over the answer to a write of ours."""
        self._deployments.update(deployment)

    def wait(self, events: int) -> None:
        """Return when there were more events than `events`, when a watch ends, or after a second."""
        with self._changed:
            self._changed.wait_for(lambda: self.events != events or self.has_ended, _LONGEST_WAIT)


@dataclass(slots=True)
class Snapshot:
    """A Deployment with its Pods by name, both as of `at` (monotonic seconds).

    `since` is the resourceVersion from which events of its Pods follow. `events` is how many events of `watch` are in
    it. `template` is the newest Pod template, as far as it is known.
    """

    deployment: Object
    pods: dict[str, Object]
    since: str
    watch: "RolloutWatch | None" = None
    template: Template = field(default_factory=Template)
    at: float = field(default_factory=time.monotonic)
    events: int = 0

    @property
    def name(self) -> str:
        """The Deployment's name."""
        return name_of(self.deployment)

    @property
    def existing(self) -> list[Object]:
        """Its Pods that still run something, terminating ones included."""
        return [pod for pod in self.pods.values() if is_pod_of(pod, self.name) and may_run(pod)]

    @property
    def current(self) -> list[Object]:
        """Its Pods of the newest template that are not terminating."""
        return [pod for pod in self.existing if hash_of(pod) == self.template.hash and not is_terminating(pod)]

    @property
    def is_recent(self) -> bool:
        """Whether it was made within the last second."""
        return time.monotonic() - self.at < _RECENT


def take_snapshot(api: Api, namespace: str, deployment: Object) -> Snapshot:
    """A Deployment with its Pods, which are listed by a request. Raises ApiFault."""
    found = api.get(pods(namespace), labelSelector=selector(deployment))
    by_name = {name_of(pod): pod for pod in items(found, "items")}
    return Snapshot(deployment, by_name, str(part(found, "metadata").get("resourceVersion", "")))


def refresh(before: Snapshot) -> Snapshot | None:
    """The same Deployment as of now, from its watch; None where there is no live one, and requests are needed."""
    return _latest(before) if before.watch and before.watch.is_live else None


def wait_for_change(api: Api, namespace: str, before: Snapshot) -> Snapshot | None:
    """The same Deployment after the next event, or after about a second; None as in `refresh`."""
    if before.watch is None or before.watch.has_ended:
        before.watch, before.events = RolloutWatch(api, namespace, before), 0
    before.watch.wait(before.events)
    found = None if before.watch.has_ended else _latest(before)
    if found is None:
        pause(_SPACE, SystemClock())
    return found


def _latest(before: Snapshot) -> Snapshot | None:
    if before.watch is None:
        return None
    events, deployment = before.watch.events, before.watch.deployment
    if not deployment:
        return None
    return Snapshot(deployment, before.watch.pods, before.since, before.watch, before.template, events=events)
