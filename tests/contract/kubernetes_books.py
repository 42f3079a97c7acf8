"""Journal and leases in a cluster, under the contract of their ports: a ConfigMap and a Lease per application."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gatewayctl.adapters.files.evidence import FileEvidence
from gatewayctl.adapters.kubernetes.client.api import Api, connect
from gatewayctl.adapters.kubernetes.client.names import TURNS, own_name
from gatewayctl.adapters.kubernetes.client.paths import config_maps, leases
from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace
from gatewayctl.adapters.kubernetes.state.journal import KubernetesJournal
from gatewayctl.adapters.kubernetes.state.leases import KubernetesLeases
from gatewayctl.adapters.kubernetes.state.turns import KubernetesTurns
from gatewayctl.ports import Journal
from tests.adapters.kubernetes.fake_api.http import Reply
from tests.adapters.kubernetes.fake_api.server import FakeApiServer, connect_to_fake
from tests.contract.harness import Books
from tests.contract.on_real_time import RealTimeBooks, closed_at_end

_APPS = ("orders", "payments")


@dataclass
class RoutesWrittenAtOnce:
    """Routes whose next write is always done already."""

    behind: int = 0

    def waiting(self) -> int:
        return self.behind


class KubernetesBooks(RealTimeBooks):
    """The ports over one namespace of its own; evidence stays in files."""

    kept, ttl = 5, 15.0

    def __init__(self, api: Api, namespace: str, folder: Path, staleness: float = 5.0) -> None:
        super().__init__()
        self._api, self._namespace = api, namespace
        self.journal = KubernetesJournal(api, namespace, keep=self.kept, staleness=staleness)
        self.leases = KubernetesLeases(api, namespace, self.clock, ttl=self.ttl)
        self.evidence = FileEvidence(folder)
        place = GatewayPlace(namespace, "app=gateway", "gateway-routes", ("rds.yaml",), 8000)
        self.turns = KubernetesTurns(api, place, RoutesWrittenAtOnce(), self.clock)

    def journal_elsewhere(self) -> Journal:
        return KubernetesJournal(self._api, self._namespace, keep=self.kept)


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
    try:
        with closed_at_end(KubernetesBooks(api, namespace, folder)) as books:
            yield books
    finally:
        for app in _APPS:
            api.delete(config_maps(namespace, own_name(app)))
            api.delete(leases(namespace, own_name(app)))
        api.delete(leases(namespace, TURNS))


@contextmanager
def fake_kubernetes_books(folder: Path) -> Iterator[Books]:
    """The same adapters, with nothing stored, over real HTTP to the fake API server."""
    with connect_to_fake(folder) as (_, api), closed_at_end(KubernetesBooks(api, "shop", folder)) as books:
        yield books


@contextmanager
def silent_kubernetes_books(folder: Path) -> Iterator[Books]:
    """The same, where every watch is agreed to and then says nothing, as on a connection that broke unnoticed."""
    server = FakeApiServer(watch=Reply(silent=True))
    with (
        connect_to_fake(folder, server) as (_, api),
        closed_at_end(KubernetesBooks(api, "shop", folder, staleness=0.5)) as books,
    ):
        yield books
