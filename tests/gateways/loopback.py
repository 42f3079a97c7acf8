"""What the tests of every real gateway share: addresses on loopback, upstream servers, requests, and processes."""

import http.client
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TIMEOUT = 20.0  # seconds

Headers = tuple[tuple[str, str], ...]


def network(first: int) -> str:
    """The first three bytes of addresses for this run, so that runs at the same time do not share any.

    `first` is the lowest second byte; each product has 60 of its own.
    """
    return f"127.{first + os.getpid() % 60}.{os.getpid() // 60 % 250}"


def until(condition: Callable[[], object], what: str, timeout: float = TIMEOUT) -> None:
    """Return once `condition` holds; fail after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout:g} s for {what}"
        time.sleep(0.02)


def free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Request:
    """What an upstream receives: the request line without the protocol version, headers in lower case, sorted."""

    path: str
    line: str
    headers: Headers
    body: str

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")


@dataclass(frozen=True)
class Response:
    """What an upstream or a gateway answers; names of headers in lower case."""

    body: str
    status: int = 200
    headers: Headers = ()

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")


class Upstream:
    """An HTTP server that answers each request with what `respond` makes of it."""

    def __init__(self, host: str, port: int, respond: Callable[[Request], Response]) -> None:
        self.host, self.port = host, port

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                headers = tuple(sorted((key.lower(), value) for key, value in self.headers.items()))
                line = self.requestline.rpartition(" ")[0]
                response = respond(Request(self.path, line, headers, self.rfile.read(length).decode()))
                body = response.body.encode()
                self.send_response(response.status)
                for name, value in response.headers:
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_PUT = do_OPTIONS = do_DELETE = do_GET  # noqa: N815 (names of the base class)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
                pass

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def send(address: str, path: str, *headers: tuple[str, str], method: str = "GET", body: str = "") -> Response:
    """One request on a connection of its own. Headers may repeat; Host is the address unless given. Raises OSError."""
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        has_host = any(name.lower() == "host" for name, _ in headers)
        connection.putrequest(method, path, skip_host=has_host, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        if body:
            connection.putheader("content-length", str(len(body)))
        connection.endheaders(body.encode() or None)
        answer = connection.getresponse()
        text = answer.read().decode()
        return Response(text, answer.status, tuple((name.lower(), value) for name, value in answer.getheaders()))
    finally:
        connection.close()


def stop_process(process: "subprocess.Popen[bytes]", timeout: float = TIMEOUT) -> None:
    """End a process; kill it if it is still there after `timeout` seconds."""
    process.terminate()
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
