"""One gateway replica: a real process, started again when it ends, with its own copy of the route files."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gatewayctl.adapters.files.processes import describe_exit, read_start_time, read_tail, read_uptime
from gatewayctl.adapters.sandbox import mount
from gatewayctl.adapters.sandbox.addresses import DNS_PORT
from gatewayctl.adapters.sandbox.objects import STARTS_AGAIN, GatewayReplicasSpec, ReplicaStatus, RoutesSpec
from gatewayctl.adapters.sandbox.product import Launch
from gatewayctl.adapters.sandbox.products import product
from gatewayctl.adapters.sandbox.readiness import accepts_connections, probe_http
from gatewayctl.adapters.sandbox.spawning import end_group, spawn
from gatewayctl.adapters.sandbox.world import WorldGateway

_log = logging.getLogger(__name__)
_PERIOD, _PERIOD_READY, _TIMEOUT = 0.1, 0.5, 1.0  # seconds
_BACKOFF, _LONGEST_BACKOFF = 0.2, 3.0  # seconds
_MOST_EXITS = 3  # after so many exits in a row without being ready, the replica counts as one that cannot start


@dataclass(frozen=True, slots=True)
class ReplicaPlacement:
    """Where replica `number` runs. `names` has the addresses of Services.

    `bootstrap` is the text of its start-up file, which comes from the folder `source`.
    """

    number: int
    address: str
    resolver: str
    folder: Path
    bootstrap: str
    names: Mapping[str, str]
    source: Path

    @property
    def name(self) -> str:
        """Its name in statuses, logs and commands."""
        return f"gateway-{self.number}"


class GatewayReplica:
    """One replica: its process, and the mounted folder with its route files."""

    def __init__(self, placement: ReplicaPlacement, gateway: WorldGateway, changed: Callable[[], None]) -> None:
        self._placement, self._gateway, self._changed = placement, gateway, changed
        self._product = product(gateway.kind)
        self._mount = placement.folder / "mount"
        self._process: asyncio.subprocess.Process | None = None
        self._started = self._synced = self._seen = ""
        self._due = self._synced_at = 0.0
        self._ready, self._note, self._trouble = False, "starting", ""
        self._held = self._ending = False
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def status(self) -> ReplicaStatus:
        """Its status now."""
        return ReplicaStatus(
            name=self._placement.name,
            traffic=f"{self._placement.address}:{self._gateway.traffic}",
            admin=f"{self._placement.address}:{self._gateway.admin}" if self._product.ready_path else "",
            ready=self._ready,
            note=self._note,
            pid=self._process.pid if self._process else 0,
            started=self._started,
            synced=self._synced,
            synced_at=self._synced_at,
            trouble=self._trouble,
        )

    def reconcile(self, routes: RoutesSpec, spec: GatewayReplicasSpec) -> None:
        """One round: take files that are due, and start or stop the process."""
        now = asyncio.get_running_loop().time()
        if self._task is None:  # a new pod starts with the files that the store has now
            self._sync(routes)
            self._task = asyncio.get_running_loop().create_task(self._run())
        elif self._task.done():
            self._task.result()
        if routes.version != self._seen:
            # Files change while a sync is due: that sync takes the newest ones, as a kubelet's would.
            self._due = self._due or now + spec.delay + spec.skew * self._placement.number
            self._seen = routes.version
        if self._due and now >= self._due:
            self._sync(routes)
        held = self._placement.name in spec.held
        if held != self._held:
            self._held = held
            self._wake.set()
            if held:
                self._signal(signal.SIGKILL)

    async def close(self, grace: float) -> None:
        """End it, within `grace` seconds."""
        self._ending = True
        self._wake.set()
        if self._task is None:
            return
        self._signal(signal.SIGTERM)
        done, _ = await asyncio.wait({self._task}, timeout=grace)
        if not done:
            self._signal(signal.SIGKILL)
        await self._task

    def _sync(self, routes: RoutesSpec) -> None:
        all_files = "\n".join((self._placement.bootstrap, *routes.files.values()))
        files = {name: self._localise(text, all_files) for name, text in routes.files.items()}
        mount.sync(self._mount, files)
        self._synced = self._seen = routes.version
        self._synced_at = read_uptime()
        self._due = 0.0
        _log.info("%s: route files %s", self._placement.name, routes.version)
        self._changed()

    def _localise(self, text: str, all_files: str) -> str:
        resolved = self._product.replace_names(text, self._placement.names, all_files)
        return mount.localise(resolved, self._placement.address, self._gateway.mount, self._mount)

    def _put_beside(self, text: str) -> None:
        """Put beside the start-up file what it names by a relative path: other files, and the mounted folder."""
        folder, mounted = self._placement.folder, Path(self._gateway.mount).name
        link = folder / mounted
        if not link.exists() and not link.is_symlink():
            link.symlink_to(self._mount)
        for name, content in self._product.find_includes(text, self._placement.source).items():
            if Path(name).parts[0] == mounted:
                continue  # the store has it, and a copy would never change
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self._localise(content, text), encoding="utf-8", newline="")

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _run(self) -> None:
        bootstrap = self._placement.folder / self._product.file
        text = self._placement.bootstrap
        bootstrap.write_text(self._localise(text, text), encoding="utf-8", newline="")
        self._put_beside(text)
        launch = Launch(bootstrap, self._placement.address, self._gateway.admin, self._placement.resolver, DNS_PORT)
        command, fruitless = self._product.command(launch), 0
        while not self._ending:
            self._wake.clear()
            if self._held:
                self._report(ready=False, note="held down")
                await self._wake.wait()
                continue
            fruitless = 0 if await self._run_once(command) else fruitless + 1
            self._judge_exits(fruitless)
            if not self._ending and not self._held:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), min(_LONGEST_BACKOFF, _BACKOFF * 2 ** min(fruitless, 8)))

    async def _run_once(self, command: tuple[str, ...]) -> bool:
        """Run one process from its start to its end; True when it was ready at its end."""
        folder = self._placement.folder
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
        self._report(ready=False, note="ended" if self._ending else f"{describe_exit(code)}; {STARTS_AGAIN}")
        return useful

    def _judge_exits(self, fruitless: int) -> None:
        """Say why the replica cannot start, when it ended `fruitless` times in a row without being ready."""
        trouble = ""
        if fruitless >= _MOST_EXITS:
            last = read_tail(self._placement.folder / "gateway.log", 5)
            trouble = (
                f"{self._placement.name}: ended {fruitless} times before it was ready; the end of its log:\n{last}"
            )
        if trouble != self._trouble:
            self._trouble = trouble
            self._changed()

    async def _watch(self) -> None:
        """Probe until cancelled. Ready means: the product says so, and the traffic port accepts connections."""
        address = self._placement.address
        while True:
            note = await self._check_admin()
            if not note and not await accepts_connections(address, self._gateway.traffic, _TIMEOUT):
                note = f"nothing listens on {address}:{self._gateway.traffic}"
            self._report(ready=not note, note=note)
            await asyncio.sleep(_PERIOD if note else _PERIOD_READY)

    async def _check_admin(self) -> str:
        """Why the admin port says that it is not ready; empty when it is, or when the product has no such path."""
        path = self._product.ready_path
        if not path:
            return ""
        result = await probe_http(self._placement.address, self._gateway.admin, path, _TIMEOUT)
        return "" if result.status == 200 else result.detail

    def _report(self, *, ready: bool, note: str) -> None:
        if (ready, note) != (self._ready, self._note):
            _log.info("%s: %s", self._placement.name, note or "ready")
            self._ready, self._note = ready, note
            self._changed()
