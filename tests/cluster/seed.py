"""A copy of containerd's folder with the images already in it: copying takes a moment, importing ten seconds.

Made by the first cluster of a machine, in the moment when containerd has all images and nobody uses it yet. Where it
does not fit any more (other images, another containerd) it is made again; only gatewayctl's own image, which changes
with every edit, is simply imported over it.
"""

import fcntl
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster import containers
from tests.cluster.host import PATH
from tests.cluster.place import Cluster
from tests.cluster.programs import cache

_CHANGING = "gatewayctl-"  # how the archive is called whose content changes with every edit
_FACTS = "gatewayctl-seed.json"


def plant(cluster: Cluster, archives: tuple[Path, ...]) -> tuple[Path, ...]:
    """Give containerd, which must not run yet, what the seed has; the archives that are still to be imported."""
    with _alone(fcntl.LOCK_SH):
        facts = _facts()
        if not _fits(facts, cluster, archives):
            return archives
        _copy(_seed(), containers.root(cluster))
        had = _names(facts)
        return tuple(archive for archive in archives if archive.name not in had)


def wanted(cluster: Cluster, archives: tuple[Path, ...]) -> bool:
    """Whether a seed of these images is still to be made."""
    return not _fits(_facts(), cluster, archives)


def harvest(cluster: Cluster, archives: tuple[Path, ...]) -> None:
    """Make the seed from a containerd that has all images and was stopped."""
    with _alone(fcntl.LOCK_EX):
        unfinished = _seed().with_suffix(".unfinished")
        for old in (unfinished, _seed()):
            if old.exists():
                shutil.rmtree(old)
        _copy(containers.root(cluster), unfinished)
        facts = {**_circumstances(cluster), "archives": [archive.name for archive in archives]}
        (unfinished / _FACTS).write_text(json.dumps(facts))
        unfinished.rename(_seed())


def _fits(facts: dict[str, object], cluster: Cluster, archives: tuple[Path, ...]) -> bool:
    lasting = {archive.name for archive in archives if not archive.name.startswith(_CHANGING)}
    same = all(facts.get(key) == value for key, value in _circumstances(cluster).items())
    return same and lasting <= _names(facts)


def _names(facts: dict[str, object]) -> set[str]:
    names = facts.get("archives")
    return set(names) if isinstance(names, list) else set()


def _circumstances(cluster: Cluster) -> dict[str, object]:
    command = ["containerd", "--version"]
    version = subprocess.run(command, env={"PATH": PATH}, capture_output=True, text=True, check=True).stdout.strip()
    return {"containerd": version, "snapshotter": containers.snapshotter(cluster)}


def _facts() -> dict[str, object]:
    try:
        facts = json.loads((_seed() / _FACTS).read_text())
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _copy(source: Path, target: Path) -> None:
    """With owners, special files and extended attributes, as layers have them.

    What containerd has committed it never changes again, so the same file may be in both; its databases may not.
    """
    if subprocess.run(["cp", "--archive", "--link", source, target], capture_output=True).returncode:  # noqa: S607
        shutil.rmtree(target, ignore_errors=True)  # another file system: real copies
        subprocess.run(["cp", "--archive", "--reflink=auto", source, target], check=True)  # noqa: S607
    for database in target.glob("*/*.db"):
        own = database.with_suffix(".copy")
        shutil.copyfile(database, own)
        own.rename(database)


def _seed() -> Path:
    return cache() / "containerd"


@contextmanager
def _alone(how: int) -> Iterator[None]:
    with (cache() / "containerd.lock").open("w") as handle:
        fcntl.flock(handle, how)
        yield
