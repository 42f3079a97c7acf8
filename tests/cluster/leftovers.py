"""Find and remove all that a cluster has on this machine, whether it was stopped, crashed or never came up fully.

Nothing is remembered that could be wrong: processes are found by their records, their mark, the cluster's network
namespace and its cgroup; mounts by what the kernel lists below the cluster's own folders.
"""

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from gatewayctl.adapters.files.processes import read_start_time
from gatewayctl.domain.errors import EnvironmentFailed
from tests.cluster import cgroups, network
from tests.cluster.host import PATH
from tests.cluster.place import Cluster
from tests.cluster.processes import Process, end, marked, recorded, running_where

_PATIENCE = 20.0  # seconds for the end of what was killed
_ROUNDS = 5  # what is killed may have started something in its last moment
_LOG_LINKS = Path("/var/log/containers")  # the kubelet's own, wherever its logs are
_POD_RESULTS = Path("/var/lib/cni/results")  # what the network plugins would need to take a pod's cable away


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What is there of a cluster."""

    processes: tuple[Process, ...]
    mounts: tuple[Path, ...]
    places: tuple[Path, ...]

    def __bool__(self) -> bool:
        return bool(self.processes or self.mounts or self.places)


def find(cluster: Cluster) -> Leftovers:
    """All that a cluster has on this machine, except logs."""
    folders = [cluster.netns, cluster.run, cluster.lib, *_state(cluster)]
    places = tuple(folder for folder in folders if folder.exists())
    return Leftovers(processes_of(cluster), mounts_below((cluster.run, cluster.lib)), places)


def processes_of(cluster: Cluster) -> tuple[Process, ...]:
    """Every running process that belongs to a cluster, commands that somebody runs inside it included."""
    found = {process.pid: process for process in (*_inside(cluster), *_in_cgroup(cluster), *marked(cluster))}
    found.update((process.pid, process) for process in recorded(cluster) if process.running)
    for pid in _ourselves():
        found.pop(pid, None)
    return tuple(found.values())


def remove(cluster: Cluster) -> None:
    """End and remove it all; logs stay. Raises EnvironmentFailed when something cannot be removed."""
    for _ in range(_ROUNDS):
        running = processes_of(cluster)
        if not running:
            break
        end(running, signal.SIGKILL, _PATIENCE)
    for mount in mounts_below((cluster.run, cluster.lib)):
        _unmount(mount)
    if left := mounts_below((cluster.run, cluster.lib)):
        raise EnvironmentFailed(f"{left[0]} is still mounted, so nothing below it is deleted", hint=f"umount {left[0]}")
    cgroups.remove(cluster.ident, _PATIENCE)
    network.remove(cluster)
    for folder in (cluster.lib, cluster.run, *_state(cluster)):
        if folder.is_dir():
            shutil.rmtree(folder)
        else:
            folder.unlink(missing_ok=True)
    _remove_links(cluster)


def mounts_below(folders: tuple[Path, ...], table: str = "") -> tuple[Path, ...]:
    """What is mounted at or below these folders, the latest first; `table` is the text of /proc/mounts."""
    lines = (table or Path("/proc/mounts").read_text()).splitlines()
    points = [Path(line.split()[1].encode().decode("unicode_escape")) for line in lines]
    return tuple(point for point in reversed(points) if any(point.is_relative_to(folder) for folder in folders))


def _state(cluster: Cluster) -> tuple[Path, ...]:
    """What is in the cluster's own folder, except the logs and the lock."""
    if not cluster.folder.is_dir():
        return ()
    return tuple(path for path in cluster.folder.iterdir() if path not in (cluster.logs, cluster.lock))


def _inside(cluster: Cluster) -> tuple[Process, ...]:
    if not cluster.netns.exists():
        return ()
    there = cluster.netns.stat().st_ino
    return running_where(lambda folder: (folder / "ns" / "net").stat().st_ino == there)


def _in_cgroup(cluster: Cluster) -> tuple[Process, ...]:
    started = ((pid, read_start_time(pid)) for pid in cgroups.members(cluster.ident))
    return tuple(Process(f"process {pid}", pid, at) for pid, at in started if at)


def _ourselves() -> tuple[int, ...]:
    """We and whoever called us: somebody may run `down` from inside."""
    found = [os.getpid()]
    while found[-1] > 1:
        stat = Path(f"/proc/{found[-1]}/stat").read_bytes()
        found.append(int(stat.rpartition(b")")[2].split()[1]))
    return tuple(found)


def _unmount(point: Path) -> None:
    for options in ([], ["--lazy"]):
        if not subprocess.run(["umount", *options, point], env={"PATH": PATH}, capture_output=True).returncode:  # noqa: S607
            return


def _remove_links(cluster: Cluster) -> None:
    for link in _LOG_LINKS.glob("*"):
        if link.is_symlink() and link.readlink().is_relative_to(cluster.lib):
            link.unlink(missing_ok=True)
    for result in _POD_RESULTS.glob(f"{cluster.ident}-*-eth0"):
        pod = result.name.removeprefix(f"{cluster.ident}-").removesuffix("-eth0")
        (_POD_RESULTS / f"cni-loopback-{pod}-lo").unlink(missing_ok=True)
        result.unlink(missing_ok=True)
