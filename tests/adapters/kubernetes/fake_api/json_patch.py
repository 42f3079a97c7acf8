"""JSON Patch (RFC 6902), as far as gatewayctl sends it."""

import copy
from typing import Any


class FailedTest(Exception):
    """A `test` of a patch does not hold: the API server changes nothing and answers 422."""


def apply_patch(found: dict[str, Any], operations: list[dict[str, Any]]) -> dict[str, Any]:
    """A changed copy of an object. Raises FailedTest."""
    result = copy.deepcopy(found)
    for one in operations:
        *path, last = [part.replace("~1", "/").replace("~0", "~") for part in one["path"].split("/")[1:]]
        target: Any = result
        for part in path:
            target = target[int(part)] if isinstance(target, list) else target[part]
        _apply(target, last, one)
    return result


def _apply(target: Any, last: str, operation: dict[str, Any]) -> None:
    """One operation at its place: an item of a list, or a key of an object."""
    key: Any = int(last) if isinstance(target, list) else last
    if operation["op"] == "test":
        found = target[key] if isinstance(target, list) else target.get(key)
        if found != operation["value"]:
            raise FailedTest(operation["path"])
    elif operation["op"] == "remove":
        del target[key]
    elif operation["op"] == "add" and isinstance(target, list):
        target.insert(key, operation["value"])
    else:
        target[key] = operation["value"]
