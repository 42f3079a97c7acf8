"""I1 and I2 under steady traffic: what clients on every replica see while a release comes and goes."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx
import pytest

from gatewayctl.domain.platform import Replica
from tests.sandbox.shop import NEW, Shop

pytestmark = pytest.mark.sandbox

MOST = 20_000  # requests per client, a bound for a test that goes wrong


@dataclass
class Client:
    """One keep-alive client of one replica: every answer by who gave it, with the moment it was asked for."""

    replica: Replica
    headers: dict[str, str]
    stop: threading.Event
    seen: list[tuple[float, float, int, str]] = field(default_factory=list)

    def run(self) -> None:
        with httpx.Client(trust_env=False, timeout=10) as client:
            for _ in range(MOST):
                if self.stop.is_set():
                    return
                asked = time.monotonic()
                try:
                    answer = client.get(f"http://{self.replica.traffic}/api/orders/items", headers=self.headers)
                    found = (answer.status_code, answer.headers.get("x-served-by", ""))
                except httpx.HTTPError as fault:
                    found = (0, repr(fault))
                self.seen.append((asked, time.monotonic(), *found))
                self.stop.wait(0.01)


def clients(shop: Shop, stop: threading.Event, marked: dict[str, str]) -> list[Client]:
    host = {"host": "shop.example.com"}
    return [Client(replica, {**host, **marked}, stop) for replica in shop.wired.ports.gateway.replicas.list()]


@pytest.mark.shows("envoy", "edits under load")
def test_unmarked_traffic_never_fails_and_never_meets_the_canary(shop):
    stop = threading.Event()
    crowd = clients(shop, stop, {})
    threads = [threading.Thread(target=client.run) for client in crowd]
    for thread in threads:
        thread.start()
    try:
        done = shop.cli("release", "orders", "--image", NEW, "--promote", "on-success")
        over = time.monotonic()
        shop.wait(lambda: all(client.seen[-1][0] > over + 0.5 for client in crowd), "a little of the time after")
    finally:
        stop.set()
        for thread in threads:
            thread.join()

    assert done.returncode == 0, done.stderr
    for client in crowd:
        assert len(client.seen) > 100
        assert Counter(status for *_, status, _ in client.seen) == {200: len(client.seen)}
        assert [word for *_, word in client.seen if "canary" in word] == []


def test_between_routed_and_unroute_marked_traffic_meets_only_the_canary(shop):
    started = shop.told("start", "orders", "--image", NEW)
    stop = threading.Event()
    crowd = clients(shop, stop, {started["header"]["name"]: started["header"]["value"]})
    threads = [threading.Thread(target=client.run) for client in crowd]
    for thread in threads:
        thread.start()
    try:
        shop.wait(lambda: all(len(client.seen) > 100 for client in crowd), "some traffic")
        decided = time.monotonic()
        done = shop.cli("promote", "orders", "--untested")
        over = time.monotonic()
        shop.wait(lambda: all(client.seen[-1][0] > over for client in crowd), "an answer to each after the end")
    finally:
        stop.set()
        for thread in threads:
            thread.join()

    assert done.returncode == 0, done.stderr
    for client in crowd:
        assert Counter(status for *_, status, _ in client.seen) == {200: len(client.seen)}  # on the way out neither
        routed = [word for _, answered, _, word in client.seen if answered < decided]
        assert len(routed) > 90
        assert [word for word in routed if "canary" not in word] == []
        assert "canary" not in client.seen[-1][3]
