"""The sandbox's gateway replicas behind the port."""

from pathlib import Path

from gatewayctl.adapters.sandbox.objects import NOT_RUNNING, START, Folder, ReplicaStatus
from gatewayctl.domain.errors import PlatformStopped
from gatewayctl.domain.platform import Replica


class SandboxReplicas:
    """Implements ports.Replicas."""

    removal_delay = 5.0  # seconds
    endpoint_delay = 20.0  # seconds
    staleness = 0.0  # seconds; what the supervisor wrote is read each time

    def __init__(self, root: Path) -> None:
        self._folder = Folder(root)

    def list(self) -> tuple[Replica, ...]:
        """All replicas, ready or not. Raises PlatformStopped when the sandbox does not run."""
        if not self._folder.running():
            raise PlatformStopped(f"{NOT_RUNNING} ({self._folder.root})", START)
        return tuple(
            Replica(one.name, one.traffic, one.admin, one.ready, one.note, _identity(one))
            for one in self._folder.replica_statuses()
        )

    def list_now(self) -> tuple[Replica, ...]:
        """As `list`, which is never late."""
        return self.list()


def _identity(status: ReplicaStatus) -> str:
    """The process, by its pid and start time; empty while none runs."""
    return f"{status.pid} {status.started}" if status.pid else ""
