"""What end-to-end tests do to a running cluster: kill, start again and pause its components, and read their logs."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from gatewayctl.adapters.files.processes import send_signal
from tests.cluster import components, containers
from tests.cluster.components import Component
from tests.cluster.lifecycle import PATIENCE, wait_until_ready
from tests.cluster.place import Cluster
from tests.cluster.processes import Process, component, end, log_of, start

_MAKERS = {
    "etcd": components.etcd,
    "containerd": containers.containerd,
    "kube-apiserver": components.apiserver,
    "kube-controller-manager": components.controller_manager,
    "kube-scheduler": components.scheduler,
    "coredns": components.dns,
    "kubelet": components.kubelet,
    "kube-proxy": components.proxy,
}


def restart_api_server(cluster: Cluster, within: float = PATIENCE) -> Process:
    """Kill the API server and start it again; return when it is ready, or raise DeadlineExceeded after `within` s."""
    kill(cluster, "kube-apiserver")
    process = start_again(cluster, "kube-apiserver")
    wait_until_ready(cluster, "api", within)
    return process


def kill(cluster: Cluster, name: str) -> None:
    """End a component without a word (SIGKILL). Raises EnvironmentFailed when it does not run."""
    end([component(cluster, name)], signal.SIGKILL, PATIENCE)


def start_again(cluster: Cluster, name: str) -> Process:
    """Start a component that was killed, with the same command; it may not be ready yet."""
    made: Component = _MAKERS[name](cluster)
    return start(cluster, made.name, made.command)


def pause(cluster: Cluster, name: str) -> None:
    """Stop a component where it stands (SIGSTOP): it holds all it has, and does nothing."""
    _tell(cluster, name, signal.SIGSTOP)


def resume(cluster: Cluster, name: str) -> None:
    """Let a paused component go on (SIGCONT)."""
    _tell(cluster, name, signal.SIGCONT)


@contextmanager
def paused(cluster: Cluster, name: str) -> Iterator[None]:
    """A component is paused meanwhile, and goes on whatever happens."""
    pause(cluster, name)
    try:
        yield
    finally:
        resume(cluster, name)


def _tell(cluster: Cluster, name: str, what: signal.Signals) -> None:
    process = component(cluster, name)
    send_signal(process.pid, process.started, what)


def log(cluster: Cluster, name: str) -> str:
    """All that a component has said since the cluster was started."""
    return log_of(cluster, name).read_text(errors="replace")
