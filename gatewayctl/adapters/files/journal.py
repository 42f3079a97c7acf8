"""The journal as one file per application: the release at hand with its version, and those that have ended."""

import json
from pathlib import Path
from typing import Any

from gatewayctl.adapters.files.locking import locked, read_json, replace_durably, safe_name
from gatewayctl.adapters.files.records import release_from_data, release_to_data
from gatewayctl.domain.errors import EnvironmentFailed, StaleWrite
from gatewayctl.domain.release import Record, Release


class FileJournal:
    """Keeps `keep` ended releases per application. Record and history change together, in one rename."""

    def __init__(self, root: Path, keep: int = 20) -> None:
        self._folder, self._keep = root / "journal", keep

    def load(self, app: str) -> Record | None:
        """The application's record, or None when it never had a release. Raises EnvironmentFailed."""
        path = self._path(app)
        found = read_json(path)
        if found is None:
            return None
        return Record(release_from_data(found.get("release"), str(path)), _version(found, path))

    def save(self, app: str, release: Release, expected: int) -> Record:
        """Write `release` if the record is still at version `expected` (0: there is none); else raise StaleWrite."""
        path = self._path(app)
        with locked(self._folder):
            found = read_json(path)
            version = 0 if found is None else _version(found, path)
            if version != expected:
                raise StaleWrite(
                    f"the journal of {app} was written by someone else: expected version {expected}, found {version}"
                )
            data = release_to_data(release)
            ended = [one for one in (found or {}).get("history", []) if one.get("id") != release.id]
            if release.ended:
                ended = [data, *ended]
            entry = {"version": version + 1, "release": data, "history": ended[: self._keep]}
            replace_durably(path, json.dumps(entry))
        return Record(release, version + 1)

    def has_moved(self, app: str, version: int) -> bool:
        """Whether the record is no longer at `version`. Raises EnvironmentFailed."""
        path = self._path(app)
        found = read_json(path)
        return found is None or _version(found, path) != version

    def history(self, app: str) -> tuple[Release, ...]:
        """Ended releases, newest first. Raises EnvironmentFailed."""
        path = self._path(app)
        found = read_json(path) or {}
        return tuple(release_from_data(one, str(path)) for one in found.get("history", []))

    def _path(self, app: str) -> Path:
        return self._folder / f"{safe_name(app, 'application')}.json"


def _version(found: dict[str, Any], path: Path) -> int:
    version = found.get("version")
    if not isinstance(version, int) or version < 1:
        raise EnvironmentFailed(f"{path}: expected a version of 1 or more, found {version!r}")
    return version
