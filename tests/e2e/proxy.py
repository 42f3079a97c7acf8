"""A proxy in front of the API server that does to requests what networks, load balancers and busy servers do.

It speaks plain HTTP to whoever uses its kubeconfig, and TLS to the API server. `disruptions` decides
what happens to each request; a write can be answered wrongly before it is done, or be done and its answer be lost.
"""

import base64
import http.client
import json
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

_HANG = 40.0  # seconds; longer than any client waits for an answer
_TIMEOUT = 60.0  # seconds for the API server
_CHUNK = 65536
_OK, _BAD = 200, 400


class Disruption(StrEnum):
    """What is done to a request."""

    FORWARD = "passed on"
    CONFLICT = "409, although nothing has changed"
    THROTTLE = "429 with Retry-After"
    BREAK = "500, nothing done"
    BREAK_AFTER = "500, although it was done"
    LOSE = "no answer, nothing done"
    LOSE_AFTER = "no answer, although it was done"
    HANG = "no answer for longer than anybody waits, nothing done"
    HANG_AFTER = "no answer for longer than anybody waits, although it was done"
    CUT = "a watch that breaks off in the middle of its first event"
    EXPIRE = "a watch that says 410 at once"
    MUTE = "a watch that never says anything"
    KILL = "the client is killed, nothing done"
    KILL_AFTER = "the client is killed, although it was done"


_STATUS = {
    Disruption.CONFLICT: (
        409,
        "Conflict",
        "the object has been modified; please apply your changes to the latest version",
    ),
    Disruption.THROTTLE: (429, "TooManyRequests", "the server has received too many requests, please try again later"),
    Disruption.BREAK: (500, "InternalError", "etcdserver: leader changed"),
    Disruption.BREAK_AFTER: (500, "InternalError", "etcdserver: request timed out"),
}
_AFTER = {Disruption.BREAK_AFTER, Disruption.LOSE_AFTER, Disruption.HANG_AFTER, Disruption.KILL_AFTER}
_HANGING = {Disruption.HANG, Disruption.HANG_AFTER}


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came. `path` is without the query."""

    verb: str
    path: str
    query: str = ""
    body: bytes = b""

    @property
    def watches(self) -> bool:
        return "watch=1" in self.query

    @property
    def writes(self) -> bool:
        """Whether it changes anything; asking for one's own rights is a POST, too."""
        return self.verb != "GET" and "authorization.k8s.io" not in self.path


@dataclass
class Proxy:
    """A running proxy. `done` lists every request with what was done to it; `kill` ends the client.

    `answered` is called for each request that was passed on, after its answer.
    """

    address: str
    kubeconfig: Path
    disruptions: Callable[[Request], Disruption]
    kill: Callable[[], None] = lambda: None
    answered: Callable[[Request], None] = lambda _request: None
    done: list[tuple[Request, Disruption]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    upstreams: set[socket.socket] = field(default_factory=set)

    def decide(self, request: Request) -> Disruption:
        """What is to be done to it; one at a time."""
        with self.lock:
            disruption = self.disruptions(request)
            self.done.append((request, disruption))
            return disruption

    def break_watches(self) -> None:
        """End every connection to the API server, as when it goes away."""
        for upstream in tuple(self.upstreams):
            _end(upstream)

    @property
    def faults(self) -> list[str]:
        """All that was not simply passed on, in order."""
        return [
            f"{one.verb} {one.path}: {disruption}"
            for one, disruption in tuple(self.done)
            if disruption is not Disruption.FORWARD
        ]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "_Server"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name is http.server's)
        """Quiet: what was done is in `done`."""

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 (http.server's names)

    def _serve(self) -> None:
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        disruption = self.server.proxy.decide(Request(self.command, path, query, body))
        if disruption in {Disruption.FORWARD, Disruption.CUT}:
            self._pass_on(body, cut=disruption is Disruption.CUT)
            self.server.proxy.answered(Request(self.command, path, query, body))
            return
        if disruption in _AFTER:
            self._ask(body).read()
        if disruption in _STATUS:
            self._refuse(*_STATUS[disruption])
        elif disruption is Disruption.EXPIRE:
            self._say(_OK, json.dumps({"type": "ERROR", "object": _status(410, "Expired", "too old")}).encode())
        else:
            self._say_nothing(disruption)

    def _say_nothing(self, disruption: Disruption) -> None:
        if disruption in {Disruption.KILL, Disruption.KILL_AFTER}:
            self.server.proxy.kill()
        elif disruption in _HANGING or disruption is Disruption.MUTE:
            select.select([self.connection], [], [], _HANG)  # readable: the client has given up
        self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _ask(self, body: bytes) -> http.client.HTTPResponse:
        upstream = http.client.HTTPSConnection(self.server.host, timeout=_TIMEOUT, context=self.server.context)
        upstream.connect()
        self.server.proxy.upstreams.add(upstream.sock)
        kept = {"authorization", "accept", "content-type"}
        headers = {name: value for name, value in self.headers.items() if name.lower() in kept}
        upstream.request(self.command, self.path, body or None, headers)
        return upstream.getresponse()

    def _pass_on(self, body: bytes, *, cut: bool) -> None:
        answer = self._ask(body)
        self.send_response(answer.status)
        self.send_header("content-type", answer.getheader("content-type") or "application/json")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        while data := answer.read1(_CHUNK):
            if cut:
                self._chunk(data[: len(data) // 2])
                self._hang_up()
                return
            self._chunk(data)
        self.wfile.write(b"0\r\n\r\n")
        answer.close()

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def _refuse(self, code: int, reason: str, message: str) -> None:
        self._say(code, json.dumps(_status(code, reason, message)).encode())

    def _say(self, code: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body) + 1))
        if code == _STATUS[Disruption.THROTTLE][0]:
            self.send_header("retry-after", "1")
        self.end_headers()
        self.wfile.write(body + b"\n")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, cluster: dict[str, Any]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.host = cluster["server"].removeprefix("https://")
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self.context = ssl.create_default_context(cadata=authority)
        self.proxy: Proxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client or an API server that went away in the middle is what happens here."""


def _status(code: int, reason: str, message: str) -> dict[str, Any]:
    kind = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return {**kind, "code": code, "reason": reason, "message": message}


def _end(upstream: socket.socket) -> None:
    """Wake whoever reads from it; closing alone would wait for the reader, minutes for a quiet watch."""
    with suppress(OSError):  # ended already
        upstream.shutdown(socket.SHUT_RDWR)
    upstream.close()


@contextmanager
def proxied(
    kubeconfig: Path,
    folder: Path,
    disruptions: Callable[[Request], Disruption],
    answered: Callable[[Request], None] = lambda _request: None,
) -> Iterator[Proxy]:
    """A proxy to the cluster of `kubeconfig`; one that leads through it is written into `folder`."""
    found = yaml.safe_load(kubeconfig.read_text())
    server = _Server(found["clusters"][0]["cluster"])
    address = f"http://127.0.0.1:{server.server_address[1]}"
    found["clusters"][0]["cluster"] = {"server": address}
    path = folder / f"kubeconfig-{server.server_address[1]}"
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(found))
    server.proxy = Proxy(address, path, disruptions, answered=answered)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        server.proxy.break_watches()
