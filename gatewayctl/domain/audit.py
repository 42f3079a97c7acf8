"""Who did what when, one JSON line per note. Each line contains the hash of the line before, so a change is noticed."""

import hashlib
import json

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
