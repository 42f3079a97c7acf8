"""Which pods of a workload to start and to stop next: decisions without effects.

A rolling update as Kubernetes does it with maxSurge 1 and maxUnavailable 0: an old pod is stopped only when a new one
is ready.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class PodState(Protocol):
    """The state of one pod, as far as decisions need it."""

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
    """How many pods to start now, and the names of those to stop now."""

    start: int = 0
    stop: tuple[str, ...] = ()


def next_steps(image: str, replicas: int, pods: Sequence[PodState]) -> Steps:
    """The next steps towards `replicas` pods of `image`; `pods` are oldest first. None while a pod gets ready."""
    staying = [pod for pod in pods if not pod.ending]
    new = [pod for pod in staying if pod.image == image]
    old = [pod for pod in staying if pod.image != image]
    surge = 1 if old else 0
    start = max(0, min(replicas - len(new), replicas + surge - len(staying)))
    if not replicas:
        return Steps(stop=tuple(pod.name for pod in staying))

    # Pods that are not ready are stopped before ready ones, and newer ones before older ones.
    newest = new[::-1]
    surplus = sorted(newest, key=lambda pod: pod.ready)[: max(0, len(new) - replicas)]
    useless = [pod for pod in old if not pod.ready]
    spare = sum(pod.ready for pod in staying if pod not in surplus) - replicas
    replaced = [pod for pod in old if pod.ready][: max(0, spare)]
    return Steps(start, tuple(pod.name for pod in (*surplus, *useless, *replaced)))
