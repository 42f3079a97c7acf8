"""A Deployment with its Pods as they were read last, and a watch on both that serves the next reads.

A caller that waits reads what is not settled again and again. Such a read is held until something happens, or for about
a second, so that waiting costs few requests: where nothing happens for some seconds, one asks whether that is true.
"""

import time
from dataclasses import dataclass, field
from threading import Condition

from gatewayctl.adapters.clock import SystemClock
from gatewayctl.adapters.kubernetes.client.api import Api, Object
from gatewayctl.adapters.kubernetes.client.json import items, name_of, part
from gatewayctl.adapters.kubernetes.client.paths import deployments, pods
from gatewayctl.adapters.kubernetes.client.pods import may_run
from gatewayctl.adapters.kubernetes.client.watch import STALENESS, Listing, Watch
from gatewayctl.adapters.kubernetes.workloads.objects import (
    Template,
    hash_of,
    is_pod_of,
    is_terminating,
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
        own = {"labelSelector": selector(start.deployment)}
        self._pods = Watch(api, pods(namespace), start.pod_listing, self._changed, **own)
        self._deployments = Watch(api, deployments(namespace), start.deployment_listing, self._changed, **one)

    @property
    def has_ended(self) -> bool:
        """Whether one of the two watches has ended."""
        return self._pods.has_ended or self._deployments.has_ended

    @property
    def is_live(self) -> bool:
        """Whether the objects are current."""
        return self._pods.is_live and self._deployments.is_live

    @property
    def confirmed(self) -> float:
        """When something last showed that both were current, in monotonic seconds."""
        return min(self._pods.confirmed, self._deployments.confirmed)

    def is_fresh(self, within: float) -> bool:
        """Whether both watches are live, and were confirmed in the last `within` seconds."""
        return self._pods.is_fresh(within) and self._deployments.is_fresh(within)

    @property
    def events(self) -> int:
        """How many events there were so far."""
        return self._pods.events + self._deployments.events

    @property
    def deployment(self) -> Object:
        """The Deployment as of the last event or answer; empty once it is deleted."""
        return self._deployments.objects.get(self._name, {})

    @property
    def pods(self) -> dict[str, Object]:
        """Its Pods by name, as of the last event or answer."""
        return self._pods.objects

    def update(self, deployment: Object) -> None:
        """Take over the answer to a write of ours."""
        self._deployments.update(deployment)

    def confirm(self, found: "Snapshot") -> bool:
        """Take over what requests found. False when one of the watches had not said what is in it."""
        pods_are_known = self._pods.confirm(found.pod_listing)
        return self._deployments.confirm(found.deployment_listing) and pods_are_known

    def end(self) -> None:
        """Do not use it any more."""
        self._pods.end()
        self._deployments.end()

    def wait(self, events: int) -> None:
        """Return when there were more events than `events`, when a watch ends, or after a second."""
        with self._changed:
            self._changed.wait_for(lambda: self.events != events or self.has_ended, _LONGEST_WAIT)


@dataclass(slots=True)
class Snapshot:
    """A Deployment with its Pods by name, made `at` this time, from what was asked for at `asked` (monotonic seconds).

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
    asked: float = field(default_factory=time.monotonic)

    @property
    def pod_listing(self) -> Listing:
        """Its Pods, as the start of a watch or the proof that one is current."""
        return Listing(tuple(self.pods.values()), self.since, self.asked)

    @property
    def deployment_listing(self) -> Listing:
        """The Deployment itself, likewise."""
        return Listing.of_one(self.deployment, self.asked)

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
    asked = time.monotonic()
    found = api.get(pods(namespace), labelSelector=selector(deployment))
    by_name = {name_of(pod): pod for pod in items(found, "items")}
    version = str(part(found, "metadata").get("resourceVersion", ""))
    return Snapshot(deployment, by_name, version, asked=asked)


def refresh(before: Snapshot, within: float = STALENESS) -> Snapshot | None:
    """The same Deployment from its watch; None where that was not confirmed in the last `within` seconds."""
    return _latest(before) if before.watch and before.watch.is_fresh(within) else None


def wait_for_change(api: Api, namespace: str, before: Snapshot, within: float = STALENESS) -> Snapshot | None:
    """The same Deployment after the next event, or after about a second; None as in `refresh`."""
    if before.watch is None or before.watch.has_ended:
        before.watch, before.events = RolloutWatch(api, namespace, before), 0
    before.watch.wait(before.events)
    if before.watch.has_ended:
        pause(_SPACE, SystemClock())
        return None
    return refresh(before, within)


def continue_watch(api: Api, namespace: str, found: Snapshot, watch: RolloutWatch | None) -> None:
    """Give a snapshot that requests made the watch that there was; a new one where that had not said what they did."""
    if watch is not None and not watch.has_ended and watch.confirm(found):
        found.watch = watch
        return
    if watch is not None:
        watch.end()
    found.watch = RolloutWatch(api, namespace, found)


def _latest(before: Snapshot) -> Snapshot | None:
    if before.watch is None:
        return None
    events, deployment = before.watch.events, before.watch.deployment
    if not deployment:
        return None
    found = Snapshot(deployment, before.watch.pods, before.since, before.watch, before.template, events=events)
    found.asked = before.watch.confirmed
    return found
