"""The example shop: one small HTTP service per application, in versions that behave well or badly on purpose.

It stops as a service behind a gateway should: it answers all accepted requests, ends connections with
`Connection: close`, and lets the gateway close idle ones, because only the gateway can do this without losing a
request.
"""

import argparse
import itertools
import json
import os
import signal
import socket
import socketserver
import sys
import threading
import time
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

_ITEMS = 5
_LARGEST_BODY = 64 * 1024  # bytes
_LONGEST_SLEEP = 5.0  # seconds; the limit for /slow
_SLOWER = 0.080  # seconds that the slow version adds
_FAILING = (2, 5, 8)  # of every ten requests to the failing version: 30%, and the same each time
_EVERY_50TH = 49  # of every fifty requests to the version with few errors: 2%, the last one of them
_TIMES_SLOWER = 3
_IDLE_DRAIN = 2.5  # seconds; longer than the gateway keeps an idle connection (1 s in the example bootstrap)
_UNREAD_DRAIN, _UNREAD_READS = 0.5, 20  # seconds without data, and number of reads, of a body that was refused
_BUSY_DRAIN = 8.0  # seconds for requests in progress


class Behaviour(StrEnum):
    """How a version behaves."""

    OK = "ok"
    ERRORS = "errors"
    SLOW = "slow"
    CRASH = "crash"
    UNREADY = "unready"
    ERRORS_2_PERCENT = "errors2pct"
    SLOW_3_TIMES = "slow3x"


@dataclass(frozen=True, slots=True)
class ShopReply:
    """An answer that is not sent yet."""

    status: HTTPStatus
    content: Any
    cookie: str = ""


class Shop(ThreadingHTTPServer):
    """One application's server; knows its open connections and the requests in flight."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    def __init__(self, address: tuple[str, int], app: str, version: str, behaviour: Behaviour) -> None:
        self.app, self.version, self.behaviour = app, version, behaviour
        self.pod = os.environ.get("POD_NAME", "local")
        self.draining = threading.Event()
        self.count = itertools.count()
        self._lock = threading.Lock()
        self._connections = self._busy = 0
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind without the reverse look-up of our own address that HTTPServer does."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[0], self.server_address[1]  # type: ignore[assignment]

    def note(self, connections: int = 0, busy: int = 0) -> None:
        """Count connections and requests up or down."""
        with self._lock:
            self._connections += connections
            self._busy += busy

    def process_request(self, request: Any, client_address: Any) -> None:
        """Count the connection before its thread starts, so that a drain does not miss it."""
        self.note(connections=1)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close the connection, and count it down."""
        super().shutdown_request(request)
        self.note(connections=-1)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print an error, unless it is only a client that closed its connection."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)

    def accept_waiting(self) -> None:
        """Accept connections that the kernel has accepted already: closing the listener would reset them."""
        self.socket.settimeout(0)
        while True:
            try:
                request, address = self.get_request()
            except OSError:
                break
            request.settimeout(None)
            self.process_request(request, address)
        self.server_close()

    def drain(self) -> None:
        """Return when all requests are answered and connections closed, or when the time limits are over."""
        begun = time.monotonic()
        while True:
            with self._lock:
                connections, busy = self._connections, self._busy
            waited = time.monotonic() - begun
            if not connections or waited > _BUSY_DRAIN or (not busy and waited > _IDLE_DRAIN):
                return
            time.sleep(0.01)


