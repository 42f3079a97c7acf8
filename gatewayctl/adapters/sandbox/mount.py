"""A ConfigMap as a kubelet mounts it: all keys change in one instant, by renaming a symlink.

`..data` points to a folder with the files, and every visible name points through it. A gateway that watches the
folder sees one move; one that watches a file sees nothing, here as in a cluster.
"""

import re
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

_ANY = re.compile(r"(?<![\d.])0\.0\.0\.0(?![\d.])")


def localised(text: str, address: str, mount: str, folder: Path) -> str:
    """`text` as one replica reads it here.

    A pod has its own addresses and its own files; a process on this machine has neither. So exactly two things are
    replaced, byte for byte nothing else: `0.0.0.0` by the replica's address, and the mount path by its folder.
    """
    inside = re.compile(rf"(?<![\w./-]){re.escape(mount)}(?![\w-])")
    return inside.sub(lambda _: str(folder), _ANY.sub(address, text))


def sync(folder: Path, files: Mapping[str, str]) -> None:
    """Make `files` what the mounted folder shows, all at once. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "..data"
    before = folder / data.readlink() if data.is_symlink() else None
    fresh = folder / datetime.now(UTC).strftime("..%Y_%m_%d_%H_%M_%S.%f")
    fresh.mkdir()
    for name, text in files.items():
        (fresh / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    passing = folder / "..data_tmp"
    passing.unlink(missing_ok=True)
    passing.symlink_to(fresh.name)
    passing.replace(data)
    for name in files:
        visible = folder / name
        if not visible.is_symlink():
            visible.symlink_to(Path("..data", name))
    for visible in folder.iterdir():
        if not visible.name.startswith("..") and visible.name not in files:
            visible.unlink()
    if before is not None and before.is_dir():
        shutil.rmtree(before)
