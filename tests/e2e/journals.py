"""The journals of releases as plain JSON, and what may never happen to them."""

import json
from collections.abc import Iterable
from typing import Any

Object = dict[str, Any]
_ENDED = "done"


def journals_of(maps: Iterable[Object]) -> dict[str, Object]:
    """Per application: id, phase, images and header of its last release, and the journal's version."""
    found = {}
    for one in maps:
        name, data = one["metadata"]["name"], one.get("data") or {}
        if name.startswith("gatewayctl-") and data.get("release"):
            release = json.loads(data["release"])["release"]
            kept = {key: release[key] for key in ("id", "phase", "outcome", "image", "before", "header")}
            found[str(release["target"]["app"])] = {**kept, "version": int(data["version"])}
    return found


def judge_journal(before: Object | None, now: Object | None) -> str:
    """What is wrong with a journal that was `before` and is `now`; empty when nothing is."""
    if before is None:
        return ""
    if now is None:
        return f"the journal of {before['id']} is gone"
    if now["version"] < before["version"]:
        return f"it went back from version {before['version']} to {now['version']}"
    same = now["id"] == before["id"]
    if same and before["phase"] == _ENDED and now != before:
        return f"{before['id']} had ended, and was changed: {now}"
    if not same and before["phase"] != _ENDED and now["version"] == before["version"] + 1:
        return f"{before['id']} stood at {before['phase']}, and was replaced by {now['id']}"
    return ""
