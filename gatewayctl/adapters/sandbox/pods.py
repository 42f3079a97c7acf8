"""A pod: one real process with an address of its own, restarted when it ends, asked whether it is ready."""

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
from gatewayctl.adapters.sandbox.readiness import ask
from gatewayctl.adapters.sandbox.spawning import end_group, spawn
from gatewayctl.adapters.sandbox.world import Image

_log = logging.getLogger(__name__)
_PERIOD, _PERIOD_READY, _TIMEOUT, _MISSES = 0.1, 0.5, 1.0, 3  # seconds, seconds, seconds, answers
_BACKOFF, _LONGEST_BACKOFF, _QUICK = 0.2, 5.0, 10.0  # seconds
_QUICK_EXITS = 3  # after so many it is certain that the pod does not come up


@dataclass(frozen=True, slots=True)
class Place:
    """Where and as what a pod runs; `grace` is how long it may take to stop, in seconds."""

    name: str
    image: str
    address: str
    port: int
    ready: str
    grace: float
    log: Path
    folder: Path


class Pod:
    """Runs until `stop`; calls `changed` whenever something that others can see is different."""

    def __init__(self, place: Place, image: Image, changed: Callable[[], None]) -> None:
        self.place, self.ready, self.ending, self.trouble, self.note = place, False, False, "", "starting"
        self._image, self._changed = image, changed
        self._process: asyncio.subprocess.Process | None = None
        self._started = ""
        self._restarts = self._quick_exits = 0
        self._answered = False
        self._end = asyncio.Event()
        self._life = asyncio.get_running_loop().create_task(self._live())

    @property
    def status(self) -> PodStatus:
        """How it is now."""
        return PodStatus(
            name=self.place.name,
            image=self.place.image,
            address=self.place.address,
            digest=self._image.digest,
            pid=self._process.pid if self._process else 0,
            started=self._started,
            ready=self.ready,
            ending=self.ending,
            restarts=self._restarts,
            answered=self._answered,
            note=self.note,
        )

    def broken(self) -> None:
        """Raise what ended its own supervision, if anything did: that is a fault of ours, not the pod's."""
        if self._life.done():
            self._life.result()

    async def stop(self, grace: float) -> None:
        """Ask it to end, and after `grace` seconds insist; returns when it is gone. It must be `ending` by now."""
        self._end.set()
        self._signal(signal.SIGTERM)
        done, _ = await asyncio.wait({self._life}, timeout=grace)
        if not done:
            _log.warning("%s did not end within %g s", self.place.name, grace)
            self._signal(signal.SIGKILL)
        await self._life

    def _signal(self, what: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(what)

    async def _live(self) -> None:
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
        """One process from its start to its end; its exit code, or None when it cannot even be started."""
        place = self.place
        env = {**self._image.env, "POD_NAME": place.name, "POD_IP": place.address, "PORT": str(place.port)}
        try:
            self._process = await spawn(self._image.command, env=env, folder=place.folder, log=place.log)
        except (OSError, ValueError) as fault:
            self.note = self.trouble = f"{place.name}: {self._image.command[0]} cannot be started: {fault}"
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
        """Ask for readiness for ever; one good answer makes it ready, several bad ones in a row undo that."""
        place, misses = self.place, 0
        while True:
            word = await ask(place.address, place.port, place.ready, _TIMEOUT)
            self._answered = self._answered or bool(word.status)
            misses = 0 if word.good else misses + 1
            ready = word.good or (self.ready and misses < _MISSES)
            if ready:
                self.trouble = ""
            if word.text != self.note and not ready and word.status:
                with place.log.open("a", encoding="utf-8") as log:
                    log.write(f"sandbox: not ready: {word.text}\n")
            if (ready, word.text) != (self.ready, self.note):
                self.ready, self.note = ready, word.text
                self._changed()
            await asyncio.sleep(_PERIOD_READY if ready else _PERIOD)

    def _judge_exit(self, code: int, lived: float) -> None:
        self._quick_exits = self._quick_exits + 1 if lived < _QUICK else 1
        last = read_tail(self.place.log, 1)[:200] or "nothing"
        self.note = f"{describe_exit(code)} after {lived:.1f} s"
        _log.info("%s: %s", self.place.name, self.note)
        if self._quick_exits >= _QUICK_EXITS:
            self.trouble = f"{self.place.name}: {describe_exit(code)} {_times(self._quick_exits)}, last log: {last}"


def _times(count: int) -> str:
    return {3: "three times", 4: "four times", 5: "five times"}.get(count, f"{count} times")
