"""Start a cluster's processes, remember exactly which they are, and end exactly those.

A pid is remembered together with the process's start time, and every process also carries a mark in its environment:
the mark finds what was started in the instant before its pid was written down, and containerd's shims.
"""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from gatewayctl.adapters.files.processes import is_alive, read_start_time, read_tail, send_signal
from gatewayctl.domain.errors import DeadlineExceeded, EnvironmentFailed
from tests.cluster.host import PATH
from tests.cluster.place import Cluster

MARK = "GATEWAYCTL_CLUSTER_PROCESS"  # in the environment of every process of a cluster
# The program becomes a child of init and not of us, who may be a test that ends, or never reaps.
_DETACHED = 'ulimit -Sn "$(ulimit -Hn)"; log=$1; shift; "$@" >>"$log" 2>&1 </dev/null & echo $!'
_POLL = 0.02  # seconds


@dataclass(frozen=True, slots=True)
class Process:
    """One process of a cluster; `started` is the kernel's start time."""

    component: str
    pid: int
    started: str

    @property
    def running(self) -> bool:
        """Whether this very process still runs."""
        return is_alive(self.pid, self.started)


def start(cluster: Cluster, component: str, command: Iterable[str | Path]) -> Process:
    """Start a program inside the cluster's network namespace, its output in its log."""
    log = log_of(cluster, component)
    log.parent.mkdir(parents=True, exist_ok=True)
    cluster.processes.mkdir(parents=True, exist_ok=True)
    environment = {"PATH": PATH, "HOME": str(cluster.lib), MARK: cluster.ident}
    inside = ["nsenter", f"--net={cluster.netns}", "--", *command]
    done = subprocess.run(
        ["/bin/sh", "-c", _DETACHED, "sh", log, *inside],
        env=environment,
        cwd=cluster.lib,
        start_new_session=True,
        stdout=subprocess.PIPE,
        check=True,
    )
    pid = int(done.stdout)
    process = Process(component, pid, read_start_time(pid))
    record(process, cluster.processes / f"{process.component}.json")
    return process


def recorded(cluster: Cluster) -> tuple[Process, ...]:
    """The processes that were written down, running or not."""
    files = sorted(cluster.processes.glob("*.json"))
    return tuple(process for file in files if (process := read(file)))


def component(cluster: Cluster, name: str) -> Process:
    """The running process of a component. Raises EnvironmentFailed when it does not run."""
    for process in recorded(cluster):
        if process.component == name and process.running:
            return process
    words = read_tail(log_of(cluster, name), 5)
    raise EnvironmentFailed(
        f"{name} of cluster {cluster.name} does not run; its log ends: {words or '(empty)'}",
        hint=f"python -m tests.cluster up --name {cluster.name}",
    )


def log_of(cluster: Cluster, component: str) -> Path:
    """The log of a component."""
    return cluster.logs / f"{component}.log"


def marked(cluster: Cluster) -> tuple[Process, ...]:
    """Every process that carries this cluster's mark, found by looking at all of them."""
    mark = f"{MARK}={cluster.ident}".encode()
    return running_where(lambda folder: mark in (folder / "environ").read_bytes().split(b"\0"))


def running_where(holds: Callable[[Path], bool]) -> tuple[Process, ...]:
    """Every process for whose folder below /proc something holds; those that vanish meanwhile are left out."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        started = read_start_time(int(folder.name))
        try:
            if started and holds(folder):
                found.append(Process(f"process {folder.name}", int(folder.name), started))
        except OSError:
            continue
    return tuple(found)


def end(processes: Iterable[Process], how: signal.Signals, within: float) -> None:
    """Send a signal to each and wait until all are gone. Raises DeadlineExceeded after `within` seconds."""
    ending = [process for process in processes if send_signal(process.pid, process.started, how)]
    deadline = time.monotonic() + within
    while left := [process for process in ending if process.running]:
        if time.monotonic() > deadline:
            raise DeadlineExceeded(
                within, f"the end of {', '.join(process.component for process in left)} by {how.name}"
            )
        time.sleep(_POLL)


def record(process: Process, file: Path) -> None:
    """Write down which process it is, all or nothing."""
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(json.dumps({"pid": process.pid, "started": process.started}))
    unfinished.rename(file)


def read(file: Path) -> Process | None:
    """The process that was written down, running or not; None where there is nothing to read."""
    try:
        content = json.loads(file.read_text())
        return Process(file.stem, int(content["pid"]), str(content["started"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
