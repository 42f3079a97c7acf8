"""Who did what when, one JSON line per note. Each line contains the hash of the line before, so a change is noticed."""

import hashlib
import json

from gatewayctl.domain.nesting import parse_json
from gatewayctl.domain.release import Release

_START = "0" * 64


def chain(release: Release) -> str:
    """The notes of a release as JSON lines, hash-chained with SHA-256 over the line without its own hash."""
    lines, previous = [], _START
    for number, note in enumerate(release.notes, start=1):
        entry = {
            "n": number,
            "release": release.id,
            "at": round(note.at, 3),
            "actor": note.actor,
            "phase": note.phase,
            "mark": note.mark,
            "text": note.text,
            "seconds": round(note.seconds, 3),
            "previous": previous,
        }
        previous = hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()
        lines.append(json.dumps({**entry, "hash": previous}, sort_keys=True))
    return "".join(line + "\n" for line in lines)


def broken_link(text: str) -> int:
    """The number of the first line whose hashes do not match; 0 when all match."""
    previous = _START
    for number, line in enumerate(text.splitlines(), start=1):
        entry = parse_json(line)
        written = entry.pop("hash", "")
        if entry.get("previous") != previous:
            return number
        previous = hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()
        if written != previous:
            return number
    return 0
