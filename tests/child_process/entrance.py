"""A small gateway with a login, redirects and a WebSocket, on loopback; over TLS if it is given a context."""

import base64
import hashlib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.adapters.smoke.gateway import HEADER, STAMP
from tests.adapters.smoke.servers import serve

_WEBSOCKET_KEY = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclass
class Entrance:
    """The URLs of its replicas, and all requests: path and headers, names in lower case."""

    urls: tuple[str, ...] = ()
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def marks(self) -> set[str]:
        """The marks of all requests."""
        return {headers.get("x-canary", "") for _, headers in self.seen}

    def hosts(self) -> set[str]:
        """The Hosts of all requests."""
        return {headers.get("host", "") for _, headers in self.seen}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    entrance: Entrance

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.entrance.seen.append((self.path, headers))
        parts = urlsplit(self.path)
        canary = headers.get("x-canary") == HEADER.value
        pod = "orders-canary-5d9-x2x4v" if canary else "orders-77c-bb2b4"
        named = {"x-served-by": pod, **({"x-gatewayctl-release": STAMP} if canary else {})}
        if headers.get("upgrade", "").lower() == "websocket" and parts.path == "/refused":
            self._send(403, named)
        elif headers.get("upgrade", "").lower() == "websocket":
            self._shake_hands(named, headers["sec-websocket-key"])
        elif parts.path == "/redirect":
            self._send(302, {**named, "location": parse_qs(parts.query)["to"][0]})
        elif parts.path == "/login":
            self._send(
                200, {**named, "set-cookie": f"session=7f3c; Path=/{parse_qs(parts.query).get('more', [''])[0]}"}
            )
        elif parts.path == "/me":
            self._send(200 if "session=7f3c" in headers.get("cookie", "") else 401, named)
        else:
            self._send(200, named)

    def _send(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", "0")
        self.end_headers()

    def _shake_hands(self, named: dict[str, str], key: str) -> None:
        accept = base64.b64encode(hashlib.sha1((key + _WEBSOCKET_KEY).encode()).digest()).decode()  # noqa: S324
        self.send_response(101)
        more = {"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-accept": accept}
        for name, value in {**named, **more}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"\x81\x05hello\x88\x00")
        self.rfile.read(1)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def run_entrance(replicas: int = 2, tls: ssl.SSLContext | None = None) -> Iterator[Entrance]:
    """An entrance with this number of replicas, until the end of the block."""
    entrance = Entrance()
    handler: Any = type("Handler", (_Handler,), {"entrance": entrance})
    with serve(handler, replicas, tls) as entrance.urls:
        yield entrance