class _Handler(BaseHTTPRequestHandler):
    server: Shop
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 60
    server_version = "shop"
    sys_version = ""
    _unread = False

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name is http.server's)
        """Log nothing: the gateway logs requests."""

    def do_GET(self) -> None:
        """Answer one GET."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Answer one POST."""
        self._answer(self._post)

    def _answer(self, route: Any) -> None:
        self.server.note(busy=1)
        try:
            begun = time.monotonic()
            reply = self._misbehave() or route()
            if self.server.behaviour is Behaviour.SLOW_3_TIMES and not self._is_health_path():
                time.sleep((_TIMES_SLOWER - 1) * (time.monotonic() - begun))
            self._send(reply)
        finally:
            self.server.note(busy=-1)

    def _misbehave(self) -> ShopReply | None:
        if self._is_health_path():
            return None
        if self.server.behaviour is Behaviour.SLOW:
            time.sleep(_SLOWER)
        if self._fails():
            self._body()
            return ShopReply(
                HTTPStatus.INTERNAL_SERVER_ERROR, self._with_identity(error="this version fails now and then")
            )
        return None

    def _fails(self) -> bool:
        match self.server.behaviour:
            case Behaviour.ERRORS:
                return next(self.server.count) % 10 in _FAILING
            case Behaviour.ERRORS_2_PERCENT:
                return next(self.server.count) % 50 == _EVERY_50TH
            case _:
                return False

    def _is_health_path(self) -> bool:
        return urlsplit(self.path).path in ("/healthz", f"/api/{self.server.app}/health")

    def _get(self) -> ShopReply:
        url, base = urlsplit(self.path), f"/api/{self.server.app}"
        if url.path == "/healthz":
            ready = self.server.behaviour is not Behaviour.UNREADY
            return ShopReply(
                HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE, self._with_identity(ready=ready)
            )
        if url.path == f"{base}/health":
            return ShopReply(HTTPStatus.OK, self._with_identity(status="ok"))
        if url.path == f"{base}/items":
            return ShopReply(HTTPStatus.OK, [self._item(number) for number in range(1, _ITEMS + 1)])
        if url.path == f"{base}/slow":
            return self._slow(url.query)
        if url.path == f"{base}/account":
            return self._account()
        number = url.path.removeprefix(f"{base}/items/")
        if number != url.path and number.isascii() and number.isdigit() and 1 <= int(number[:9]) <= _ITEMS:
            return ShopReply(HTTPStatus.OK, self._with_identity(**self._item(int(number))))
        return ShopReply(HTTPStatus.NOT_FOUND, self._with_identity(error="there is nothing here"))

    def _account(self) -> ShopReply:
        """The account of the customer whose cookie the request has."""
        given = SimpleCookie(self.headers.get("cookie", "")).get("customer")
        if given is None:
            return ShopReply(HTTPStatus.UNAUTHORIZED, self._with_identity(error="log in first"))
        return ShopReply(HTTPStatus.OK, self._with_identity(customer=given.value))

    def _slow(self, query: str) -> ShopReply:
        asked = parse_qs(query).get("ms", ["100"])[0]
        if not (asked.isascii() and asked.isdigit() and len(asked) < 7):
            return ShopReply(HTTPStatus.BAD_REQUEST, self._with_identity(error="ms is a number of milliseconds"))
        seconds = min(int(asked) / 1000, _LONGEST_SLEEP)
        time.sleep(seconds)
        return ShopReply(HTTPStatus.OK, self._with_identity(slept=seconds))

    def _post(self) -> ShopReply:
        body = self._body()
        if isinstance(body, ShopReply):
            return body
        path, base = urlsplit(self.path).path, f"/api/{self.server.app}"
        if path == f"{base}/login":
            return ShopReply(HTTPStatus.OK, self._with_identity(), cookie=f"customer=anna; Path={base}/; HttpOnly")
        if path != f"{base}/items":
            return ShopReply(HTTPStatus.NOT_FOUND, self._with_identity(error="there is nothing here"))
        try:
            return ShopReply(HTTPStatus.CREATED, self._with_identity(received=json.loads(body or b"null")))
        except (ValueError, RecursionError):
            return ShopReply(HTTPStatus.BAD_REQUEST, self._with_identity(error="the body is not JSON"))

    def _body(self) -> bytes | ShopReply:
        """The body of the request, or a refusal; a body that was refused also ends the connection."""
        length = self.headers.get("content-length", "" if "transfer-encoding" in self.headers else "0")
        if not length.isdigit() or int(length[:9]) > _LARGEST_BODY:
            self.close_connection = self._unread = True
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if length.isdigit() else HTTPStatus.LENGTH_REQUIRED
            return ShopReply(
                status, self._with_identity(error=f"a body of at most {_LARGEST_BODY} bytes, with its length")
            )
        return self.rfile.read(int(length))

    def finish(self) -> None:
        """Read what a client still sends of a refused body: else the connection is reset and our answer lost."""
        super().finish()
        if self._unread:
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(_UNREAD_DRAIN)
            for _ in range(_UNREAD_READS):
                if not self.connection.recv(_LARGEST_BODY):
                    break

    def _item(self, number: int) -> dict[str, Any]:
        return {"id": number, "name": f"{self.server.app} {number}"}

    def _with_identity(self, **content: Any) -> dict[str, Any]:
        return {"app": self.server.app, "version": self.server.version, "pod": self.server.pod, **content}

    def _send(self, reply: ShopReply) -> None:
        content = json.dumps(reply.content).encode()
        self.send_response(reply.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.send_header("x-served-by", self.server.pod)
        self.send_header("x-version", self.server.version)
        if reply.cookie:
            self.send_header("set-cookie", reply.cookie)
        if self.server.draining.is_set():
            self.close_connection = True
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(content)


def main() -> int:
    """Serve on $POD_IP:$PORT until SIGTERM."""
    parser = argparse.ArgumentParser(prog="gatewayctl.example.shop")
    parser.add_argument("--app", default=os.environ.get("SHOP_APP", "orders"))
    parser.add_argument("--version", default=os.environ.get("SHOP_VERSION", "0"))
    behaviour = os.environ.get("SHOP_BEHAVIOUR", Behaviour.OK)
    parser.add_argument("--behaviour", type=Behaviour, choices=list(Behaviour), default=Behaviour(behaviour))
    given = parser.parse_args()
    if given.behaviour is Behaviour.CRASH:
        sys.stderr.write(f"{given.app} {given.version}: cannot open its database, giving up\n")
        return 1
    address = (os.environ.get("POD_IP", "127.0.0.1"), int(os.environ.get("PORT", "8080")))
    # Blocked before the first thread starts, so that sigwait gets the signal at any time.
    ending = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)
    shop = Shop(address, given.app, given.version, given.behaviour)
    threading.Thread(target=shop.serve_forever, args=(0.05,), daemon=True).start()
    sys.stderr.write(f"{given.app} {given.version} serves on {address[0]}:{address[1]}\n")
    signal.sigwait(ending)
    shop.draining.set()
    shop.shutdown()
    shop.accept_waiting()
    shop.drain()
    return 0


if __name__ == "__main__":
    sys.exit(main())
