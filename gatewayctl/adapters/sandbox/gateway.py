"""The gateway's replicas: real processes, restarted when they die, each with its own copy of the route files."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gatewayctl.adapters.files.processes import describe_exit, read_start_time, read_uptime
from gatewayctl.adapters.sandbox import mount
from gatewayctl.adapters.sandbox.addresses import DNS_PORT
from gatewayctl.adapters.sandbox.objects import STARTS_AGAIN, GatewaySpec, ReplicaStatus, RoutesSpec
from gatewayctl.adapters.sandbox.product import Launch
from gatewayctl.adapters.sandbox.products import product
from gatewayctl.adapters.sandbox.readiness import ask, takes_connections
from gatewayctl.adapters.sandbox.spawning import end_group, spawn
from gatewayctl.adapters.sandbox.world import WorldGateway

_log = logging.getLogger(__name__)
_PERIOD, _PERIOD_READY, _TIMEOUT = 0.1, 0.5, 1.0  # seconds
_BACKOFF, _LONGEST_BACKOFF = 0.2, 3.0  # seconds


@dataclass(frozen=True, slots=True)
class Seat:
    """Where replica `number` runs; `bootstrap` is the team's own text, `names` the addresses of Services."""

    number: int
    address: str
    resolver: str
    folder: Path
    bootstrap: str
    names: Mapping[str, str]

    @property
    def name(self) -> str:
        """What it is called everywhere."""
        return f"gateway-{self.number}"


class GatewayReplica:
    """One replica: a process, and the mounted folder that it watches."""

    def __init__(self, seat: Seat, gateway: WorldGateway, changed: Callable[[], None]) -> None:
        self._seat, self._gateway, self._changed = seat, gateway, changed
        self._product = product(gateway.kind)
        self._mount = seat.folder / "mount"
        self._process: asyncio.subprocess.Process | None = None
        self._started = self._synced = self._seen = ""
        self._due = self._synced_at = 0.0
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
            admin=f"{self._seat.address}:{self._gateway.admin}" if self._product.ready_path else "",
            ready=self._ready,
            note=self._note,
            pid=self._process.pid if self._process else 0,
            started=self._started,
            synced=self._synced,
            synced_at=self._synced_at,
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
        beside = "\n".join((self._seat.bootstrap, *routes.files.values()))
        files = {name: self._localised(text, beside) for name, text in routes.files.items()}
        mount.sync(self._mount, files)
        self._synced = self._seen = routes.version
        self._synced_at = read_uptime()
        self._due = 0.0
        _log.info("%s: route files %s", self._seat.name, routes.version)
        self._changed()

    def _localised(self, text: str, beside: str) -> str:
        known = self._product.replace_names(text, self._seat.names, beside)
        return mount.localised(known, self._seat.address, self._gateway.mount, self._mount)

    def _signal(self, what: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(what)

    async def _live(self) -> None:
        bootstrap = self._seat.folder / self._product.file
        own = self._seat.bootstrap
        bootstrap.write_text(self._localised(own, own), encoding="utf-8", newline="")
        launch = Launch(bootstrap, self._seat.address, self._gateway.admin, self._seat.resolver, DNS_PORT)
        command, fruitless = self._product.command(launch), 0
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
        stop_signal = self._product.stop_signal
        self._process = await spawn(command, env={}, folder=folder, log=folder / "gateway.log", stop_signal=stop_signal)
        self._started = read_start_time(self._process.pid)
        if self._ending or self._held:
            self._signal(signal.SIGKILL)
        watch = asyncio.get_running_loop().create_task(self._watch())
        try:
            code = await self._process.wait()
        finally:
            watch.cancel()
            end_group(self._process.pid)
        self._process, self._started, useful = None, "", self._ready
        self._say(ready=False, note="ended" if self._ending else f"{describe_exit(code)}; {STARTS_AGAIN}")
        return useful

    async def _watch(self) -> None:
        """Ready is: the product says so, and traffic is taken."""
        address = self._seat.address
        while True:
            note = await self._admin_says()
            if not note and not await takes_connections(address, self._gateway.traffic, _TIMEOUT):
                note = f"nothing listens on {address}:{self._gateway.traffic}"
            self._say(ready=not note, note=note)
            await asyncio.sleep(_PERIOD if note else _PERIOD_READY)

    async def _admin_says(self) -> str:
        path = self._product.ready_path
        if not path:
            return ""
        word = await ask(self._seat.address, self._gateway.admin, path, _TIMEOUT)
        return "" if word.status == 200 else word.text

    def _say(self, *, ready: bool, note: str) -> None:
        if (ready, note) != (self._ready, self._note):
            _log.info("%s: %s", self._seat.name, note or "ready")
            self._ready, self._note = ready, note
            self._changed()
