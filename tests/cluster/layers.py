"""Layers of images from files of this machine, each written once and named by what it was made from."""

import hashlib
import io
import json
import os
import stat
import sys
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

FORMAT = "2"  # raise it when the same entries would be written differently
_KEPT = 3  # files of one label: another process may still read the one before


@dataclass(frozen=True, slots=True)
class Entry:
    """One path of a layer (without leading slash): a copy of `source`, else a link to `target`, else `content`.

    An entry whose mode says so is a folder. Folders on the way need no entry of their own.
    """

    path: str
    mode: int = 0o644
    source: Path | None = None
    target: str = ""
    content: bytes = b""
    owner: int = 0

    def facts(self) -> tuple[object, ...]:
        """What the written bytes depend on. A copied file is known by its size and time: reading it all takes long."""
        copied: tuple[int, ...] = ()
        if self.source:
            seen = self.source.stat()
            copied = (seen.st_size, seen.st_mtime_ns)
        return (self.path, self.mode, self.target, hashlib.sha256(self.content).hexdigest(), self.owner, copied)


def nothing() -> tuple[Entry, ...]:
    """No entries."""
    return ()


@dataclass(frozen=True, slots=True)
class Layer:
    """A set of entries by a label.

    What `more` gives is written too, but only then asked for, and does not count as a change: caches that come and go,
    and the libraries of this machine.
    """

    label: str
    entries: tuple[Entry, ...]
    more: Callable[[], tuple[Entry, ...]] = nothing

    def key(self) -> str:
        """Differs when the layer would."""
        facts = [FORMAT, *sorted(entry.facts() for entry in self.entries)]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def copies(pairs: Iterable[tuple[str, Path]]) -> tuple[Entry, ...]:
    """Entries that copy files; what may be run here may be run there, and everybody may read."""
    return tuple(
        Entry(path.lstrip("/"), 0o755 if os.access(source, os.X_OK) else 0o644, source=source.resolve())
        for path, source in pairs
    )


def layer_file(layer: Layer, folder: Path) -> Path:
    """The tar of a layer in `folder`, written unless it is there."""
    return written(folder, f"layer-{layer.label}", layer.key(), lambda tar: _fill(tar, layer))


def written(folder: Path, label: str, key: str, fill: Callable[[tarfile.TarFile], None]) -> Path:
    """`folder/label-key.tar`, filled unless it is there; never seen half written. Old ones of that label go."""
    finished = folder / f"{label}-{key}.tar"
    if finished.exists():
        os.utime(finished)
        return finished
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{finished.name}.{os.getpid()}"
    try:
        with tarfile.open(unfinished, "w") as tar:
            fill(tar)
        unfinished.rename(finished)
        sys.stderr.write(f"wrote {finished.name}, {finished.stat().st_size / 1e6:.0f} MB\n")
    finally:
        unfinished.unlink(missing_ok=True)
    for old in sorted(folder.glob(f"{label}-*.tar"), key=lambda file: file.stat().st_mtime)[:-_KEPT]:
        old.unlink(missing_ok=True)
    return finished


def _fill(tar: tarfile.TarFile, layer: Layer) -> None:
    made: set[str] = set()
    for entry in sorted({entry.path: entry for entry in (*layer.more(), *layer.entries)}.values(), key=_path):
        _add_folders(tar, entry.path, made)
        _add_entry(tar, entry)
        made.add(entry.path)


def _path(entry: Entry) -> str:
    return entry.path


def _add_folders(tar: tarfile.TarFile, path: str, made: set[str]) -> None:
    """The folders on the way: anybody may pass, whatever they allow on this machine."""
    for parent in reversed(Path(path).parents):
        if str(parent) not in (".", *made):
            _add_entry(tar, Entry(str(parent), stat.S_IFDIR | 0o755))
            made.add(str(parent))


def _add_entry(tar: tarfile.TarFile, entry: Entry) -> None:
    info = tarfile.TarInfo(entry.path)
    info.mode, info.uid, info.gid = stat.S_IMODE(entry.mode), entry.owner, entry.owner
    if entry.source:
        seen = entry.source.stat()
        info.size, info.mtime = seen.st_size, int(seen.st_mtime)  # compiled Python is valid for that very time
        with entry.source.open("rb") as content:
            tar.addfile(info, content)
    elif entry.target:
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, entry.target, 0o777
        tar.addfile(info)
    elif stat.S_ISDIR(entry.mode):
        info.type = tarfile.DIRTYPE
        tar.addfile(info)
    else:
        info.size = len(entry.content)
        tar.addfile(info, io.BytesIO(entry.content))
