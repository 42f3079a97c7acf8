"""One workload and its Service, kept as their spec says: pods started, stopped and replaced, endpoints always first."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewayctl.adapters.sandbox.addresses import Block
from gatewayctl.adapters.sandbox.deployment import next_steps
from gatewayctl.adapters.sandbox.objects import Folder, WorkloadSpec, WorkloadStatus
from gatewayctl.adapters.sandbox.pods import Place, Pod
from gatewayctl.adapters.sandbox.service import Service
from gatewayctl.adapters.sandbox.world import World

_log = logging.getLogger(__name__)
_KEPT_LOGS = 10  # per workload; those of the newest pods
_OPENING = 5.0  # seconds for connections that are being opened to a pod that goes


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all workloads of a sandbox share; `changed` asks for another round."""

    world: World
    folder: Folder
    block: Block
    taken: Callable[[], Iterable[str]]
    changed: Callable[[], None]


class Controller:
    """Keeps one workload."""

    def __init__(self, name: str, service: Service, around: Surroundings) -> None:
        self.name, self.service = name, service
        self._around = around
        self._model = around.world.workloads[name]
        self._pods: list[Pod] = []
        self._stopping: set[asyncio.Task[None]] = set()
        self._told: WorkloadStatus | None = None

    @property
    def addresses(self) -> tuple[str, ...]:
        """Addresses in use."""
        return tuple(pod.place.address for pod in self._pods)

    async def reconcile(self, spec: WorkloadSpec) -> None:
        """One round: decide, move endpoints, start and stop, say how it is."""
        for pod in self._pods:
            pod.broken()
        known = spec.image in self._around.world.images
        steps = next_steps(spec.image, spec.replicas, [pod.status for pod in self._pods])
        leaving = [pod for pod in self._pods if pod.place.name in steps.stop]
        for pod in leaving:
            pod.ending = True
        # Endpoints first: a pod that is told to stop must not be given another connection.
        await self.service.serve(tuple(pod.place.address for pod in self._pods if pod.ready and not pod.ending))
        for pod in leaving:
            self._later(self._stop(pod))
        for _ in range(steps.start if known else 0):
            self._start(spec.image)
        self._tell(spec, known=known)

    async def close(self, grace: float) -> None:
        """Stop every pod, within `grace` seconds."""
        for pod in self._pods:
            pod.ending = True
        await self.service.close()
        await asyncio.gather(*(pod.stop(grace) for pod in self._pods), *self._stopping)
        self._pods.clear()

    def _start(self, image: str) -> None:
        around, name = self._around, f"{self.name}-{secrets.token_hex(3)[:5]}"
        place = Place(
            name=name,
            image=image,
            address=around.block.pod(around.taken()),
            port=self._model.port,
            ready=self._model.ready,
            grace=self._model.grace,
            log=around.folder.logs / f"{name}.log",
            folder=Path(around.world.folder),
        )
        _log.info("%s: %s on %s", name, image, place.address)
        self._prune()
        self._pods.append(Pod(place, around.world.images[image], around.changed))

    async def _stop(self, pod: Pod) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _OPENING
        while not self.service.quiet(pod.place.address) and loop.time() < deadline:
            await asyncio.sleep(0.005)
        await pod.stop(pod.place.grace)
        self._pods.remove(pod)
        _log.info("%s is gone", pod.place.name)
        self._around.changed()

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    def _tell(self, spec: WorkloadSpec, *, known: bool) -> None:
        current = [pod for pod in self._pods if pod.place.image == spec.image and not pod.ending]
        trouble = next((pod.trouble for pod in current if pod.trouble), "")
        if spec.replicas and not known:
            have = ", ".join(sorted(self._around.world.images))
            trouble = f"image {spec.image} is not in the world's table; it has {have}"
        status = WorkloadStatus(spec.version, tuple(pod.status for pod in self._pods), trouble)
        if status != self._told:
            self._around.folder.tell_workload(self.name, status)
            self._told = status

    def _prune(self) -> None:
        """Forget the oldest logs of pods that are gone."""
        living = {pod.place.log for pod in self._pods}
        gone = [log for log in self._around.folder.logs_of(self.name) if log not in living]
        for log in gone[:-_KEPT_LOGS]:
            log.unlink()
