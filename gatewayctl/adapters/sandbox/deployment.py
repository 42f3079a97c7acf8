"""How a workload gets from the pods it has to the pods it should have: pure decisions.

A rolling update as Kubernetes does it with maxSurge 1 and maxUnavailable 0: an old pod goes only when a new one is
ready in its place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Seen(Protocol):
    """What of a pod decides."""

    @property
    def name(self) -> str: ...
    @property
    def image(self) -> str: ...
    @property
    def ready(self) -> bool: ...
    @property
    def ending(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Steps:
    """How many pods to start now, and which to stop now."""

    start: int = 0
    stop: tuple[str, ...] = ()


def next_steps(image: str, replicas: int, pods: Sequence[Seen]) -> Steps:
    """What to do now to have `replicas` pods of `image`; pods are oldest first. Nothing: all is asked for already."""
    staying = [pod for pod in pods if not pod.ending]
    new = [pod for pod in staying if pod.image == image]
    old = [pod for pod in staying if pod.image != image]
    surge = 1 if old else 0
    start = max(0, min(replicas - len(new), replicas + surge - len(staying)))
    if not replicas:
        return Steps(stop=tuple(pod.name for pod in staying))

    # Those that serve nobody before those that do, and the newest of each first.
    newest = new[::-1]
    surplus = sorted(newest, key=lambda pod: pod.ready)[: max(0, len(new) - replicas)]
    useless = [pod for pod in old if not pod.ready]
    spare = sum(pod.ready for pod in staying if pod not in surplus) - replicas
    replaced = [pod for pod in old if pod.ready][: max(0, spare)]
    return Steps(start, tuple(pod.name for pod in (*surplus, *useless, *replaced)))
