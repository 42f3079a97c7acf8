"""A real nginx on loopback, and upstreams that answer with the request that they received."""

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gatewayctl.domain.routing import STAMP_HEADER
from gatewayctl.gateways.nginx.checker import find_nginx
from tests.gateways.loopback import Headers, Request, Response, Upstream, free_port, network, send, stop_process, until

NET = network(121)
STABLE, CANARY, GATEWAY, OTHER = (f"{NET}.{last}" for last in (1, 2, 10, 3))


def echo_upstream(name: str, host: str, port: int) -> Upstream:
    """An upstream that answers with its name and the request; by a redirect if the path contains `redirect`."""

    def respond(request: Request) -> Response:
        seen = {"name": name, "line": request.line, "headers": request.headers, "body": request.body}
        if "redirect" not in request.path:
            return Response(json.dumps(seen))
        location = ("location", f"http://{request.header('host')}/v1/login")
        return Response(json.dumps(seen), 302, (location,))

    return Upstream(host, port, respond)


@dataclass(frozen=True)
class ProxiedAnswer:
    """An answer: the upstream that gave it, the request line and headers it received, and the answer's headers.

    Not every answer comes from an upstream: then `name` is empty.
    """

    status: int
    name: str
    line: str
    received: Headers
    headers: Headers
    stamp: str
    body: str = ""

    @property
    def without_name(self) -> tuple[object, ...]:
        """Everything that must not differ between stable and canary."""
        return self.status, self.line, self.received, self.headers, self.body


class RunningNginx:
    """One running nginx; `text` is the content of its http block."""

    def __init__(self, folder: Path, text: str, host: str = GATEWAY) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.host, self.port = folder, host, free_port(host)
        self.conf = folder / "nginx.conf"
        self.write(text)
        self._errors = (folder / "error.log").open("wb")
        command = [find_nginx(), "-p", str(folder), "-c", str(self.conf), "-e", "stderr"]
        self.process = subprocess.Popen(command, stdout=self._errors, stderr=self._errors)

    def write(self, text: str) -> None:
        """Replace the configuration; nginx does not read it by itself."""
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temps = "".join(f"  {kind}_temp_path {self.folder}/{kind};\n" for kind in kinds)
        self.conf.write_text(
            f"daemon off;\nworker_processes 1;\npid {self.folder}/nginx.pid;\nerror_log stderr notice;\n"
            f"events {{ worker_connections 256; }}\nhttp {{\n  access_log off;\n{temps}"
            + text.replace("LISTEN", f"{self.host}:{self.port}")
            + "\n}\n"
        )

    @property
    def log(self) -> str:
        return (self.folder / "error.log").read_text()

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.log
        with socket.socket() as probe:
            return probe.connect_ex((self.host, self.port)) == 0

    def ask(self, path: str, *headers: tuple[str, str], method: str = "GET", body: str = "") -> ProxiedAnswer:
        """One request on a connection of its own; headers may repeat."""
        host = ("Host", "shop.example")
        answer = send(f"{self.host}:{self.port}", path, host, *headers, method=method, body=body)
        ignored = {"date", STAMP_HEADER, "content-length"}
        kept = tuple((k, v.replace(f":{self.port}", "")) for k, v in answer.headers if k not in ignored)
        stamp = answer.header(STAMP_HEADER)
        try:
            seen = json.loads(answer.body)
        except ValueError:
            return ProxiedAnswer(answer.status, "", "", (), kept, stamp, answer.body)
        received = tuple((k, v) for k, v in map(tuple, seen["headers"]) if k != "x-canary")
        return ProxiedAnswer(answer.status, seen["name"], seen["line"], received, kept, stamp, seen["body"])

    def stop(self) -> None:
        stop_process(self.process)
        self._errors.close()


@contextmanager
def running_nginx(folder: Path, text: str, host: str = GATEWAY) -> Iterator[RunningNginx]:
    """An nginx that serves `text`, ready; stopped afterwards."""
    running = RunningNginx(folder, text, host)
    try:
        until(running.is_ready, "nginx to be ready")
        yield running
    finally:
        running.stop()


@contextmanager
def running_upstreams() -> Iterator[int]:
    """Stable, canary and another application, on three addresses; gives the port that they share."""
    port = free_port(STABLE)
    hosts = {"stable": STABLE, "canary": CANARY, "other": OTHER}
    running = [echo_upstream(name, host, port) for name, host in hosts.items()]
    try:
        yield port
    finally:
        for one in running:
            one.stop()
