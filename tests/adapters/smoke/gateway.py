"""A small gateway on loopback with two versions behind it: it routes by header, adds the stamp, and names the pods."""

import itertools
import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from gatewayctl.domain.evidence import AttributionRule, Identify, Identity
from gatewayctl.domain.routing import Header
from gatewayctl.domain.smoke import GatewayEndpoints
from tests.adapters.smoke.servers import serve

HEADER = Header("x-canary", "r-7f3c")
HOST = "shop.example.com"
STAMP = "r-7f3c"


@dataclass(frozen=True)
class ReceivedRequest:
    """One request as it reached the gateway."""

    replica: str
    method: str
    path: str
    mark: str
    host: str
    cookie: str = ""


@dataclass
class LoopbackGateway:
    """The URLs of its replicas, the requests received, and how the versions behave (seconds and status per request)."""

    urls: tuple[str, ...] = ()
    seen: list[ReceivedRequest] = field(default_factory=list)
    canary_delay: float = 0.0
    canary_status: Callable[[int], int] = lambda _number: 200
    misrouted: Callable[[int], bool] = lambda _number: False
    leaked: Callable[[int], bool] = lambda _number: False
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    redirects: dict[str, str] = field(default_factory=dict)  # where each path leads to
    cookies: dict[str, str] = field(default_factory=dict)  # which cookie each path sets

    def forget(self) -> None:
        """Forget all requests so far."""
        self.seen.clear()
        self.numbers = itertools.count()

    def endpoints(self, pointer: str = "") -> GatewayEndpoints:
        """The addresses and the header for a client; `pointer` is where a body names the pod."""
        return GatewayEndpoints(
            urls=self.urls,
            host=HOST,
            header=HEADER,
            attribution=AttributionRule(
                identify=Identify(pointer=pointer),
                identity=Identity("orders", "orders-canary"),
                stamp_header="x-gatewayctl-release",
                stamp=STAMP,
            ),
        )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    gateway: LoopbackGateway

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", "0")))
        self._answer()

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def _answer(self) -> None:
        gateway, mark, host = self.gateway, self.headers.get("x-canary", ""), self.headers.get("host", "")
        scheme = "https" if isinstance(self.server.socket, ssl.SSLSocket) else "http"
        replica = f"{scheme}://127.0.0.1:{self.server.server_address[1]}"
        gateway.seen.append(
            ReceivedRequest(replica, self.command, self.path, mark, host, self.headers.get("cookie", ""))
        )
        number = next(gateway.numbers)
        canary = not gateway.misrouted(number) if mark == HEADER.value else gateway.leaked(number)
        if canary and gateway.canary_delay:
            time.sleep(gateway.canary_delay)
        status = gateway.canary_status(number) if canary else 200
        headers = {"x-gatewayctl-release": STAMP} if canary else {}
        pod = "orders-canary-5d9-x2x4v" if canary else "orders-77c-bb2b4"
        if self.path == "/from-nobody":
            status, headers, pod = 503, {}, ""
        if self.path == "/missing":
            status = 404
        if self.path in {"/redirect": "/items", **gateway.redirects}:
            status, headers["location"] = 302, {"/redirect": "/items", **gateway.redirects}[self.path]
        if self.path in gateway.cookies:
            headers["set-cookie"] = gateway.cookies[self.path]
        self._send(status, {**headers, **({"x-served-by": pod} if pod else {})}, json.dumps({"pod": pod}).encode())

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def run_gateway(replicas: int = 2, tls: ssl.SSLContext | None = None) -> Iterator[LoopbackGateway]:
    """A gateway with this number of replicas, until the end of the block; over TLS with a context."""
    gateway = LoopbackGateway()
    handler = type("Handler", (_Handler,), {"gateway": gateway})
    with serve(handler, replicas, tls) as gateway.urls:
        yield gateway
