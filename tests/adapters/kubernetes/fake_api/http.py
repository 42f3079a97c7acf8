"""A tiny API server on loopback: real HTTP, real kubeconfig, and answers as a test wants them."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

Object = dict[str, Any]
TOKEN = "secret-of-ci"  # noqa: S105


@dataclass(frozen=True)
class Asked:
    """One request; header names in lower case."""

    verb: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Reply:
    """One answer; `cut` ends the connection instead, after everything was done."""

    status: int = 200
    body: object = field(default_factory=dict)
    cut: bool = False


Answering = Callable[[Asked], Reply]


def failure(status: int, message: str, *fields: str) -> Reply:
    """A Status object, as the real one sends it; `fields` are those of the request that it finds invalid."""
    causes = [{"reason": "FieldValueInvalid", "field": field, "message": message} for field in fields]
    details = {"details": {"causes": causes}} if causes else {}
    return Reply(status, {"kind": "Status", "status": "Failure", "code": status, "message": message, **details})


@contextmanager
def serving(answer: Answering, folder: Path) -> Iterator[str]:
    """Serve, and yield a kubeconfig file with a static token."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 20

        def _do(self) -> None:
            parts = urlsplit(self.path)
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            reply = answer(Asked(self.command, parts.path, query, headers, json.loads(data) if data else None))
            if reply.cut:
                self.close_connection = True
                return
            sent = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
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


class Shelf:
    """Keeps objects as the real one does: a new resourceVersion at each write, conflicts by it.

    `lose` is how many of the next writes get no answer although they are done, `drop` how many are not even done.
    """

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.asked: list[Asked] = []
        self.lose = self.drop = self._count = 0
        self._lock = threading.Lock()

    def answer(self, asked: Asked) -> Reply:
        if "watch" in asked.query:
            return failure(405, "nothing is told here: ask again")
        with self._lock:
            self.asked.append(asked)
            if asked.verb == "GET":
                return self._get(asked)
            if self.drop:
                self.drop -= 1
                return Reply(cut=True)
            reply = {"POST": self._post, "PUT": self._put, "DELETE": self._delete}[asked.verb](asked)
            if self.lose:
                self.lose -= 1
                return Reply(cut=True)
            return reply

    def verbs(self) -> list[str]:
        """What was asked since the last call of this."""
        seen, self.asked = [one.verb for one in self.asked], []
        return seen

    def edit(self, path: str, change: Callable[[Object], None]) -> None:
        """Somebody else writes."""
        with self._lock:
            change(self.objects[path])
            self._store(path, self.objects[path])

    def _get(self, asked: Asked) -> Reply:
        if asked.path in self.objects:
            return Reply(200, self.objects[asked.path])
        if not re.search(r"/namespaces/[^/]+/[^/]+$", asked.path):
            return failure(404, f"{asked.path} not found")
        wanted = dict(pair.split("=") for pair in asked.query.get("labelSelector", "").split(",") if "=" in pair)
        held = [one for path, one in self.objects.items() if path.startswith(f"{asked.path}/")]
        labels = [(one, one["metadata"].get("labels", {})) for one in held]
        return Reply(200, {"items": [one for one, has in labels if wanted.items() <= has.items()]})

    def _post(self, asked: Asked) -> Reply:
        name = asked.body["metadata"].get("name") or f"{asked.body['metadata']['generateName']}{self._count}"
        path = f"{asked.path}/{name}"
        if path in self.objects:
            return failure(409, f"{name} already exists")
        return Reply(201, self._store(path, asked.body, uid=f"uid-{self._count}"))

    def _put(self, asked: Asked) -> Reply:
        found = self.objects.get(asked.path)
        if found is None:
            return failure(404, "not found")
        expected = asked.body["metadata"].get("resourceVersion")
        if expected and expected != found["metadata"]["resourceVersion"]:
            return failure(409, "the object has been modified; please apply your changes to the latest version")
        return Reply(200, self._store(asked.path, asked.body, uid=found["metadata"]["uid"]))

    def _delete(self, asked: Asked) -> Reply:
        found = self.objects.get(asked.path)
        if found is None:
            return failure(404, "not found")
        only = (asked.body or {}).get("preconditions", {})
        if any(found["metadata"][key] != value for key, value in only.items()):
            return failure(409, "the precondition does not hold")
        del self.objects[asked.path]
        return Reply(200, {"kind": "Status", "status": "Success"})

    def _store(self, path: str, body: Object, **meta: str) -> Object:
        self._count += 1
        metadata = {**body["metadata"], **meta, "resourceVersion": str(self._count)}
        self.objects[path] = {**body, "metadata": metadata}
        return self.objects[path]
