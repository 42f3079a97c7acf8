"""One fake API server for all tests: it stores objects by path, and writes as the real one does.

What only some tests need is passed in: see the fields of FakeApiServer.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gatewayctl.adapters.kubernetes.client.api import Api, connect
from tests.adapters.kubernetes.fake_api.http import Reply, Request, failure, serving
from tests.adapters.kubernetes.fake_api.json_patch import FailedTest, apply_patch

Object = dict[str, Any]
FAILED_TEST = "the server rejected our request due to an error in our request"
MODIFIED = "the object has been modified; please apply your changes to the latest version"


def no_reply(_: Request) -> Reply | None:
    """The server itself answers."""
    return None


def store_as_sent(changed: Object, _: Object) -> Object:
    """An object is stored as a write left it."""
    return changed


@dataclass
class FakeApiServer:
    """Stores objects; each write gives an object a new resourceVersion, and one with an old resourceVersion conflicts.

    `lose` is how many of the next writes are done without an answer, `drop` how many get none and are not done.
    `watch` answers each watch: all are refused, unless a test says something else. `before_write` is called with each
    write first, and may answer it instead of the server. `on_store` is called with the object as a write left it and as
    it was before, and returns what is stored.
    """

    objects: dict[str, Object] = field(default_factory=dict)
    lose: int = 0
    drop: int = 0
    watch: Reply = field(default_factory=lambda: failure(405, "nothing is told here: ask again"))
    before_write: Callable[[Request], Reply | None] = no_reply
    on_store: Callable[[Object, Object], Object] = store_as_sent
    asked: list[Request] = field(default_factory=list)
    count: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def answer(self, asked: Request) -> Reply:
        """The answer to one request."""
        if "watch" in asked.query:
            return self.watch
        with self._lock:
            self.asked.append(asked)
            if asked.verb == "GET":
                return self._get(asked)
            if reply := self.before_write(asked):
                return reply
            if self.drop:
                self.drop -= 1
                return Reply(cut=True)
            reply = self._write(asked)
            if self.lose:
                self.lose -= 1
                return Reply(cut=True)
            return reply

    def verbs(self) -> list[str]:
        """The verbs of all requests since the last call."""
        seen, self.asked = [one.verb for one in self.asked], []
        return seen

    @property
    def writes(self) -> list[Request]:
        """All requests that were no reads."""
        return [one for one in self.asked if one.verb != "GET"]

    def edit(self, path: str, change: Callable[[Object], object]) -> None:
        """Change an object as somebody else does."""
        with self._lock:
            change(self.objects[path])
            self._store(path, self.objects[path])

    def named(self, name: str) -> Object:
        """The one object of that name."""
        [found] = [one for path, one in self.objects.items() if path.endswith(f"/{name}")]
        return found

    def _get(self, asked: Request) -> Reply:
        if asked.path in self.objects:
            return Reply(200, self.objects[asked.path])
        if not re.search(r"/namespaces/[^/]+/[^/]+$", asked.path):
            return failure(404, f"{asked.path} not found")
        wanted = dict(pair.split("=") for pair in asked.query.get("labelSelector", "").split(",") if "=" in pair)
        held = [one for path, one in self.objects.items() if path.startswith(f"{asked.path}/")]
        labels = [(one, one["metadata"].get("labels", {})) for one in held]
        items = [one for one, has in labels if wanted.items() <= has.items()]
        return Reply(200, {"metadata": {"resourceVersion": str(self.count)}, "items": items})

    def _write(self, asked: Request) -> Reply:
        if asked.verb == "POST":
            return self._post(asked)
        if asked.path not in self.objects:
            return failure(404, "not found")
        return {"PUT": self._put, "PATCH": self._patch, "DELETE": self._delete}[asked.verb](asked)

    def _post(self, asked: Request) -> Reply:
        name = asked.body["metadata"].get("name") or f"{asked.body['metadata']['generateName']}{self.count}"
        path = f"{asked.path}/{name}"
        if path in self.objects:
            return failure(409, f"{name} already exists")
        if asked.query.get("dryRun"):
            return Reply(201, asked.body)
        return Reply(201, self._store(path, asked.body, uid=f"uid-{self.count}"))

    def _put(self, asked: Request) -> Reply:
        if self._is_old(asked):
            return failure(409, MODIFIED)
        return Reply(200, self._store(asked.path, asked.body, uid=self.objects[asked.path]["metadata"]["uid"]))

    def _patch(self, asked: Request) -> Reply:
        """A list is a JSON Patch, an object a JSON Merge Patch."""
        before = self.objects[asked.path]
        if isinstance(asked.body, dict):
            if self._is_old(asked):
                return failure(409, MODIFIED)
            return Reply(200, self._store(asked.path, apply_merge_patch(before, asked.body)))
        try:
            changed = apply_patch(before, asked.body)
        except FailedTest:
            return failure(422, FAILED_TEST)
        if asked.query.get("dryRun"):
            return Reply(200, changed)
        return Reply(200, self._store(asked.path, changed))

    def _delete(self, asked: Request) -> Reply:
        found, only = self.objects[asked.path], (asked.body or {}).get("preconditions", {})
        if any(found["metadata"][key] != value for key, value in only.items()):
            return failure(409, "the precondition does not hold")
        del self.objects[asked.path]
        return Reply(200, {"kind": "Status", "status": "Success"})

    def _is_old(self, asked: Request) -> bool:
        """Whether a write names a resourceVersion that the object does not have any more."""
        expected = asked.body["metadata"].get("resourceVersion")
        return bool(expected) and expected != self.objects[asked.path]["metadata"]["resourceVersion"]

    def _store(self, path: str, body: Object, **meta: str) -> Object:
        self.count += 1
        metadata = {**body["metadata"], **meta, "resourceVersion": str(self.count)}
        before = self.objects.get(path, {})
        self.objects[path] = self.on_store({**body, "metadata": metadata}, before)
        return self.objects[path]


def apply_merge_patch(found: Object, body: Object) -> Object:
    """A copy of an object with a JSON Merge Patch (RFC 7386) in it."""
    result = deepcopy(found)
    for key, value in body.items():
        if isinstance(value, dict):
            result[key] = apply_merge_patch(result.get(key) or {}, value)
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = value
    return result


def sort_keys(found: Object) -> Object:
    """A copy with its keys in the order in which the real API server writes those of custom resources."""
    return json.loads(json.dumps(found, sort_keys=True))  # type: ignore[no-any-return]


@contextmanager
def connect_to_fake(folder: Path, server: FakeApiServer | None = None) -> Iterator[tuple[FakeApiServer, Api]]:
    """A fake API server over HTTP on loopback, empty unless one is given, and an Api connected to it."""
    server = server or FakeApiServer()
    with serving(server.answer, folder) as kubeconfig:
        api = connect(file=kubeconfig)
        yield server, api
        api.client.rest_client.close()
