"""The cgroup that holds a cluster's pods, in version 1 (one tree per controller) and version 2 (one tree)."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from gatewayctl.domain.errors import DeadlineExceeded, EnvironmentFailed

_VERSION_2 = Path("/sys/fs/cgroup")
_CPUSET = ("cpuset.cpus", "cpuset.mems")  # version 1 leaves them empty in a new cgroup, and nothing can run there
_POLL = 0.02  # seconds


def trees(mounts: str) -> tuple[Path, ...]:
    """The roots of all cgroup trees that hold controllers, out of the text of /proc/mounts."""
    lines = [line.split() for line in mounts.splitlines()]
    first = tuple(Path(line[1]) for line in lines if line[2] == "cgroup")
    return first or tuple(Path(line[1]) for line in lines if line[2] == "cgroup2")


def create(name: str) -> None:
    """Make the cgroup in every tree. Raises EnvironmentFailed where there are none, or they may not be written."""
    roots = _roots()
    if not roots:
        raise EnvironmentFailed(
            "no cgroups are mounted below /sys/fs/cgroup", hint="run it on a machine, or in a privileged container"
        )
    try:
        for root in roots:
            (root / name).mkdir(exist_ok=True)
            if (root / "cgroup.controllers").exists():
                _hand_down(root, name)
            for file in _CPUSET:
                if (root / file).exists() and not (root / "cgroup.controllers").exists():
                    (root / name / file).write_text((root / file).read_text())
    except OSError as fault:
        raise EnvironmentFailed(
            f"cannot make a cgroup for the pods: {fault}", hint="in a container, run it --privileged"
        ) from fault


def members(name: str) -> tuple[int, ...]:
    """The pids of all processes in the cgroup and below it."""
    found: set[int] = set()
    for file in (file for root in _roots() for file in (root / name).rglob("cgroup.procs")):
        try:
            found.update(int(word) for word in file.read_text().split())
        except OSError:  # gone meanwhile, or its parts are threads
            continue
    return tuple(sorted(found))


def remove(name: str, within: float) -> None:
    """Take the cgroup away in every tree, after its processes were ended. Raises DeadlineExceeded."""
    deadline = time.monotonic() + within
    while left := [folder for root in _roots() for folder in _deepest_first(root / name) if not _removed(folder)]:
        if time.monotonic() > deadline:
            raise DeadlineExceeded(within, f"the end of what runs in {left[0]}")
        time.sleep(_POLL)


def present(name: str) -> bool:
    """Whether any tree still has the cgroup."""
    return any((root / name).exists() for root in _roots())


def _roots() -> tuple[Path, ...]:
    return trees(Path("/proc/mounts").read_text())


def _hand_down(root: Path, name: str) -> None:
    """Version 2: children have the controllers that their parents pass on."""
    wanted = " ".join(f"+{controller}" for controller in (root / "cgroup.controllers").read_text().split())
    try:
        (root / "cgroup.subtree_control").write_text(wanted)
    except OSError:
        # In a container our root is a cgroup like any other, and may not both hold processes and pass controllers on.
        (root / "init").mkdir(exist_ok=True)
        for pid in (root / "cgroup.procs").read_text().split():
            _move(pid, root / "init" / "cgroup.procs")
        (root / "cgroup.subtree_control").write_text(wanted)
    (root / name / "cgroup.subtree_control").write_text(wanted)


def _move(pid: str, to: Path) -> None:
    try:
        to.write_text(pid)
    except ProcessLookupError:
        return


def _deepest_first(folder: Path) -> Iterator[Path]:
    for path, _, _ in os.walk(folder, topdown=False):
        yield Path(path)


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
