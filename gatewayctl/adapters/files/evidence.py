"""The bundle of a release as a folder of files, for people and for whoever archives it."""

from pathlib import Path

from gatewayctl.adapters.files.locking import replace_durably, safe_name
from gatewayctl.domain.errors import EnvironmentFailed, UsageFault

_DEEPEST = 4


class FileEvidence:
    """One folder per release below `root/evidence`."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve() / "evidence"

    def put(self, release: str, name: str, text: str) -> None:
        """Keep `text` as `name`, which may be in folders (`smoke/junit.xml`); it is never written outside."""
        parts = name.split("/")
        if len(parts) > _DEEPEST:
            raise UsageFault(f"document {name!r} is more than {_DEEPEST} folders deep")
        for part in parts:
            safe_name(part, "document")
        replace_durably(self._path(release).joinpath(*parts), text)

    def folder(self, release: str) -> str:
        """Where a person finds the bundle; made when it is not there, so that child processes can write into it."""
        path = self._path(release)
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as fault:
            raise EnvironmentFailed(f"{path}: cannot be made: {fault}") from fault
        return str(path)

    def _path(self, release: str) -> Path:
        return self._root / safe_name(release, "release")
