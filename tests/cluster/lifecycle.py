"""Start and stop a cluster as a whole; an earlier one of the same name that is not whole is removed first."""

import fcntl
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from gatewayctl.adapters.files.processes import read_tail
from gatewayctl.domain.errors import Busy, DeadlineExceeded, EnvironmentFailed
from tests.cluster import (
    access,
    certificates,
    cgroups,
    components,
    containers,
    gateway_api,
    host,
    images,
    leftovers,
    network,
    seed,
)
from tests.cluster.build import build
from tests.cluster.place import PROJECT, Cluster
from tests.cluster.processes import Process, component, end, log_of, read, record, recorded, start

PATIENCE = 120.0  # seconds, for any one step on a busy machine; a step that cannot succeed is noticed sooner
_POLL = 0.05  # seconds
_WORDS = 8  # lines of a log


def up(cluster: Cluster, attendant: Process | None = None) -> None:
    """Return when the cluster is ready; one that was left running is left as it is.

    A cluster with an attendant is that process's alone, and new; when the attendant has ended, it is a leftover.
    Raises Busy when the cluster is another's, EnvironmentFailed when this machine cannot carry one or a component ends.
    """
    host.check(host.this_host())
    build()
    archives = images.build()
    gateway_api.definitions()
    with alone(cluster):
        if _already(cluster, attendant):
            return
        begun = time.monotonic()
        leftovers.remove(cluster)
        try:
            if attendant:
                record(attendant, _attended(cluster))
            _start(cluster, archives)
        except BaseException:  # also when interrupted: half a cluster is of no use to anybody
            leftovers.remove(cluster)
            raise
        _marker(cluster).touch()
        sys.stderr.write(f"cluster {cluster.name} is ready after {time.monotonic() - begun:.1f} s\n")


def down(cluster: Cluster) -> None:
    """Return when nothing of the cluster is left but its logs; nothing happens if there is none."""
    host.check(host.this_host())
    with alone(cluster):
        leftovers.remove(cluster)


def _already(cluster: Cluster, attendant: Process | None) -> bool:
    """Whether it runs and may be used."""
    other = read(_attended(cluster))
    if other and other.running:
        raise Busy(f"cluster {cluster.name} belongs to process {other.pid}", hint="choose another --name")
    kept = running(cluster) and not other
    if kept and attendant:
        raise Busy(
            f"cluster {cluster.name} was left running on purpose",
            hint=f"choose another --name, or: python -m tests.cluster down --name {cluster.name}",
        )
    return kept


def running(cluster: Cluster) -> bool:
    """Whether it came up wholly, and every component still runs."""
    known = recorded(cluster)
    return _marker(cluster).exists() and bool(known) and all(process.running for process in known)


def wait_until_ready(cluster: Cluster, what: str, within: float = PATIENCE) -> None:
    """Wait for the `api` or the whole `cluster`. Raises EnvironmentFailed with what was found last."""
    command = [sys.executable, "-m", "tests.cluster.readiness", str(cluster.folder), what, str(within)]
    waiting = subprocess.Popen(network.within(cluster, command), cwd=PROJECT, stderr=subprocess.PIPE, text=True)
    with waiting:
        try:
            while waiting.poll() is None:
                _all_run(cluster)
                time.sleep(_POLL)
        finally:
            waiting.kill()
        assert waiting.stderr is not None
        if waiting.returncode:
            raise DeadlineExceeded(within, f"the {what} of {cluster.name}", waiting.stderr.read().strip())


@contextmanager
def alone(cluster: Cluster) -> Iterator[None]:
    """Nobody else starts or stops this cluster meanwhile."""
    cluster.folder.mkdir(parents=True, exist_ok=True)
    with cluster.lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _start(cluster: Cluster, archives: tuple[Path, ...]) -> None:
    for log in cluster.logs.glob("*.log"):
        log.unlink()
    for folder in (cluster.run, cluster.lib):
        folder.mkdir(mode=0o711)
    network.create(cluster)
    cgroups.create(cluster.ident)
    certificates.create(cluster)
    access.create(cluster)
    _launch(cluster, components.etcd(cluster))
    _launch(cluster, components.apiserver(cluster))
    with ThreadPoolExecutor() as pool:
        loading = pool.submit(_bring_images, cluster, archives)
        wait_until_ready(cluster, "api")
        for make in (components.controller_manager, components.scheduler, components.dns):
            _launch(cluster, make(cluster))
        loading.result()
    _leave_seed(cluster, archives)
    for make in (components.kubelet, components.proxy):
        _launch(cluster, make(cluster))
    wait_until_ready(cluster, "cluster")


def _bring_images(cluster: Cluster, archives: tuple[Path, ...]) -> None:
    """containerd with all images."""
    missing = seed.plant(cluster, archives)
    if missing:
        sys.stderr.write(f"importing {', '.join(archive.name for archive in missing)}\n")
    _launch_containerd(cluster)
    containers.load(cluster, missing)


def _leave_seed(cluster: Cluster, archives: tuple[Path, ...]) -> None:
    """What the first cluster has imported, the next shall find."""
    if seed.wanted(cluster, archives):
        end([component(cluster, "containerd")], signal.SIGTERM, PATIENCE)
        seed.harvest(cluster, archives)
        _launch_containerd(cluster)


def _launch_containerd(cluster: Cluster) -> None:
    _launch(cluster, containers.containerd(cluster))
    _wait_for_containerd(cluster)


def _launch(cluster: Cluster, program: components.Component) -> None:
    start(cluster, program.name, program.command)


def _wait_for_containerd(cluster: Cluster) -> None:
    deadline = time.monotonic() + PATIENCE
    while not containers.answers(cluster):
        _all_run(cluster)
        if time.monotonic() > deadline:
            raise DeadlineExceeded(PATIENCE, "containerd", read_tail(log_of(cluster, "containerd"), _WORDS))
        time.sleep(_POLL)


def _all_run(cluster: Cluster) -> None:
    for process in recorded(cluster):
        if not process.running:
            words = read_tail(log_of(cluster, process.component), _WORDS)
            raise EnvironmentFailed(
                f"{process.component} ended; its log ends:\n{words}",
                hint=f"the whole log: {log_of(cluster, process.component)}",
            )


def _attended(cluster: Cluster) -> Path:
    return cluster.folder / "attendant.json"


def _marker(cluster: Cluster) -> Path:
    return cluster.folder / "ready"
