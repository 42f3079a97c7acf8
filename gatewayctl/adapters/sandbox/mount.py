"""A folder of files as a kubelet mounts a ConfigMap: all files change at once, by renaming a symbolic link.

`..data` is a link to a folder with the files, and each visible file is a link through it. A gateway that watches the
folder sees one rename; a gateway that watches a file sees nothing. This is the same in a cluster.
"""

import re
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

_ANY = re.compile(r"(?<![\d.])0\.0\.0\.0(?![\d.])")


def localise(text: str, address: str, mount: str, folder: Path) -> str:
    """`text` as one replica gets it: `0.0.0.0` replaced by its address, and the path `mount` by its folder.

    A pod has its own addresses and its own files; a process on this machine does not. Every other byte stays.
    """
    mount_path = re.compile(rf"(?<![\w./-]){re.escape(mount)}(?![\w-])")
    return mount_path.sub(lambda _: str(folder), _ANY.sub(address, text))


def sync(folder: Path, files: Mapping[str, str]) -> None:
    """Make `files` the content of the mounted folder, all at once. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "..data"
    before = folder / data.readlink() if data.is_symlink() else None
    fresh = folder / datetime.now(UTC).strftime("..%Y_%m_%d_%H_%M_%S.%f")
    fresh.mkdir()
    for name, text in files.items():
        (fresh / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    temporary = folder / "..data_tmp"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(fresh.name)
    temporary.replace(data)
    for name in files:
        visible = folder / name
        if not visible.is_symlink():
            visible.symlink_to(Path("..data", name))
    for visible in folder.iterdir():
        if not visible.name.startswith("..") and visible.name not in files:
            visible.unlink()
    if before is not None and before.is_dir():
        shutil.rmtree(before)
