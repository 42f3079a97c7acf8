"""Start and stop a cluster as a whole; an earlier one of the same name that is not whole is removed first."""

import fcntl
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from gatewayctl.adapters.sandbox.process import tail
from gatewayctl.domain.errors import DeadlineExceeded, EnvironmentFailed
from tests.cluster import access, certificates, cgroups, components, containers, host, images, leftovers, network
from tests.cluster.build import build
from tests.cluster.place import PROJECT, Cluster
from tests.cluster.processes import log_of, recorded, start

PATIENCE = 120.0  # seconds, for any one step on a busy machine; a step that cannot succeed is noticed sooner
_POLL = 0.05  # seconds
_WORDS = 8  # lines of a log


def up(cluster: Cluster) -> None:
    """Return when the cluster is ready; one that runs already is left as it is.

    Raises EnvironmentFailed when this machine cannot carry one, or a component ends.
    """
    host.check(host.this_host())
    build()
    archives = images.build()
    with alone(cluster):
        if running(cluster):
            return
        begun = time.monotonic()
        leftovers.remove(cluster)
        try:
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
    for make in (components.etcd, containers.containerd, components.apiserver):
        _launch(cluster, make(cluster))
    _wait_for_containerd(cluster)
    with ThreadPoolExecutor() as pool:
        loading = pool.submit(containers.load, cluster, archives)
        wait_until_ready(cluster, "api")
        for make in (components.controller_manager, components.scheduler, components.dns):
            _launch(cluster, make(cluster))
        loading.result()
    for make in (components.kubelet, components.proxy):
        _launch(cluster, make(cluster))
    wait_until_ready(cluster, "cluster")


def _launch(cluster: Cluster, component: components.Component) -> None:
    start(cluster, component.name, component.command)


def _wait_for_containerd(cluster: Cluster) -> None:
    deadline = time.monotonic() + PATIENCE
    while not containers.answers(cluster):
        _all_run(cluster)
        if time.monotonic() > deadline:
            raise DeadlineExceeded(PATIENCE, "containerd", tail(log_of(cluster, "containerd"), _WORDS))
        time.sleep(_POLL)


def _all_run(cluster: Cluster) -> None:
    for process in recorded(cluster):
        if not process.running:
            words = tail(log_of(cluster, process.component), _WORDS)
            raise EnvironmentFailed(
                f"{process.component} ended; its log ends:\n{words}",
                hint=f"the whole log: {log_of(cluster, process.component)}",
            )


def _marker(cluster: Cluster) -> Path:
    return cluster.folder / "ready"
