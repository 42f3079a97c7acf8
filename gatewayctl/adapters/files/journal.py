"""The journal as one JSON file per application: its latest release, a version number, and the releases that ended."""

import json
from pathlib import Path
from typing import Any

from gatewayctl.adapters.files.locking import hold_lock, read_json, replace_durably, safe_name
from gatewayctl.adapters.files.records import release_from_data, release_to_data
from gatewayctl.domain.errors import EnvironmentFailed, StaleWrite
from gatewayctl.domain.release import Record, Release


class FileJournal:
    """Files in `root/journal`. Keeps `keep` ended releases per application; record and history change in one rename."""

    staleness = 0.0  # seconds; the file is read each time

    def __init__(self, root: Path, keep: int = 20) -> None:
        self._folder, self._keep = root / "journal", keep

    def load(self, app: str) -> Record | None:
        """The application's record, or None when it never had a release. Raises EnvironmentFailed."""
        path = self._path(app)
        content = read_json(path)
        if content is None:
            return None
        return Record(release_from_data(content.get("release"), str(path)), _version(content, path))

    def save(self, app: str, release: Release, expected: int) -> Record:
        """Write `release` if the record is still at version `expected` (0: there is none); else raise StaleWrite."""
        path = self._path(app)
        with hold_lock(self._folder):
            content = read_json(path)
            version = 0 if content is None else _version(content, path)
            if version != expected:
                raise StaleWrite(
                    f"the journal of {app} was written by someone else: expected version {expected}, found {version}"
                )
            data = release_to_data(release)
            ended = [one for one in (content or {}).get("history", []) if one.get("id") != release.id]
            if release.ended:
                ended = [data, *ended]
            entry = {"version": version + 1, "release": data, "history": ended[: self._keep]}
            replace_durably(path, json.dumps(entry))
        return Record(release, version + 1)

    def has_moved(self, app: str, version: int) -> bool:
        """Whether the record is no longer at `version`. Raises EnvironmentFailed."""
        path = self._path(app)
        content = read_json(path)
        return content is None or _version(content, path) != version

    def history(self, app: str) -> tuple[Release, ...]:
        """Ended releases, newest first. Raises EnvironmentFailed."""
        path = self._path(app)
        content = read_json(path) or {}
        return tuple(release_from_data(one, str(path)) for one in content.get("history", []))

    def _path(self, app: str) -> Path:
        return self._folder / f"{safe_name(app, 'application')}.json"


def _version(content: dict[str, Any], path: Path) -> int:
    version = content.get("version")
    if not isinstance(version, int) or version < 1:
        raise EnvironmentFailed(f"{path}: expected a version of 1 or more, found {version!r}")
    return version
