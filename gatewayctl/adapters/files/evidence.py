"""The evidence of a release as a folder of files, for people to read and for programs to archive."""

from pathlib import Path

from gatewayctl.adapters.files.locking import read_bounded_file, replace_durably, safe_name, unreadable, unwritable
from gatewayctl.domain.errors import UsageFault

_DEEPEST = 4  # folders, counting the document itself


class FileEvidence:
    """One folder per release below `root/evidence`."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve() / "evidence"

    def put(self, release: str, name: str, text: str) -> None:
        """Write `text` as the document `name`, which may be in folders (`smoke/junit.xml`).

        Raises UsageFault for a name that leads out of the release's folder, EnvironmentFailed when it cannot write.
        """
        replace_durably(self._document(release, name), text)

    def get(self, release: str, name: str) -> str | None:
        """The document `name` as it was put, or as a child process wrote it; None when there is none.

        Raises EnvironmentFailed when it cannot be read as text.
        """
        path = self._document(release, name)
        try:
            if path.exists() and not _is_document(path):
                raise unreadable(path, ValueError("not a file of its own"))  # a child may put a link or a pipe there
            return read_bounded_file(path).decode("utf-8", "surrogatepass")
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as fault:
            raise unreadable(path, fault) from fault

    def names(self, release: str) -> tuple[str, ...]:
        """The names of all documents in alphabetical order; hidden files are writes that were interrupted."""
        folder = self._path(release)
        files = (path.relative_to(folder) for path in folder.rglob("*") if _is_document(path))
        return tuple(sorted(path.as_posix() for path in files if not any(part[0] == "." for part in path.parts)))

    def folder(self, release: str) -> str:
        """The path of the release's folder; it is made first, because child processes write into it.

        Raises EnvironmentFailed.
        """
        path = self._path(release)
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as fault:
            raise unwritable(path, fault) from fault
        return str(path)

    def _document(self, release: str, name: str) -> Path:
        parts = name.split("/")
        if len(parts) > _DEEPEST:
            raise UsageFault(f"document {name!r} is more than {_DEEPEST} folders deep")
        for part in parts:
            safe_name(part, "document")
        return self._path(release).joinpath(*parts)

    def _path(self, release: str) -> Path:
        return self._root / safe_name(release, "release")


def _is_document(path: Path) -> bool:
    """Whether it is a plain file, and no link: one could lead to any file of the machine, or to one without end."""
    return path.is_file() and not path.is_symlink()
