"""Somebody edits the gateway's ConfigMap all through a release: every edit of both survives, on the way in and out."""

import threading
from dataclasses import dataclass, field

import pytest

from gatewayctl.adapters.kubernetes.client.api import VersionConflict, connect
from gatewayctl.adapters.kubernetes.client.paths import config_maps
from tests.e2e.shop_cluster import LONG, SHORT, ShopCluster
from tests.e2e.watcher import watching

LINE = "# the bank takes its time"
EVERY = 2.0  # seconds between two edits; a release needs less for one of its own
RULE = "gatewayctl-orders-canary"


@dataclass
class Person:
    """Edits one comment again and again, as `kubectl edit` does: reads, changes, and writes if nobody else has."""

    cluster: ShopCluster
    edits: int = 0
    beside: int = 0
    lost: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, name="person")
        self._api = connect()
        self._path = config_maps(self.cluster.gateway, "gateway-routes")

    def __enter__(self) -> "Person":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def line(self, number: int) -> str:
        """The comment as it is after so many edits."""
        return f"{LINE}, edit {number}\n" if number else f"{LINE}\n"

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            found = self._api.get(self._path)
            text = found["data"]["rds.yaml"]
            if self.line(self.edits) not in text:
                self.lost.append(f"edit {self.edits} is gone from:\n{text}")
                return
            changed = text.replace(self.line(self.edits), self.line(self.edits + 1))
            version = found["metadata"]["resourceVersion"]
            try:
                self._api.merge(self._path, {"metadata": {"resourceVersion": version}, "data": {"rds.yaml": changed}})
            except VersionConflict:
                continue  # a release was quicker; a person looks again
            self.edits += 1
            self.beside += RULE in text


@pytest.mark.timeout(400)
@pytest.mark.usefixtures("routes_put_back")
def test_the_edits_of_a_person_and_of_a_release_all_survive_on_the_way_in_and_out(cluster: ShopCluster):
    before = cluster.routes()
    cluster.config.write_text(cluster.config.read_text().replace(SHORT, LONG))
    assert f"{LINE}\n" in before

    with watching(cluster) as watcher, Person(cluster) as person:
        for number in range(200):
            watcher.allow(before.replace(f"{LINE}\n", person.line(number)))
        done = cluster.run("release", "orders", "--image", "shop/orders:1.1", "--promote", "on-success")

    after = cluster.routes()
    cluster.api.merge(config_maps(cluster.gateway, "gateway-routes"), {"data": {"rds.yaml": before}})
    back = cluster.run("release", "orders", "--image", "shop/orders:1.0", "--promote", "on-success")
    assert done.code == 0, done.said
    assert back.code == 0, back.said
    assert not person.lost
    assert person.edits >= 2
    assert person.beside >= 1
    assert after == before.replace(f"{LINE}\n", person.line(person.edits))
    watcher.assert_held()
