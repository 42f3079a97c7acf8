"""The example shop by itself: how each version behaves, and how one stops."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from gatewayctl.adapters.sandbox.addresses import claim
from gatewayctl.example import example_folder
from tests.adapters.sandbox.conftest import until
from tests.signals import default_signals

PORT = 8080
pytestmark = pytest.mark.sandbox


@dataclass(frozen=True, slots=True)
class ShopProcess:
    """A process with the shop."""

    address: str
    process: subprocess.Popen[bytes]

    def connect(self) -> HTTPConnection:
        connection = HTTPConnection(self.address, PORT, timeout=10)
        connection.connect()
        return connection

    def request(self, path: str, method: str = "GET", body: bytes | None = None) -> tuple[int, object]:
        connection = self.connect()
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)


def listens(address: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, PORT)) == 0


@contextmanager
def run_shop(*arguments: str) -> Iterator[ShopProcess]:
    block = claim("", [PORT])
    address = block.pod(())
    env = {**os.environ, "POD_NAME": "orders-abc12", "POD_IP": address, "PORT": str(PORT)}
    command = [sys.executable, "-m", "gatewayctl.example.shop", "--app", "orders", "--version", "1.0", *arguments]
    with default_signals():
        started = subprocess.Popen(command, env=env, stderr=subprocess.PIPE)
    with started as process:
        try:
            until(lambda: process.poll() is not None or listens(address), "the shop")
            yield ShopProcess(address, process)
        finally:
            process.kill()
            block.dns.close()


@pytest.fixture(scope="module")
def shop() -> Iterator[ShopProcess]:
    with run_shop() as process:
        yield process


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "part"),
    [
        ("GET", "/healthz", None, 200, {"ready": True}),
        ("GET", "/api/orders/health", None, 200, {"status": "ok"}),
        ("GET", "/api/orders/items/2", None, 200, {"id": 2}),
        ("GET", "/api/orders/items/2?x=1", None, 200, {"id": 2}),
        ("GET", "/api/orders/slow?ms=1", None, 200, {"slept": 0.001}),
        ("POST", "/api/orders/items", b'{"a": [1]}', 201, {"received": {"a": [1]}}),
        ("POST", "/api/orders/items", b"", 201, {"received": None}),
        ("GET", "/api/orders/items/99", None, 404, {}),
        ("GET", "/api/orders/items/x", None, 404, {}),
        ("GET", "/api/orders/items/" + "9" * 5000, None, 404, {}),
        ("GET", "/api/payments/items", None, 404, {}),
        ("GET", "/", None, 404, {}),
        ("GET", "/api/orders/slow?ms=-1", None, 400, {}),
        ("GET", "/api/orders/slow?ms=1e9", None, 400, {}),
        ("POST", "/api/orders/items", b"{", 400, {}),
        ("POST", "/api/orders/items", b"[" * 60_000, 400, {}),
        ("POST", "/api/orders/items", b"x" * 70_000, 413, {}),
        ("POST", "/api/orders/health", b"1", 404, {}),
    ],
)
def test_every_answer_says_who_gave_it(
    shop: ShopProcess, method: str, path: str, body: bytes | None, status: int, part: dict[str, object]
) -> None:
    found, content = shop.request(path, method, body)

    assert isinstance(content, dict)
    assert found == status
    signature = {"app": "orders", "version": "1.0", "pod": "orders-abc12"}
    assert content.items() >= {**signature, **part}.items()


def test_items_are_a_list_and_the_headers_sign_it(shop: ShopProcess) -> None:
    connection = shop.connect()
    connection.request("GET", "/api/orders/items")
    answer = connection.getresponse()

    assert [item["id"] for item in json.loads(answer.read())] == [1, 2, 3, 4, 5]
    assert answer.getheader("x-served-by") == "orders-abc12"
    assert answer.getheader("x-version") == "1.0"
    connection.close()


def test_only_who_has_logged_in_sees_the_account(shop: ShopProcess) -> None:
    connection = shop.connect()
    connection.request("POST", "/api/orders/login")
    login = connection.getresponse()
    login.read()
    cookie = str(login.headers["set-cookie"]).partition(";")[0]
    connection.request("GET", "/api/orders/account", headers={"cookie": cookie})
    answer = json.loads(connection.getresponse().read())
    connection.close()

    assert answer["customer"] == "anna"
    assert shop.request("/api/orders/account")[0] == 401


def test_a_body_without_length_is_refused_and_ends_the_connection(shop: ShopProcess) -> None:
    connection = shop.connect()
    connection.request("POST", "/api/orders/items", iter([b"1"]), {"transfer-encoding": "chunked"}, encode_chunked=True)
    answer = connection.getresponse()

    assert (answer.status, answer.getheader("connection")) == (411, "close")
    connection.close()


def test_a_connection_is_kept_for_the_next_request(shop: ShopProcess) -> None:
    connection = shop.connect()
    ports = []
    for _ in range(3):
        connection.request("GET", "/api/orders/items/1")
        connection.getresponse().read()
        ports.append(connection.sock.getsockname()[1])

    assert len(set(ports)) == 1
    connection.close()


def test_the_failing_version_fails_three_times_in_ten_and_stays_healthy() -> None:
    with run_shop("--behaviour", "errors") as shop:
        statuses = [shop.request("/api/orders/items/1")[0] for _ in range(20)]
        health = [shop.request(path)[0] for path in ("/healthz", "/api/orders/health") for _ in range(5)]

    assert statuses.count(500) == 6
    assert statuses.count(200) == 14
    assert set(health) == {200}


def test_the_unready_version_answers_everything_but_readiness() -> None:
    with run_shop("--behaviour", "unready") as shop:
        assert shop.request("/healthz")[0] == 503
        assert shop.request("/api/orders/items/1")[0] == 200


def test_the_crashing_version_says_why() -> None:
    with run_shop("--behaviour", "crash") as shop:
        assert shop.process.wait(10) == 1
        assert shop.process.stderr is not None
        assert b"cannot open its database" in shop.process.stderr.read()


def in_background(connection: HTTPConnection, path: str) -> tuple[threading.Thread, list[HTTPResponse]]:
    """Send a request, and wait for the answer in a thread."""
    answers: list[HTTPResponse] = []

    def wait() -> None:
        answer = connection.getresponse()
        answer.read()
        answers.append(answer)

    connection.request("GET", path)
    thread = threading.Thread(target=wait)
    thread.start()
    return thread, answers


def test_a_shop_that_gets_a_signal_to_stop_answers_all_requests_and_closes_connections() -> None:
    with run_shop() as shop:
        connection = shop.connect()
        thread, answers = in_background(connection, "/api/orders/slow?ms=500")
        shop.process.send_signal(signal.SIGTERM)
        until(lambda: not listens(shop.address), "the listener to close")

        thread.join(5)

        assert [(answer.status, answer.getheader("connection")) for answer in answers] == [(200, "close")]
        assert shop.process.wait(5) == 0
        connection.close()


def test_an_idle_connection_is_still_served_once_after_the_shop_got_a_signal_to_stop() -> None:
    with run_shop() as shop:
        connection = shop.connect()
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        shop.process.send_signal(signal.SIGTERM)
        until(lambda: not listens(shop.address), "the listener to close")

        connection.request("GET", "/api/orders/items/1")
        answer = connection.getresponse()

        assert (answer.status, answer.getheader("connection")) == (200, "close")
        assert shop.process.wait(5) == 0
        connection.close()


def test_a_connection_that_only_the_kernel_has_accepted_is_served_after_the_shop_got_a_signal_to_stop() -> None:
    with run_shop() as shop:
        shop.process.send_signal(signal.SIGSTOP)
        connections = [shop.connect() for _ in range(100)]
        for connection in connections:
            connection.request("GET", "/api/orders/items/1")
        shop.process.send_signal(signal.SIGTERM)
        shop.process.send_signal(signal.SIGCONT)

        statuses = [connection.getresponse().status for connection in connections]

        assert statuses == [200] * 100
        assert shop.process.wait(5) == 0
        for connection in connections:
            connection.close()


def test_a_shop_with_nothing_to_do_stops_at_once() -> None:
    with run_shop() as shop:
        assert shop.stop() == 0


def test_the_example_folder_has_the_gateways_files() -> None:
    assert {path.name for path in Path(example_folder(), "gateway-config").glob("*.yaml")} == {
        "bootstrap.yaml",
        "gatewayctl.yaml",
        "kustomization.yaml",
        "rds.yaml",
        "ramp.yaml",
        "sandbox.yaml",
    }
