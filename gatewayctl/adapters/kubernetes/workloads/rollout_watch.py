"""A workload as it was last seen, and how it is followed: whoever reads it again is served by events.

A wait, which reads what is not settled over and over, is held until something happens, or for a while.
"""

import time
from dataclasses import dataclass, field
from threading import Condition

from gatewayctl.adapters.clock import SystemClock
from gatewayctl.adapters.kubernetes.client.api import Api, Object
from gatewayctl.adapters.kubernetes.client.json import items, name_of, part
from gatewayctl.adapters.kubernetes.client.paths import deployments, pods
from gatewayctl.adapters.kubernetes.client.watch import Feed
from gatewayctl.adapters.kubernetes.workloads.objects import Template, belongs, ending, exists, hash_of, selector
from gatewayctl.waiting import pause

_SILENCE = 1.0  # seconds; the longest that a read waits for an event
_SPACE = 0.3  # seconds between requests of a wait that cannot be served by events
_RECENT = 1.0  # seconds; a read this soon after another of the same is a wait


class News:
    """What becomes of a Deployment and of its Pods; events of both ring one bell."""

    def __init__(self, api: Api, namespace: str, seen: "Seen") -> None:
        self._bell, self._name = Condition(), seen.name
        named = {"fieldSelector": f"metadata.name={seen.name}"}
        version = str(part(seen.deployment, "metadata").get("resourceVersion", ""))
        ours = {"labelSelector": selector(seen.deployment)}
        self._pods = Feed(api, pods(namespace), seen.since, seen.pods.values(), self._bell, **ours)
        self._deployments = Feed(api, deployments(namespace), version, (seen.deployment,), self._bell, **named)

    @property
    def over(self) -> bool:
        """Whether one of them will not be told of any more."""
        return self._pods.over or self._deployments.over

    @property
    def live(self) -> bool:
        """Whether what they say counts."""
        return self._pods.live and self._deployments.live

    @property
    def heard(self) -> int:
        """How many events there were so far."""
        return self._pods.heard + self._deployments.heard

    @property
    def deployment(self) -> Object:
        """As of now."""
        return self._deployments.objects.get(self._name, {})

    @property
    def pods(self) -> dict[str, Object]:
        """As of now, by name."""
        return self._pods.objects

    def put(self, deployment: Object) -> None:
        """What a write of ours was answered."""
        self._deployments.put(deployment)

    def wait(self, heard: int) -> None:
        """Return when there were more events than `heard`, or after some silence."""
        with self._bell:
            self._bell.wait_for(lambda: self.heard != heard or self.over, _SILENCE)


@dataclass(slots=True)
class Seen:
    """A Deployment with its Pods by name, both as of `at` (monotonic); `since` is where its Pods' events begin.

    `heard` is how many events of `news` are in it.
    """

    deployment: Object
    pods: dict[str, Object]
    since: str
    news: "News | None" = None
    template: Template = field(default_factory=Template)
    at: float = field(default_factory=time.monotonic)
    heard: int = 0

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
    def recent(self) -> bool:
        """Whether it was seen a moment ago."""
        return time.monotonic() - self.at < _RECENT


def looked(api: Api, namespace: str, deployment: Object) -> Seen:
    """A Deployment with its Pods, listed now."""
    found = api.get(pods(namespace), labelSelector=selector(deployment))
    listed = {name_of(pod): pod for pod in items(found, "items")}
    return Seen(deployment, listed, str(part(found, "metadata").get("resourceVersion", "")))


def told(seen: Seen) -> Seen | None:
    """The same as of now, as events have it; None when there are none and it must be looked at."""
    return _now(seen) if seen.news and seen.news.live else None


def followed(api: Api, namespace: str, seen: Seen) -> Seen | None:
    """The same a moment later: after something happened to it, or after some silence; None as in `told`."""
    if seen.news is None or seen.news.over:
        seen.news, seen.heard = News(api, namespace, seen), 0
    seen.news.wait(seen.heard)
    found = None if seen.news.over else _now(seen)
    if found is None:
        pause(_SPACE, SystemClock())
    return found


def _now(seen: Seen) -> Seen | None:
    if seen.news is None:
        return None
    heard, deployment = seen.news.heard, seen.news.deployment
    if not deployment:
        return None
    return Seen(deployment, seen.news.pods, seen.since, seen.news, seen.template, heard=heard)
