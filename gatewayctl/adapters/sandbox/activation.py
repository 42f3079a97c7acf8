"""Reload of a gateway replica by a signal, for products that do not watch their files.

In a cluster this is `kubectl exec … nginx -s reload`. In both cases the success of the command proves nothing: the new
files are live when every process that still takes requests was started after they came.
"""

from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from gatewayctl.adapters.files.processes import (
    find_children,
    read_start_time,
    read_tail,
    read_title,
    send_signal,
    start_in_seconds,
)
from gatewayctl.adapters.sandbox.objects import NOT_RUNNING, START, Folder, ReplicaStatus
from gatewayctl.domain.errors import EnvironmentFailed, Transient
from gatewayctl.domain.platform import Replica
from gatewayctl.gateways.product import OnSignal

_MARGIN = 1.0  # seconds; a process that starts later than this after the new files cannot have read the old ones
_LOG_LINES = 20  # lines at the end of the log that are searched for a fault


@dataclass(frozen=True, slots=True)
class _SentSignal:
    """A signal that was sent to process `pid` for files of `version`; `workers` took requests at that time."""

    pid: int
    version: str
    workers: frozenset[int]


class SandboxActivation:
    """Implements ports.Activation for products that load their files on a signal."""

    def __init__(self, root: Path, how: OnSignal) -> None:
        self._folder, self._how = Folder(root), how
        self._sent: dict[str, _SentSignal] = {}

    def activate(self, replica: Replica) -> str:
        """Send one signal for each version of the files; return why they are not live yet, empty when they are.

        Raises EnvironmentFailed.
        """
        wanted, status = self._folder.routes(), self._status(replica)
        if wanted is None:
            raise EnvironmentFailed(NOT_RUNNING, hint=f"start it first: {START}")
        if status.synced != wanted.version:
            return "the new files are not in its mounted folder yet"
        workers = frozenset(pid for pid in find_children(status.pid) if read_title(pid) == self._how.worker_title)
        if not workers:
            return "none of its processes takes requests"
        if _is_fresh(status, workers):
            return ""
        sent = self._sent.get(replica.name)
        if sent is None or (sent.pid, sent.version) != (status.pid, status.synced):
            self._sent[replica.name] = _SentSignal(status.pid, status.synced, workers)
            send_signal(status.pid, status.started, Signals[self._how.signal])
            return "it got the signal to load the new files"
        old = sent.workers & workers
        return f"{len(old)} of its processes still run with the old files{self._find_fault(status)}" if old else ""

    def leftovers(self, replica: Replica) -> int | None:
        """The number of its processes that accept no new requests, and still answer old ones."""
        return sum(read_title(pid) == self._how.draining_title for pid in find_children(self._status(replica).pid))

    def _status(self, replica: Replica) -> ReplicaStatus:
        for one in self._folder.replica_statuses():
            if one.name == replica.name and one.pid:
                return one
        raise Transient(f"{replica.name} has no process")

    def _find_fault(self, status: ReplicaStatus) -> str:
        log = read_tail(self._folder.replicas / status.name / "gateway.log", _LOG_LINES).splitlines()
        faults = [line for line in log if self._how.error_mark in line]
        return f"; its log says: {faults[-1]}" if faults else ""


def _is_fresh(status: ReplicaStatus, workers: frozenset[int]) -> bool:
    """Whether all its processes were started after the files came, by our signal or for another reason."""
    if status.started and start_in_seconds(status.started) >= status.synced_at:
        return True
    starts = [read_start_time(pid) for pid in workers]
    return all(started and start_in_seconds(started) > status.synced_at + _MARGIN for started in starts)
