"""A small API server for route objects: it fills in defaults, sorts keys, and can lose answers."""

import copy
import json
from collections.abc import Callable
from typing import Any

from tests.adapters.kubernetes.fake_api.http import Asked, Reply, failure
from tests.adapters.kubernetes.routes.samples import Object, Sample


class Server:
    """Two routes; `before_patch` is called before each patch, `lost` tells whether the next are done or dropped."""

    def __init__(self, sample: Sample) -> None:
        self.sample = sample
        self.routes = {name: sample.route(name) for name in ("shop", "more")}
        self.patches: list[Asked] = []
        self.before_patch: Callable[[dict[str, Any]], None] = lambda _: None
        self.lost: list[str] = []
        self.fault: Reply | None = None

    def answer(self, asked: Asked) -> Reply:
        name = asked.path.removeprefix(self.sample.collection)
        if "watch" in asked.query or name not in self.routes:
            return failure(405 if "watch" in asked.query else 404, "not here")
        if asked.verb == "GET":
            return Reply(200, self.routes[name])
        self.patches.append(asked)
        self.before_patch(self.routes[name])
        fate = self.lost.pop(0) if self.lost else ""
        if fate == "dropped":
            return Reply(cut=True)
        if self.fault:
            return self.fault
        changed = patched(self.routes[name], asked.body)
        if changed is None:
            return failure(422, "the server rejected our request due to an error in our request")
        if asked.query.get("dryRun"):
            return Reply(200, changed)
        self.routes[name] = self.store(changed, self.routes[name])
        return Reply(200, self.routes[name], cut=fate == "done")

    def store(self, changed: Object, before: Object) -> Object:
        """After a write: a new version, a new generation with a new spec, defaults, and keys in the server's order."""
        metadata = changed["metadata"]
        metadata["resourceVersion"] = str(int(metadata["resourceVersion"]) + 1)
        if before["spec"] != changed["spec"]:
            metadata["generation"] += 1
        for rule in self.sample.rules(changed):
            self.sample.set_defaults(rule)
        return json.loads(json.dumps(changed, sort_keys=True))  # type: ignore[no-any-return]


def patched(found: dict[str, Any], operations: list[dict[str, Any]]) -> dict[str, Any] | None:
    """RFC 6902 as far as it is used; None when a test fails."""
    result = copy.deepcopy(found)
    for one in operations:
        *path, last = [part.replace("~1", "/").replace("~0", "~") for part in one["path"].split("/")[1:]]
        target: Any = result
        for part in path:
            target = target[part]
        if one["op"] == "test":
            if target[last] != one["value"]:
                return None
        elif isinstance(target, list) and one["op"] == "add":
            target.insert(int(last), one["value"])
        elif one["op"] == "add":
            target[last] = one["value"]
        else:
            del target[int(last)]
    return result
