"""A pod: one real process on its own address, started again when it ends, with readiness probes."""

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gatewayctl.adapters.files.processes import describe_exit, read_start_time, read_tail
from gatewayctl.adapters.sandbox.objects import PodStatus
from gatewayctl.adapters.sandbox.readiness import probe_http
from gatewayctl.adapters.sandbox.spawning import end_group, spawn
from gatewayctl.adapters.sandbox.world import Image

_log = logging.getLogger(__name__)
_PERIOD, _PERIOD_READY, _TIMEOUT, _MISSES = 0.1, 0.5, 1.0, 3  # seconds, seconds, seconds, answers
_BACKOFF, _LONGEST_BACKOFF, _QUICK = 0.2, 5.0, 10.0  # seconds
_QUICK_EXITS = 3  # after so many quick exits the pod counts as one that cannot start


@dataclass(frozen=True, slots=True)
class PodPlacement:
    """Where a pod runs, and under which name. `ready` is the path of its readiness probe.

    `grace` is how long it may take to stop, in seconds; `folder` is its working directory.
    """

    name: str
    image: str
    address: str
    port: int
    ready: str
    grace: float
    log: Path
    folder: Path


class Pod:
    """Runs until `stop`; calls `changed` when its status is different. `trouble` says why it cannot get ready."""

    def __init__(self, placement: PodPlacement, image: Image, changed: Callable[[], None]) -> None:
        self.placement, self.ready, self.ending, self.trouble, self.note = placement, False, False, "", "starting"
        self._image, self._changed = image, changed
        self._process: asyncio.subprocess.Process | None = None
        self._started = ""
        self._restarts = self._quick_exits = 0
        self._answered = False
        self._end = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._run())

    @property
    def status(self) -> PodStatus:
        """Its status now."""
        return PodStatus(
            name=self.placement.name,
            image=self.placement.image,
            address=self.placement.address,
            digest=self._image.digest,
            pid=self._process.pid if self._process else 0,
            started=self._started,
            ready=self.ready,
            ending=self.ending,
            restarts=self._restarts,
            answered=self._answered,
            note=self.note,
        )

    def raise_failure(self) -> None:
        """Raise the exception that ended this pod's task, if there was one: it is our bug, not the pod's fault."""
        if self._task.done():
            self._task.result()

    async def stop(self, grace: float) -> None:
        """End it: SIGTERM, and SIGKILL after `grace` seconds. Return when it has ended. `ending` must be set before."""
        self._end.set()
        self._signal(signal.SIGTERM)
        done, _ = await asyncio.wait({self._task}, timeout=grace)
        if not done:
            _log.warning("%s did not end within %g s", self.placement.name, grace)
            self._signal(signal.SIGKILL)
        await self._task

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _run(self) -> None:
        while not self._end.is_set():
            begun = time.monotonic()
            code = await self._run_once()
            if code is None or self._end.is_set():
                break
            self._judge_exit(code, time.monotonic() - begun)
            self._changed()
            pause = min(_LONGEST_BACKOFF, _BACKOFF * 2 ** min(self._quick_exits, 10) / 2)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._end.wait(), pause)
            self._restarts += 1
        self._changed()

    async def _run_once(self) -> int | None:
        """Run one process from its start to its end; return its exit code, None when it cannot be started."""
        placement = self.placement
        env = {**self._image.env, "POD_NAME": placement.name, "POD_IP": placement.address, "PORT": str(placement.port)}
        try:
            self._process = await spawn(self._image.command, env=env, folder=placement.folder, log=placement.log)
        except (OSError, ValueError) as fault:
            self.note = self.trouble = f"{placement.name}: {self._image.command[0]} cannot be started: {fault}"
            return None
        self._started = read_start_time(self._process.pid)
        if self._end.is_set():
            self._signal(signal.SIGTERM)
        self._changed()
        watch = asyncio.get_running_loop().create_task(self._watch())
        try:
            return await self._process.wait()
        finally:
            watch.cancel()
            end_group(self._process.pid)
            self._process, self._started, self.ready = None, "", False

    async def _watch(self) -> None:
        """Probe until cancelled. One success makes the pod ready, several failures in a row make it not ready."""
        placement, misses = self.placement, 0
        while True:
            result = await probe_http(placement.address, placement.port, placement.ready, _TIMEOUT)
            self._answered = self._answered or bool(result.status)
            misses = 0 if result.is_success else misses + 1
            ready = result.is_success or (self.ready and misses < _MISSES)
            if ready:
                self.trouble = ""
            if result.detail != self.note and not ready and result.status:
                with placement.log.open("a", encoding="utf-8") as log:
                    log.write(f"sandbox: not ready: {result.detail}\n")
            if (ready, result.detail) != (self.ready, self.note):
                self.ready, self.note = ready, result.detail
                self._changed()
            await asyncio.sleep(_PERIOD_READY if ready else _PERIOD)

    def _judge_exit(self, code: int, lived: float) -> None:
        self._quick_exits = self._quick_exits + 1 if lived < _QUICK else 1
        last = read_tail(self.placement.log, 1)[:200] or "nothing"
        self.note = f"{describe_exit(code)} after {lived:.1f} s"
        _log.info("%s: %s", self.placement.name, self.note)
        if self._quick_exits >= _QUICK_EXITS:
            self.trouble = f"{self.placement.name}: {describe_exit(code)} {_times(self._quick_exits)}, last log: {last}"


def _times(count: int) -> str:
    return {3: "three times", 4: "four times", 5: "five times"}.get(count, f"{count} times")
