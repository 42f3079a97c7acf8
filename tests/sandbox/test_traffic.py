"""Invariants I1 and I2 under steady traffic: what clients of each replica get during a release."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from gatewayctl.domain.platform import Replica
from tests.sandbox.shop import NEW, Shop

pytestmark = pytest.mark.sandbox

MOST = 20_000  # requests per client, a bound for a test that goes wrong


@dataclass
class Client:
    """A client of one replica, on one connection. `seen` has times (sent, answered), status and pod of each request."""

    replica: Replica
    headers: dict[str, str]
    stop: threading.Event
    seen: list[tuple[float, float, int, str]] = field(default_factory=list)

    def run(self) -> None:
        with httpx.Client(trust_env=False, timeout=10) as client:
            for _ in range(MOST):
                if self.stop.is_set():
                    return
                sent = time.monotonic()
                try:
                    answer = client.get(f"http://{self.replica.traffic}/api/orders/items", headers=self.headers)
                    found = (answer.status_code, answer.headers.get("x-served-by", ""))
                except httpx.HTTPError as fault:
                    found = (0, repr(fault))
                self.seen.append((sent, time.monotonic(), *found))
                self.stop.wait(0.01)


@contextmanager
def steady_requests(shop: Shop, headers: dict[str, str]) -> Iterator[list[Client]]:
    """One client for each replica, which sends until the block ends."""
    stop, headers = threading.Event(), {"host": "shop.example.com", **headers}
    clients = [Client(replica, headers, stop) for replica in shop.wired.ports.gateway.replicas.list()]
    threads = [threading.Thread(target=client.run) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield clients
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.shows("envoy", "edits under load")
def test_unmarked_traffic_never_fails_and_never_meets_the_canary(shop):
    with steady_requests(shop, {}) as clients:
        done = shop.release(NEW)
        over = time.monotonic()
        shop.wait(lambda: all(client.seen[-1][0] > over + 0.5 for client in clients), "a little of the time after")

    assert done.returncode == 0, done.stderr
    for client in clients:
        assert len(client.seen) > 100
        assert Counter(status for *_, status, _ in client.seen) == {200: len(client.seen)}
        assert [word for *_, word in client.seen if "canary" in word] == []


def test_between_routed_and_unroute_marked_traffic_meets_only_the_canary(shop):
    started = shop.read_json("start", "orders", "--image", NEW)
    with steady_requests(shop, {started["header"]["name"]: started["header"]["value"]}) as clients:
        shop.wait(lambda: all(len(client.seen) > 100 for client in clients), "some traffic")
        decided = time.monotonic()
        done = shop.cli("promote", "orders", "--untested")
        over = time.monotonic()
        shop.wait(lambda: all(client.seen[-1][0] > over for client in clients), "an answer to each after the end")

    assert done.returncode == 0, done.stderr
    for client in clients:
        assert Counter(status for *_, status, _ in client.seen) == {200: len(client.seen)}  # on the way out neither
        routed = [word for _, answered, _, word in client.seen if answered < decided]
        assert len(routed) > 90
        assert [word for word in routed if "canary" not in word] == []
        assert "canary" not in client.seen[-1][3]
