"""The gateway's replicas: real processes, restarted when they die, each with its own copy of the route files."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gatewayctl.adapters.sandbox import envoy, mount
from gatewayctl.adapters.sandbox.addresses import DNS_PORT
from gatewayctl.adapters.sandbox.asking import ask, takes_connections
from gatewayctl.adapters.sandbox.objects import STARTS_AGAIN, GatewaySpec, ReplicaStatus, RoutesSpec
from gatewayctl.adapters.sandbox.process import exit_words, started_at
from gatewayctl.adapters.sandbox.spawning import spawn
from gatewayctl.adapters.sandbox.world import Gateway

_log = logging.getLogger(__name__)
_PERIOD, _PERIOD_READY, _TIMEOUT = 0.1, 0.5, 1.0  # seconds
_BACKOFF, _LONGEST_BACKOFF = 0.2, 3.0  # seconds


@dataclass(frozen=True, slots=True)
class Seat:
    """Where replica `number` runs; `bootstrap` is the team's own text."""

    number: int
    address: str
    resolver: str
    folder: Path
    bootstrap: str

    @property
    def name(self) -> str:
        """What it is called everywhere."""
        return f"gateway-{self.number}"


class GatewayReplica:
    """One replica: a process, and the mounted folder that it watches."""

    def __init__(self, seat: Seat, gateway: Gateway, changed: Callable[[], None]) -> None:
        self._seat, self._gateway, self._changed = seat, gateway, changed
        self._mount = seat.folder / "mount"
        self._process: asyncio.subprocess.Process | None = None
        self._started = self._synced = self._seen = ""
        self._due = 0.0
        self._ready, self._note = False, "starting"
        self._held = self._ending = False
        self._wake = asyncio.Event()
        self._life: asyncio.Task[None] | None = None

    @property
    def status(self) -> ReplicaStatus:
        """How it is now."""
        return ReplicaStatus(
            name=self._seat.name,
            traffic=f"{self._seat.address}:{self._gateway.traffic}",
            admin=f"{self._seat.address}:{self._gateway.admin}",
            ready=self._ready,
            note=self._note,
            pid=self._process.pid if self._process else 0,
            started=self._started,
            synced=self._synced,
        )

    def reconcile(self, routes: RoutesSpec, spec: GatewaySpec) -> None:
        """One round: files that are due, and whether it should run at all."""
        now = asyncio.get_running_loop().time()
        if self._life is None:  # a new pod begins with what the store holds
            self._sync(routes)
            self._life = asyncio.get_running_loop().create_task(self._live())
        elif self._life.done():
            self._life.result()
        if routes.version != self._seen:
            # A kubelet that is on its way already takes what it finds when it arrives.
            self._due = self._due or now + spec.delay + spec.skew * self._seat.number
            self._seen = routes.version
        if self._due and now >= self._due:
            self._sync(routes)
        held = self._seat.name in spec.held
        if held != self._held:
            self._held = held
            self._wake.set()
            if held:
                self._signal(signal.SIGKILL)

    async def close(self, grace: float) -> None:
        """End it, within `grace` seconds."""
        self._ending = True
        self._wake.set()
        if self._life is None:
            return
        self._signal(signal.SIGTERM)
        done, _ = await asyncio.wait({self._life}, timeout=grace)
        if not done:
            self._signal(signal.SIGKILL)
        await self._life

    def _sync(self, routes: RoutesSpec) -> None:
        files = {name: self._localised(text) for name, text in routes.files.items()}
        mount.sync(self._mount, files)
        self._synced = self._seen = routes.version
        self._due = 0.0
        _log.info("%s: route files %s", self._seat.name, routes.version)
        self._changed()

    def _localised(self, text: str) -> str:
        return mount.localised(text, self._seat.address, self._gateway.mount, self._mount)

    def _signal(self, what: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(what)

    async def _live(self) -> None:
        bootstrap = self._seat.folder / "bootstrap.yaml"
        bootstrap.write_text(self._localised(self._seat.bootstrap), encoding="utf-8", newline="")
        launch = envoy.Launch(bootstrap, self._seat.address, self._gateway.admin, self._seat.resolver, DNS_PORT)
        command, fruitless = envoy.command(launch), 0
        while not self._ending:
            self._wake.clear()
            if self._held:
                self._say(ready=False, note="held down")
                await self._wake.wait()
                continue
            fruitless = 0 if await self._run_once(command) else fruitless + 1
            if not self._ending and not self._held:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), min(_LONGEST_BACKOFF, _BACKOFF * 2 ** min(fruitless, 8)))

    async def _run_once(self, command: tuple[str, ...]) -> bool:
        """One process from its start to its end; whether it ever was ready."""
        folder = self._seat.folder
        self._process = await spawn(command, env={}, folder=folder, log=folder / "gateway.log")
        self._started = started_at(self._process.pid)
        if self._ending or self._held:
            self._signal(signal.SIGKILL)
        watch = asyncio.get_running_loop().create_task(self._watch())
        try:
            code = await self._process.wait()
        finally:
            watch.cancel()
        self._process, self._started, useful = None, "", self._ready
        self._say(ready=False, note="ended" if self._ending else f"{exit_words(code)}; {STARTS_AGAIN}")
        return useful

    async def _watch(self) -> None:
        """Ready is: the product says so, and traffic is taken."""
        address = self._seat.address
        while True:
            word = await ask(address, self._gateway.admin, envoy.READY_PATH, _TIMEOUT)
            note = "" if word.status == 200 else word.text
            if not note and not await takes_connections(address, self._gateway.traffic, _TIMEOUT):
                note = f"nothing listens on {address}:{self._gateway.traffic}"
            self._say(ready=not note, note=note)
            await asyncio.sleep(_PERIOD if note else _PERIOD_READY)

    def _say(self, *, ready: bool, note: str) -> None:
        if (ready, note) != (self._ready, self._note):
            _log.info("%s: %s", self._seat.name, note or "ready")
            self._ready, self._note = ready, note
            self._changed()
