"""Leases as files: one live process at a time works on an application.

On this machine a holder is gone when its process is, which is certain at once; from elsewhere only silence tells.
"""

import json
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from gatewayctl.adapters.files.locking import locked, read_json, replace_text, safe_name
from gatewayctl.adapters.files.processes import alive, started_at
from gatewayctl.domain.errors import Busy, EnvironmentFailed
from gatewayctl.domain.platform import Holder
from gatewayctl.ports import Clock


class FileLeases:
    """A lease that is not renewed for `ttl` seconds is free, whoever holds it."""

    def __init__(self, root: Path, clock: Clock, ttl: float = 60.0) -> None:
        self._folder, self._clock, self._ttl = root / "leases", clock, ttl

    def acquire(self, app: str, holder: Holder) -> None:
        """Take the lease, or take it over from a holder that is gone or silent; else raise Busy."""
        self._take(app, holder)

    def renew(self, app: str, holder: Holder) -> None:
        """Still here. Raises Busy when someone else took over."""
        self._take(app, holder)

    def release(self, app: str, holder: Holder) -> None:
        """Give it back; harmless when it is not ours any more."""
        path = self._path(app)
        with locked(self._folder):
            lease = _read(path)
            if lease is not None and lease.holder == holder:
                path.unlink()

    def holder(self, app: str) -> Holder | None:
        """Who holds it now; nobody when its holder is gone or silent."""
        lease = _read(self._path(app))
        return lease.holder if lease is not None and self._held(lease) else None

    def _take(self, app: str, holder: Holder) -> None:
        path = self._path(app)
        with locked(self._folder):
            lease = _read(path)
            if lease is not None and lease.holder != holder and self._held(lease):
                raise Busy(
                    f"{app} is being worked on by {lease.holder}",
                    hint=f"wait for it, or see what it does: gatewayctl status {app}",
                )
            started = started_at(holder.pid) if holder.host == socket.gethostname() else ""
            entry = {**asdict(holder), "started": started, "renewed": self._clock.wall()}
            replace_text(path, json.dumps(entry))

    def _held(self, lease: "_Lease") -> bool:
        if lease.holder.host == socket.gethostname() and not alive(lease.holder.pid, lease.started):
            return False
        return self._clock.wall() - lease.renewed < self._ttl

    def _path(self, app: str) -> Path:
        return self._folder / f"{safe_name(app, 'application')}.json"


@dataclass(frozen=True, slots=True)
class _Lease:
    """`started` tells the holder's process from a later one with its pid; `renewed` is in seconds since the epoch."""

    holder: Holder
    started: str
    renewed: float


def _read(path: Path) -> _Lease | None:
    found = read_json(path)
    if found is None:
        return None
    try:
        holder = Holder(str(found["actor"]), str(found["host"]), int(found["pid"]), float(found["since"]))
        return _Lease(holder, str(found["started"]), float(found["renewed"]))
    except (KeyError, TypeError, ValueError) as fault:
        raise EnvironmentFailed(f"{path}: not a lease: {fault!r}", hint="remove the file") from fault
