"""Keeps one workload as its spec says: starts, stops and replaces pods, and changes the Service's endpoints first."""

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
from gatewayctl.adapters.sandbox.pods import Pod, PodPlacement
from gatewayctl.adapters.sandbox.service import SandboxService
from gatewayctl.adapters.sandbox.world import World

_log = logging.getLogger(__name__)
_KEPT_LOGS = 10  # per workload: the logs of its newest pods
_OPENING = 5.0  # seconds to wait for connections that are being opened to a pod before it is stopped


@dataclass(frozen=True, slots=True)
class ControllerContext:
    """What all controllers of a sandbox share. `used` lists pod addresses in use; `changed` asks for another round."""

    world: World
    folder: Folder
    block: Block
    used: Callable[[], Iterable[str]]
    changed: Callable[[], None]


class Controller:
    """The controller of one workload."""

    def __init__(self, name: str, service: SandboxService, context: ControllerContext) -> None:
        self.name, self.service = name, service
        self._context = context
        self._model = context.world.workloads[name]
        self._pods: list[Pod] = []
        self._stopping: set[asyncio.Task[None]] = set()
        self._published: WorkloadStatus | None = None

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses of its pods."""
        return tuple(pod.placement.address for pod in self._pods)

    async def reconcile(self, spec: WorkloadSpec) -> None:
        """One round: decide, change the endpoints, stop and start pods, publish the status."""
        for pod in self._pods:
            pod.raise_failure()
        known = spec.image in self._context.world.images
        steps = next_steps(spec.image, spec.replicas, [pod.status for pod in self._pods])
        leaving = [pod for pod in self._pods if pod.placement.name in steps.stop]
        for pod in leaving:
            pod.ending = True
        # Endpoints first: a pod that is about to stop must get no new connection.
        await self.service.serve(tuple(pod.placement.address for pod in self._pods if pod.ready and not pod.ending))
        for pod in leaving:
            self._run_in_background(self._stop(pod))
        for _ in range(steps.start if known else 0):
            self._start(spec.image)
        self._publish(spec, known=known)

    async def close(self, grace: float) -> None:
        """Stop all pods, each within `grace` seconds."""
        for pod in self._pods:
            pod.ending = True
        await self.service.close()
        await asyncio.gather(*(pod.stop(grace) for pod in self._pods), *self._stopping)
        self._pods.clear()

    def _start(self, image: str) -> None:
        context, name = self._context, f"{self.name}-{secrets.token_hex(3)[:5]}"
        placement = PodPlacement(
            name=name,
            image=image,
            address=context.block.pod(context.used()),
            port=self._model.port,
            ready=self._model.ready,
            grace=self._model.grace,
            log=context.folder.logs / f"{name}.log",
            folder=Path(context.world.folder),
        )
        _log.info("%s: %s on %s", name, image, placement.address)
        self._prune_logs()
        self._pods.append(Pod(placement, context.world.images[image], context.changed))

    async def _stop(self, pod: Pod) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _OPENING
        while not self.service.is_quiet(pod.placement.address) and loop.time() < deadline:
            await asyncio.sleep(0.005)
        await pod.stop(pod.placement.grace)
        self._pods.remove(pod)
        _log.info("%s has ended", pod.placement.name)
        self._context.changed()

    def _run_in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    def _publish(self, spec: WorkloadSpec, *, known: bool) -> None:
        current = [pod for pod in self._pods if pod.placement.image == spec.image and not pod.ending]
        trouble = next((pod.trouble for pod in current if pod.trouble), "")
        if spec.replicas and not known:
            have = ", ".join(sorted(self._context.world.images))
            trouble = f"image {spec.image} is not in the world file; its images are {have}"
        status = WorkloadStatus(spec.version, tuple(pod.status for pod in self._pods), trouble)
        if status != self._published:
            self._context.folder.publish_workload(self.name, status)
            self._published = status

    def _prune_logs(self) -> None:
        """Remove the oldest logs of pods that have ended."""
        living = {pod.placement.log for pod in self._pods}
        unused = [log for log in self._context.folder.logs_of(self.name) if log not in living]
        for log in unused[:-_KEPT_LOGS]:
            log.unlink()
