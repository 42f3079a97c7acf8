"""Journal and leases in a cluster, under the contract of their ports: a ConfigMap and a Lease per application."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from gatewayctl.adapters.files.evidence import FileEvidence
from gatewayctl.adapters.kubernetes.client.api import Api, connect
from gatewayctl.adapters.kubernetes.client.names import own_name
from gatewayctl.adapters.kubernetes.client.paths import config_maps, leases
from gatewayctl.adapters.kubernetes.state.journal import KubernetesJournal
from gatewayctl.adapters.kubernetes.state.leases import KubernetesLeases
from gatewayctl.domain.platform import Holder
from tests.contract.harness import Books
from tests.contract.sandbox import MovingClock

_APPS = ("orders", "payments")


class KubernetesBooks:
    """The ports over one namespace of its own; evidence stays in files."""

    kept, ttl = 5, 15.0

    def __init__(self, api: Api, namespace: str, folder: Path) -> None:
        self._clock = MovingClock()
        self.journal = KubernetesJournal(api, namespace, keep=self.kept)
        self.leases = KubernetesLeases(api, namespace, self._clock, ttl=self.ttl)
        self.evidence = FileEvidence(folder)
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def here(self, actor: str) -> Holder:
        process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        self._processes[process.pid] = process
        return Holder(actor, os.uname().nodename, process.pid, self._clock.wall())

    def elsewhere(self, actor: str) -> Holder:
        return Holder(actor, "elsewhere.example", 4711, self._clock.wall())

    def end_process(self, holder: Holder) -> None:
        process = self._processes.pop(holder.pid)
        process.kill()
        process.communicate()

    def pass_time(self, seconds: float) -> None:
        self._clock.ahead += seconds

    def document(self, release: str, name: str) -> str | None:
        path = Path(self.evidence.folder(release), name)
        return path.read_bytes().decode() if path.exists() else None

    def close(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.communicate()


@cache
def _session() -> tuple[Api, str]:
    """A namespace for all tests of this process."""
    import atexit

    api, namespace = connect(), f"books-{secrets.token_hex(3)}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    api.create("/api/v1/namespaces", body)
    atexit.register(api.delete, f"/api/v1/namespaces/{namespace}")
    return api, namespace


@contextmanager
def kubernetes_books(folder: Path) -> Iterator[Books]:
    """The ports with nothing stored, in the cluster of $KUBECONFIG."""
    api, namespace = _session()
    books = KubernetesBooks(api, namespace, folder)
    try:
        yield books
    finally:
        books.close()
        for app in _APPS:
            api.delete(config_maps(namespace, own_name(app)))
            api.delete(leases(namespace, own_name(app)))


@contextmanager
def toy_books(folder: Path) -> Iterator[Books]:
    """The same adapters, with nothing stored, over real HTTP to a small API server on loopback."""
    from tests.adapters.kubernetes.fake_api.http import Shelf, serving

    with serving(Shelf().answer, folder) as kubeconfig:
        books = KubernetesBooks(connect(file=kubeconfig), "shop", folder)
        try:
            yield books
        finally:
            books.close()
