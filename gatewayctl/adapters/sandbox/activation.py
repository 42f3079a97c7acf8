"""Telling a replica's process to load its files, where its product does not look at them by itself.

What would be `kubectl exec … nginx -s reload` in a cluster is a signal here; in both, the answer of the signal says
nothing: what counts is that every process which still takes requests was started from the new files.
"""

from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from gatewayctl.adapters.files.processes import children, start_seconds, started_at, tail, tell, title
from gatewayctl.adapters.sandbox.objects import NOT_RUNNING, Folder, ReplicaStatus
from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.platform import Replica
from gatewayctl.gateways.product import OnSignal

_SURELY = 1.0  # seconds after which a process that starts cannot have read the files of before
_LOOKED_AT = 20  # lines of the log


@dataclass(frozen=True, slots=True)
class _Told:
    """A signal that was sent: to which process, for which files, and who took requests before."""

    pid: int
    version: str
    workers: frozenset[int]


class SandboxActivation:
    """Implements ports.Activation for products that load their files on a signal."""

    def __init__(self, root: Path, how: OnSignal) -> None:
        self._folder, self._how = Folder(root), how
        self._told: dict[str, _Told] = {}

    def activate(self, replica: Replica) -> str:
        """One signal per version of the files; then what is left of the processes of before."""
        wanted, status = self._folder.routes(), self._status(replica)
        if wanted is None:
            raise EnvironmentFailed(NOT_RUNNING, hint="start it first")
        if status.synced != wanted.version:
            return "its files have not come yet"
        workers = frozenset(pid for pid in children(status.pid) if title(pid) == self._how.worker_title)
        if not workers:
            return "no process of it takes requests"
        if _is_fresh(status, workers):
            return ""
        told = self._told.get(replica.name)
        if told is None or (told.pid, told.version) != (status.pid, status.synced):
            self._told[replica.name] = _Told(status.pid, status.synced, workers)
            tell(status.pid, status.started, Signals[self._how.signal])
            return "it was told to load its files"
        old = told.workers & workers
        return f"{len(old)} of its processes run the files of before{self._fault(status)}" if old else ""

    def leftovers(self, replica: Replica) -> int | None:
        """Its processes that take no requests any more, and still have some."""
        return sum(title(pid) == self._how.draining_title for pid in children(self._status(replica).pid))

    def _status(self, replica: Replica) -> ReplicaStatus:
        for one in self._folder.replica_statuses():
            if one.name == replica.name and one.pid:
                return one
        raise EnvironmentFailed(f"{replica.name} has no process")

    def _fault(self, status: ReplicaStatus) -> str:
        log = tail(self._folder.replicas / status.name / "gateway.log", _LOOKED_AT).splitlines()
        said = [line for line in log if self._how.error_mark in line]
        return f"; it said: {said[-1]}" if said else ""


def _is_fresh(status: ReplicaStatus, workers: frozenset[int]) -> bool:
    """Whether everything was started after the files came, whoever told it to."""
    if status.started and start_seconds(status.started) >= status.synced_at:
        return True
    starts = [started_at(pid) for pid in workers]
    return all(started and start_seconds(started) > status.synced_at + _SURELY for started in starts)
