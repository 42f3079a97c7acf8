"""Sandboxes for these tests: the example shop, started once, and small ones that a test may break."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from gatewayctl.adapters.clock import SystemClock
from gatewayctl.adapters.sandbox.cluster import Life, down, up
from gatewayctl.adapters.sandbox.objects import Folder
from gatewayctl.adapters.sandbox.replicas import SandboxReplicas
from gatewayctl.adapters.sandbox.routes import SandboxRouteStore
from gatewayctl.adapters.sandbox.workloads import SandboxWorkloads
from gatewayctl.domain.platform import Workload
from gatewayctl.example import example_folder
from tests.adapters.sandbox.rehearsal import Rehearsal

CONFIG = example_folder() / "gateway-config"
HOST = {"host": "shop.example.com"}

# One replica, one application, and a store with one file: it starts in half a second.
SMALL = f"""\
version: 1
gateway:
  replicas: 1
  bootstrap: {CONFIG}/bootstrap.yaml
  files: {{rds.yaml: {CONFIG}/rds.yaml}}
images:
  "shop/orders:1.0": {{command: [python, -m, gatewayctl.example.shop, --app, orders, --version, "1.0"]}}
  "shop/orders:never": {{command: [python, -c, "import time; time.sleep(60)"]}}
  "shop/orders:parent":
    command: [python, -c, "import subprocess, time; subprocess.Popen(['sleep', '60']); time.sleep(60)"]
  "shop/orders:broken": {{command: [python, -c, "raise SystemExit('no database')"]}}
workloads:
  orders: {{image: "shop/orders:1.0"}}
"""


def until(ready: Callable[[], object], what: str, within: float = 60.0) -> None:
    """Wait until `ready`; fail with `what` after `within` seconds."""
    deadline = time.monotonic() + within
    while not ready():
        assert time.monotonic() < deadline, f"waited {within:g} s for {what}"
        time.sleep(0.01)


def find_processes(root: Path) -> dict[int, str]:
    """The pid and start time of each process that a sandbox's folder names."""
    folder = Folder(root)
    found = {pod.pid: pod.started for name in folder.workloads() for pod in folder.workload_status(name).pods}
    found |= {replica.pid: replica.started for replica in folder.replica_statuses()}
    supervisor = folder.supervisor()
    if supervisor is not None:
        found[supervisor.pid] = supervisor.started
    return {pid: started for pid, started in found.items() if pid}


@dataclass(frozen=True, slots=True)
class Shop:
    """A running sandbox with the example shop."""

    root: Path

    @property
    def workloads(self) -> SandboxWorkloads:
        return SandboxWorkloads(self.root)

    @property
    def routes(self) -> SandboxRouteStore:
        return SandboxRouteStore(self.root)

    @property
    def rehearsal(self) -> Rehearsal:
        return Rehearsal(self.root)

    def url(self, number: int = 0) -> str:
        """Where gateway replica `number` takes traffic."""
        return f"http://{SandboxReplicas(self.root).list()[number].traffic}"

    def page(self, number: int) -> str:
        """The answer of replica `number` for a path without an application."""
        return httpx.get(f"{self.url(number)}/nowhere", headers=HOST).text

    def service(self, name: str) -> tuple[str, int]:
        """The address and port of a Service: Services have addresses in the order of their names."""
        supervisor = Folder(self.root).supervisor()
        assert supervisor is not None
        order = ["orders", "orders-canary", "payments", "payments-canary"]
        return f"{supervisor.block}.{31 + order.index(name)}", 8080

    def settle(self, name: str, **changes: object) -> Workload:
        """Change a workload, wait until it is settled, and return it."""
        self.workloads.change(self.workloads.read(name), **changes)  # type: ignore[arg-type]
        until(lambda: self.workloads.read(name).settled, f"{name} {changes}")
        return self.workloads.read(name)


@pytest.fixture(scope="session")
def _shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    root = tmp_path_factory.mktemp("shop") / "sandbox"
    with up(root, CONFIG / "sandbox.yaml", life=Life.OWNED, clock=SystemClock()):
        yield Shop(root)


@pytest.fixture
def shop(_shop: Shop) -> Iterator[Shop]:
    """The example shop, brought back to its start after each test."""
    routes = _shop.routes.read()
    yield _shop
    _shop.settle("orders-canary", image="shop/orders:1.0", replicas=0)
    _shop.settle("orders", image="shop/orders:1.0", replicas=1)
    _shop.rehearsal.sync_after(0.0)
    until(lambda: all(replica.ready for replica in SandboxReplicas(_shop.root).list()), "every replica")
    if (now := _shop.routes.read()).files != routes.files:
        _shop.routes.write(routes.files, now)
        until(lambda: all(_shop.page(number) == "no such page in this shop\n" for number in (0, 1)), "the first routes")
    _shop.rehearsal.sync_after(0.3, 0.1)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A world file for a sandbox that a test starts, and may leave running."""
    world = tmp_path / "small.yaml"
    world.write_text(SMALL)
    yield world
    down(tmp_path / "sandbox", clock=SystemClock())
