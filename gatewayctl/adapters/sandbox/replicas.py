"""The sandbox's gateway replicas behind the port, and faults that a rehearsal may cause in them."""

from dataclasses import replace
from pathlib import Path

from gatewayctl.adapters.files.locking import hold_lock
from gatewayctl.adapters.sandbox.objects import NOT_RUNNING, Folder, ReplicaStatus
from gatewayctl.domain.errors import EnvironmentFailed, UsageFault
from gatewayctl.domain.platform import Replica


class SandboxReplicas:
    """Implements ports.Replicas."""

    removal_delay = 5.0  # seconds
    endpoint_delay = 20.0  # seconds

    def __init__(self, root: Path) -> None:
        self._folder = Folder(root)

    def list(self) -> tuple[Replica, ...]:
        """All replicas, ready or not. Raises EnvironmentFailed when the sandbox does not run."""
        if not self._folder.running():
            raise EnvironmentFailed(
                f"{NOT_RUNNING} ({self._folder.root})", hint="start it first: gatewayctl sandbox up"
            )
        return tuple(
            Replica(one.name, one.traffic, one.admin, ready=one.ready, note=one.note)
            for one in self._folder.replica_statuses()
        )


class Rehearsal:
    """Causes faults of the gateway on demand."""

    def __init__(self, root: Path) -> None:
        self._folder = Folder(root)

    def hold(self, replica: str) -> None:
        """End a replica at once, and keep it down until `let_go`. Raises UsageFault when there is none of that name."""
        names = [one.name for one in self._folder.replica_statuses()]
        if replica not in names:
            raise UsageFault(f"there is no replica {replica}; there are {', '.join(names) or 'none'}")
        self._hold(replica, down=True)

    def let_go(self, replica: str) -> None:
        """Let a held replica start again."""
        self._hold(replica, down=False)

    def sync_after(self, delay: float, skew: float = 0.0) -> None:
        """From now on a change of files reaches replica i after `delay` + i × `skew` seconds. Raises UsageFault."""
        if delay < 0 or skew < 0:
            raise UsageFault("a delay cannot be negative")
        with hold_lock(self._folder.root):
            self._folder.write_gateway_spec(replace(self._folder.gateway(), delay=delay, skew=skew))

    def status(self, replica: str) -> ReplicaStatus:
        """The status of one replica. Raises UsageFault when there is none of that name."""
        statuses = [one for one in self._folder.replica_statuses() if one.name == replica]
        if not statuses:
            raise UsageFault(f"there is no replica {replica}")
        return statuses[0]

    def _hold(self, replica: str, *, down: bool) -> None:
        with hold_lock(self._folder.root):
            spec = self._folder.gateway()
            others = tuple(name for name in spec.held if name != replica)
            self._folder.write_gateway_spec(replace(spec, held=(*others, replica) if down else others))
