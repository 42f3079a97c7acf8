"""Faults of the sandbox's gateway replicas, which tests cause on demand."""

from dataclasses import replace
from pathlib import Path

from gatewayctl.adapters.files.locking import hold_lock
from gatewayctl.adapters.sandbox.objects import Folder, ReplicaStatus
from gatewayctl.domain.errors import UsageFault


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
