"""The sandbox's gateway replicas behind the port, and what a rehearsal may do to them."""

from dataclasses import replace
from pathlib import Path

from gatewayctl.adapters.files.locking import locked
from gatewayctl.adapters.sandbox.objects import NOT_RUNNING, Folder, ReplicaStatus
from gatewayctl.domain.errors import EnvironmentFailed, UsageFault
from gatewayctl.domain.platform import Replica


class SandboxReplicas:
    """Lists replicas, ready or not."""

    removal_delay = 5.0  # seconds
    endpoint_delay = 20.0  # seconds

    def __init__(self, root: Path) -> None:
        self._folder = Folder(root)

    def list(self) -> tuple[Replica, ...]:
        """All that should serve. Raises EnvironmentFailed when the sandbox does not run: nobody can say."""
        if not self._folder.running():
            raise EnvironmentFailed(
                f"{NOT_RUNNING} ({self._folder.root})", hint="start it first: gatewayctl sandbox up"
            )
        return tuple(
            Replica(one.name, one.traffic, one.admin, ready=one.ready, note=one.note)
            for one in self._folder.replica_statuses()
        )


class Rehearsal:
    """What can go wrong with a gateway, on demand."""

    def __init__(self, root: Path) -> None:
        self._folder = Folder(root)

    def hold(self, replica: str) -> None:
        """End a replica at once, and keep it down until `let_go`."""
        names = [one.name for one in self._folder.replica_statuses()]
        if replica not in names:
            raise UsageFault(f"there is no replica {replica}; there are {', '.join(names) or 'none'}")
        self._hold(replica, down=True)

    def let_go(self, replica: str) -> None:
        """Let a held replica start again."""
        self._hold(replica, down=False)

    def sync_after(self, delay: float, skew: float = 0.0) -> None:
        """From now on, a change of files is seen after `delay` seconds, by each further replica `skew` later."""
        if delay < 0 or skew < 0:
            raise UsageFault("a delay cannot be negative")
        with locked(self._folder.root):
            self._folder.want_gateway(replace(self._folder.gateway(), delay=delay, skew=skew))

    def status(self, replica: str) -> ReplicaStatus:
        """Process and files of one replica, as the supervisor sees them."""
        found = [one for one in self._folder.replica_statuses() if one.name == replica]
        if not found:
            raise UsageFault(f"there is no replica {replica}")
        return found[0]

    def _hold(self, replica: str, *, down: bool) -> None:
        with locked(self._folder.root):
            spec = self._folder.gateway()
            others = tuple(name for name in spec.held if name != replica)
            self._folder.want_gateway(replace(spec, held=(*others, replica) if down else others))
