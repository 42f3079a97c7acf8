"""Commands inside a cluster's network namespace: in place of ours, or with a cluster of their own around them."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from gatewayctl.adapters.files.processes import read_start_time
from gatewayctl.domain.errors import EnvironmentFailed
from tests.cluster import lifecycle, network
from tests.cluster.place import ENTERED, Cluster
from tests.cluster.processes import Process
from tests.cluster.programs import binaries

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_GRACE = 30.0  # seconds that a command has for its own cleaning up after it was told to end


class Told(BaseException):
    """We were told to end; not an Exception, so that nobody takes it for a fault of theirs."""

    def __init__(self, which: int) -> None:
        self.which = signal.Signals(which)
        super().__init__(self.which.name)


def heed_signals() -> None:
    """From now on a signal that asks us to end is an exception, and what must be cleaned up is."""
    for which in _ENDING:
        signal.signal(which, _told)


def environment(cluster: Cluster, around: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What a command inside sees: the kubeconfig, our kubectl and this Python's programs first, no proxy."""
    kept = {key: value for key, value in around.items() if not key.lower().endswith("_proxy")}
    first = (str(Path(sys.executable).parent), str(binaries()))
    path = os.pathsep.join([*first, around.get("PATH", "")])
    return {**kept, "PATH": path, "KUBECONFIG": str(cluster.kubeconfig), ENTERED: str(cluster.folder)}


def enter(cluster: Cluster, command: Sequence[str]) -> NoReturn:
    """Become the command. Raises EnvironmentFailed when the cluster does not run."""
    if not lifecycle.running(cluster):
        raise EnvironmentFailed(
            f"cluster {cluster.name} does not run", hint=f"python -m tests.cluster up --name {cluster.name}"
        )
    inside = network.within(cluster, command)
    os.execvpe(inside[0], inside, environment(cluster))  # noqa: S606 (it is what `enter` means)


def run(cluster: Cluster, command: Sequence[str]) -> int:
    """Start a cluster, run the command inside, and stop the cluster whatever happened; the command's exit code."""
    lifecycle.up(cluster, Process("attendant", os.getpid(), read_start_time(os.getpid())))
    try:
        return _attend(cluster, command)
    finally:
        for which in _ENDING:
            signal.signal(which, signal.SIG_IGN)
        lifecycle.down(cluster)


def _attend(cluster: Cluster, command: Sequence[str]) -> int:
    # A process group of its own: it is told once to end, by us, and not a second time by the terminal.
    child = subprocess.Popen(network.within(cluster, command), env=environment(cluster), process_group=0)
    try:
        code = child.wait()
    except Told as told:
        _end(child, told.which)
        raise
    return code if code >= 0 else 128 - code


def _end(child: "subprocess.Popen[bytes]", which: signal.Signals) -> None:
    try:
        child.send_signal(which)
        child.wait(_GRACE)
    except (subprocess.TimeoutExpired, Told):
        child.kill()
        child.wait()


def _told(which: int, _frame: FrameType | None) -> NoReturn:
    raise Told(which)
