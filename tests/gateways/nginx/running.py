"""A real nginx on loopback, and upstreams that say what they were asked."""

import http.client
import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from gatewayctl.domain.routing import STAMP_HEADER
from gatewayctl.gateways.nginx.checker import find_nginx

PATIENCE = 20.0  # seconds
# A net of our own on loopback, so that runs beside each other do not meet.
NET = f"127.{121 + os.getpid() % 60}.{os.getpid() // 60 % 250}"
STABLE, CANARY, GATEWAY, OTHER = (f"{NET}.{last}" for last in (1, 2, 10, 3))


def until(condition: Callable[[], object], what: str) -> None:
    """Return once `condition` holds; fail after PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE:g} s for {what}"
        time.sleep(0.02)


def free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


class Upstream:
    """Answers every request with its own name and what it was asked; a redirect where the path asks for one."""

    def __init__(self, name: str, host: str, port: int) -> None:
        self.host, self.port = host, port

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                told = {
                    "name": name,
                    "line": self.requestline.rpartition(" ")[0],
                    "headers": sorted((key.lower(), value) for key, value in self.headers.items()),
                    "body": self.rfile.read(length).decode(),
                }
                body = json.dumps(told).encode()
                redirect = "redirect" in self.path
                self.send_response(302 if redirect else 200)
                if redirect:
                    self.send_header("location", f"http://{self.headers.get('host')}/v1/login")
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


@dataclass(frozen=True)
class Seen:
    """An answer: who gave it, what that one was asked, and the headers of the answer in order."""

    status: int
    name: str
    line: str
    asked: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    stamp: str
    body: str = ""

    @property
    def but_name(self) -> tuple[object, ...]:
        """Everything that must not differ between stable and canary."""
        return self.status, self.line, self.asked, self.headers, self.body


class Gateway:
    """One running nginx; `text` is what stands in its http block."""

    def __init__(self, folder: Path, text: str, host: str = GATEWAY) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.host, self.port = folder, host, free_port(host)
        self.conf = folder / "nginx.conf"
        self.write(text)
        self._errors = (folder / "error.log").open("wb")
        command = [find_nginx(), "-p", str(folder), "-c", str(self.conf), "-e", "stderr"]
        self.process = subprocess.Popen(command, stdout=self._errors, stderr=self._errors)

    def write(self, text: str) -> None:
        """Replace the configuration; nginx does not look at it by itself."""
        temps = "".join(f"  {kind}_temp_path {self.folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi"))
        temps += "".join(f"  {kind}_temp_path {self.folder}/{kind};\n" for kind in ("uwsgi", "scgi"))
        self.conf.write_text(
            f"daemon off;\nworker_processes 1;\npid {self.folder}/nginx.pid;\nerror_log stderr notice;\n"
            f"events {{ worker_connections 256; }}\nhttp {{\n  access_log off;\n{temps}"
            + text.replace("LISTEN", f"{self.host}:{self.port}")
            + "\n}\n"
        )

    @property
    def log(self) -> str:
        return (self.folder / "error.log").read_text()

    def ready(self) -> bool:
        assert self.process.poll() is None, self.log
        with socket.socket() as probe:
            return probe.connect_ex((self.host, self.port)) == 0

    def ask(self, path: str, *headers: tuple[str, str], method: str = "GET", body: str = "") -> Seen:
        """One request on a connection of its own; headers may repeat."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=10)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", "shop.example")
            for name, value in headers:
                connection.putheader(name, value)
            if body:
                connection.putheader("content-length", str(len(body)))
            connection.endheaders(body.encode() or None)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        kept = tuple((k.lower(), v) for k, v in answer.getheaders() if k.lower() not in {"date", STAMP_HEADER})
        kept = tuple((k, v.replace(f":{self.port}", "")) for k, v in kept if k != "content-length")
        stamp = answer.getheader(STAMP_HEADER, "")
        try:
            told = json.loads(text)
        except ValueError:
            return Seen(answer.status, "", "", (), kept, stamp, text)
        asked = tuple((k, v) for k, v in map(tuple, told["headers"]) if k != "x-canary")
        return Seen(answer.status, told["name"], told["line"], asked, kept, stamp, told["body"])

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._errors.close()


@contextmanager
def gateway(folder: Path, text: str, host: str = GATEWAY) -> Iterator[Gateway]:
    """An nginx that serves `text`, ready; stopped afterwards."""
    running = Gateway(folder, text, host)
    try:
        until(running.ready, "nginx to be ready")
        yield running
    finally:
        running.stop()


@contextmanager
def upstreams() -> Iterator[int]:
    """Stable, canary and another application, on three addresses and one port."""
    port = free_port(STABLE)
    running = [Upstream(name, host, port) for name, host in (("stable", STABLE), ("canary", CANARY), ("other", OTHER))]
    try:
        yield port
    finally:
        for one in running:
            one.stop()
