"""Ports of Pods on this machine, against a server that speaks the port-forward protocol."""

import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from gatewayctl.adapters.kubernetes.client.api import Api
from gatewayctl.adapters.kubernetes.gateway.port_forward import PortForwards
from gatewayctl.domain.errors import EnvironmentFailed
from tests.adapters.kubernetes.fake_api.websocket import accept_websocket

BINARY, CLOSE = 2, 8


class Tunnel(socketserver.StreamRequestHandler):
    """One Pod whose port answers every line in capitals; `bye` ends it, `error` is a word on the error channel."""

    asked: list[str]
    refuse = False

    def handle(self) -> None:
        head = ""
        while not head.endswith("\r\n\r\n"):
            head += self.rfile.readline().decode()
        self.asked.append(head)
        if self.refuse:
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        self.wfile.write(accept_websocket(head))
        for channel in (0, 1):
            self.send(bytes([channel]) + struct.pack("<H", 8000))
        while (message := self.receive()) is not None:
            if b"bye" in message:
                return
            self.send(b"\x01no such port" if b"error" in message else message.upper())

    def send(self, data: bytes) -> None:
        if len(data) < 126:
            size = bytes([len(data)])
        elif len(data) < 65536:
            size = bytes([126]) + struct.pack(">H", len(data))
        else:
            size = bytes([127]) + struct.pack(">Q", len(data))
        self.wfile.write(bytes([0x80 | BINARY]) + size + data)

    def receive(self) -> bytes | None:
        head = self.rfile.read(2)
        if len(head) < 2 or head[0] & 15 == CLOSE:
            return None
        size = head[1] & 127
        if size == 126:
            size = struct.unpack(">H", self.rfile.read(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", self.rfile.read(8))[0]
        mask = self.rfile.read(4)
        return bytes(one ^ mask[n % 4] for n, one in enumerate(self.rfile.read(size)))


@pytest.fixture
def handler() -> type[Tunnel]:
    return type("OneTunnel", (Tunnel,), {"asked": []})


@pytest.fixture
def forwards(handler: type[Tunnel]) -> Iterator[PortForwards]:
    from kubernetes.client import ApiClient, Configuration

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = False

    server = Server(("127.0.0.1", 0), handler)
    settings = Configuration(host=f"http://127.0.0.1:{server.server_address[1]}")
    settings.api_key = {"authorization": "Bearer abc"}
    found = PortForwards(Api(ApiClient(settings), "loopback", "a test"), "gateway")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield found
    finally:
        found.close()
        server.shutdown()
        thread.join()
        server.server_close()


def connected(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), 10)


def answer(connection: socket.socket, sent: bytes) -> bytes:
    """As many bytes as were sent, or fewer if the connection ends."""
    connection.sendall(sent)
    found = b""
    while len(found) < len(sent) and (chunk := connection.recv(65536)):
        found += chunk
    return found


def settled(ready: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not ready():
        assert time.monotonic() < deadline, f"waited 20 s for {what}"
        time.sleep(0.01)


def test_bytes_pass_both_ways_with_the_users_token_and_the_pods_port(
    forwards: PortForwards, handler: type[Tunnel]
) -> None:
    with connected(forwards.address("gateway-1", 8000)) as connection:
        assert answer(connection, b"hello") == b"HELLO"
        assert answer(connection, b"again") == b"AGAIN"

    (head,) = handler.asked
    assert head.startswith("GET /api/v1/namespaces/gateway/pods/gateway-1/portforward?ports=8000 ")
    assert "authorization: Bearer abc" in head


def test_more_than_one_message_arrives_whole(forwards: PortForwards) -> None:
    sent = b"abcdefgh" * 40_000

    with connected(forwards.address("gateway-1", 8000)) as connection:
        assert answer(connection, sent) == sent.upper()


def test_a_port_keeps_its_address_and_each_connection_gets_a_tunnel_of_its_own(
    forwards: PortForwards, handler: type[Tunnel]
) -> None:
    address = forwards.address("gateway-1", 8000)
    assert forwards.address("gateway-1", 8000) == address
    assert forwards.address("gateway-2", 8000) != address

    with connected(address) as one, connected(address) as two:
        assert answer(one, b"bye") == b""
        assert answer(two, b"two") == b"TWO"
    assert len(handler.asked) == 2


def test_an_error_of_the_pods_port_ends_the_connection(forwards: PortForwards) -> None:
    with connected(forwards.address("gateway-1", 8000)) as connection:
        assert answer(connection, b"error") == b""


def test_a_tunnel_that_is_refused_ends_the_connection_and_the_next_one_is_tried_anew(
    forwards: PortForwards, handler: type[Tunnel]
) -> None:
    address = forwards.address("gateway-1", 8000)
    handler.refuse = True
    with connected(address) as connection:
        assert connection.recv(1) == b""
    handler.refuse = False
    with connected(address) as connection:
        assert answer(connection, b"hello") == b"HELLO"


def test_an_attempt_that_is_refused_raises_with_the_reason(forwards: PortForwards, handler: type[Tunnel]) -> None:
    forwards.attempt("gateway-1", 8000)
    handler.refuse = True

    with pytest.raises(EnvironmentFailed, match=r"cannot forward to port 8000 of .*gateway-1.* 403"):
        forwards.attempt("gateway-1", 8000)


def test_the_forwards_of_a_pod_that_is_gone_end_and_the_others_stay(forwards: PortForwards) -> None:
    gone, stays = forwards.address("gateway-1", 8000), forwards.address("gateway-2", 8000)
    with connected(gone) as one, connected(stays) as two:
        assert answer(one, b"one") == b"ONE"

        forwards.keep({"gateway-2"})

        assert one.recv(1) == b""
        assert answer(two, b"two") == b"TWO"
    with pytest.raises(ConnectionRefusedError):
        connected(gone)


def test_after_closing_no_thread_is_left(forwards: PortForwards) -> None:
    with connected(forwards.address("gateway-1", 8000)) as connection:
        assert answer(connection, b"one") == b"ONE"
        forwards.close()

    def ours() -> list[str]:
        return [one.name for one in threading.enumerate() if one.name.startswith("forward ")]

    settled(lambda: not ours(), "the threads to end")
