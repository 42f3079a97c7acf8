"""HTTP on loopback for a fake API server: requests go to a function of the test, and a kubeconfig names the server."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

TOKEN = "secret-of-ci"  # noqa: S105


@dataclass(frozen=True)
class Request:
    """One request; header names in lower case."""

    verb: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Reply:
    """One answer; with `cut` the connection ends instead of it.

    With `silent` the answer begins and nothing follows, with `mute` not even that: the connection stays open.
    """

    status: int = 200
    body: object = field(default_factory=dict)
    cut: bool = False
    silent: bool = False
    mute: bool = False


Answering = Callable[[Request], Reply]


def failure(status: int, message: str, *fields: str) -> Reply:
    """A Status object, as the real one sends it; `fields` are those of the request that it finds invalid."""
    causes = [{"reason": "FieldValueInvalid", "field": field, "message": message} for field in fields]
    details = {"details": {"causes": causes}} if causes else {}
    return Reply(status, {"kind": "Status", "status": "Failure", "code": status, "message": message, **details})


@contextmanager
def serving(answer: Answering, folder: Path) -> Iterator[str]:
    """Serve, and yield a kubeconfig file with a static token."""
    is_over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 20

        def _do(self) -> None:
            parts = urlsplit(self.path)
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            reply = answer(Request(self.command, parts.path, query, headers, json.loads(data) if data else None))
            if reply.silent:
                self.send_response(reply.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
            if reply.silent or reply.mute:
                is_over.wait()
            if reply.cut or reply.silent or reply.mute:
                self.close_connection = True
                return
            sent = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _do  # noqa: N815 (names that the library looks for)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield str(kubeconfig(folder, f"http://127.0.0.1:{server.server_port}", TOKEN))
    finally:
        is_over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def kubeconfig(folder: Path, url: str, token: str, **cluster: object) -> Path:
    """A kubeconfig file with one context."""
    path = folder / "kubeconfig"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": url, **cluster}}],
        "users": [{"name": "ci", "user": {"token": token}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "ci"}}],
    }
    path.write_text(yaml.safe_dump(content))
    return path
