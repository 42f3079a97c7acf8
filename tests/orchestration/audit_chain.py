"""Checks the hash chain of an audit log as a reader of it would."""

import hashlib
import json

FIRST = "0" * 64


def broken_link(text: str) -> int:
    """The number of the first line whose hashes do not match; 0 when all match."""
    previous = FIRST
    for number, line in enumerate(text.splitlines(), start=1):
        entry = json.loads(line)
        written = entry.pop("hash", "")
        if entry.get("previous") != previous:
            return number
        previous = hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()
        if written != previous:
            return number
    return 0
