"""The example shop on a running sandbox, and the command line, as a person would use them."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gatewayctl.adapters.clock import SystemClock
from gatewayctl.adapters.sandbox import cluster
from gatewayctl.domain.platform import VersionedFiles
from gatewayctl.wiring.discovery import Session, wire
from gatewayctl.wiring.sandbox import sandbox_root
from tests.fakes.memory import Silent
from tests.signals import default_signals

ROOT = Path(__file__).parents[2]
STABLE, NEW = "shop/orders:1.0", "shop/orders:1.1"


@contextmanager
def spawn_command(*words: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Start `gatewayctl` with `words`; it is killed at the end of the block, if it still runs."""
    command = [sys.executable, "-m", "gatewayctl", *words]
    with default_signals():
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@dataclass
class Shop:
    """A sandbox with the example in it. `first` are its routes at the start."""

    folder: Path
    wired: Session
    first: VersionedFiles = field(init=False)

    def __post_init__(self) -> None:
        self.first = self.wired.ports.gateway.store.read()

    @property
    def config(self) -> Path:
        return self.wired.spec.file

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "GATEWAYCTL_CONFIG": str(self.config), "GATEWAYCTL_ACTOR": "tester"}

    def cli(self, *words: str, within: float = 120.0) -> subprocess.CompletedProcess[str]:
        """Run `gatewayctl` in another folder than that of the configuration."""
        return subprocess.run(
            [sys.executable, "-m", "gatewayctl", *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=within,
        )

    def read_json(self, *words: str) -> dict:
        """Run a command that must succeed, and return its JSON."""
        done = self.cli(*words, "-o", "json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    @contextmanager
    def spawn(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """A command that runs beside the test, killed at the end of the block."""
        with spawn_command(*words, cwd=self.folder, env=self.environment, stderr=subprocess.STDOUT) as process:
            yield process

    def release(self, image: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a whole release of orders, which promotes the image if it is good."""
        return self.cli("release", "orders", "--image", image, "--promote", "on-success", *words)

    def phase(self) -> str:
        """The phase of the release of orders, as journaled."""
        record = self.wired.ports.journal.load("orders")
        return record.release.phase.value if record else ""

    def wait(self, ready: Callable[[], object], what: str, within: float = 60.0) -> None:
        """Wait until `ready`, or fail with `what` after `within` seconds."""
        deadline = time.monotonic() + within
        while not ready():
            assert time.monotonic() < deadline, f"waited {within} s for {what}"
            time.sleep(0.01)

    def is_as_before(self) -> bool:
        """Whether routes, images, replicas and pods are as at the start."""
        workloads = self.wired.ports.workloads
        stable, canary = workloads.read("orders"), workloads.read("orders-canary")
        return (
            self.wired.ports.gateway.store.read().files == self.first.files
            and (stable.image, stable.replicas, stable.settled) == (STABLE, 1, True)
            and (canary.image, canary.replicas, canary.pods) == (STABLE, 0, ())
        )

    def is_promoted(self) -> bool:
        """Whether stable and canary have the new image, the canary has no pod, and the routes are as at the start."""
        workloads = self.wired.ports.workloads
        stable, canary = workloads.read("orders"), workloads.read("orders-canary")
        return (
            self.wired.ports.gateway.store.read().files == self.first.files
            and (stable.image, stable.settled) == (NEW, True)
            and (canary.image, canary.replicas, canary.pods) == (NEW, 0, ())
        )

    def reset(self) -> None:
        """Bring everything back to the start, after any test."""
        record = self.wired.ports.journal.load("orders")
        if record and not record.release.ended:
            self.wired.driver.abort("orders", "the next test begins")
        workloads = self.wired.ports.workloads
        for name, replicas in (("orders", 1), ("orders-canary", 0)):
            now = workloads.read(name)
            if (now.image, now.replicas) != (STABLE, replicas):
                self.wired.ports.workload_writer.change(now, image=STABLE, replicas=replicas)
        stored = self.wired.ports.gateway.store.read()
        if stored.files != self.first.files:
            self.wired.ports.gateway.store.write(self.first.files, stored)
        self.wait(self.is_as_before, "the shop to be as at the beginning")


@contextmanager
def a_shop(folder: Path, edit: Callable[[Path], None] = lambda _: None) -> Iterator[Shop]:
    """A copy of the example with its sandbox running; `edit` may change the copy before the start."""
    for name in ("gateway-config", "smoke"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".gatewayctl"))
    edit(folder)
    wired = wire(folder / "gateway-config" / "gatewayctl.yaml", Silent())
    world = wired.spec.platform.world
    assert world is not None
    with cluster.up(sandbox_root(wired.spec), world, life=cluster.Life.OWNED, clock=SystemClock()):
        yield Shop(folder, wired)


def shorten_times(folder: Path) -> None:
    """Shorten load and deadlines, for tests of other things."""
    file = folder / "gateway-config" / "gatewayctl.yaml"
    text = file.read_text()
    assert "users: 8, duration: 8s, slack: 25ms" in text
    assert "{ready: 20s}" in text
    text = text.replace("users: 8, duration: 8s, slack: 25ms", "users: 4, duration: 2s, samples: 2, slack: 1s")
    file.write_text(text.replace("{ready: 20s}", "{ready: 20s, live: 10s}"))
    world = folder / "gateway-config" / "sandbox.yaml"
    text = world.read_text()
    assert "sync_delay: 0.3s" in text
    world.write_text(text.replace("sync_delay: 0.3s", "sync_delay: 0.1s"))
