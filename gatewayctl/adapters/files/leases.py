"""Leases as files: one live process at a time works on an application.

The process of a holder on this machine can be looked up, so its end is known at once. A holder on another machine is
taken for gone when it has not renewed its lease in time.
"""

import json
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from gatewayctl.adapters.files.locking import hold_lock, read_json, replace_text, safe_name, unwritable
from gatewayctl.adapters.files.processes import is_alive, read_start_time
from gatewayctl.domain.errors import Busy, EnvironmentFailed
from gatewayctl.domain.platform import Holder
from gatewayctl.ports import Clock


class FileLeases:
    """Files in `root/leases`. A lease that was not renewed for `ttl` seconds is free."""

    def __init__(self, root: Path, clock: Clock, ttl: float = 60.0) -> None:
        self._folder, self._clock, self._ttl = root / "leases", clock, ttl

    @property
    def safe_time(self) -> float:
        """Seconds after `renew` for which nobody else finds the lease expired."""
        return self._ttl

    def acquire(self, app: str, holder: Holder) -> None:
        """Take the lease, also from a holder that is gone or did not renew it in time; else raise Busy."""
        self._take(app, holder)

    def renew(self, app: str, holder: Holder) -> None:
        """Renew the lease. Raises Busy when another holder has it now."""
        self._take(app, holder)

    def release(self, app: str, holder: Holder) -> None:
        """Give the lease back; does nothing when `holder` does not hold it."""
        path = self._path(app)
        with hold_lock(self._folder):
            lease = _read(path)
            if lease is not None and lease.holder == holder:
                try:
                    path.unlink(missing_ok=True)
                except OSError as fault:
                    raise unwritable(path, fault) from fault

    def holder(self, app: str) -> Holder | None:
        """The current holder; None when there is none, or it is gone or did not renew in time."""
        lease = _read(self._path(app))
        return lease.holder if lease is not None and self._is_held(lease) else None

    def _take(self, app: str, holder: Holder) -> None:
        path = self._path(app)
        with hold_lock(self._folder):
            lease = _read(path)
            if lease is not None and lease.holder != holder and self._is_held(lease):
                raise Busy(
                    f"{app} is being worked on by {lease.holder}",
                    hint=f"wait for it, or see what it does: gatewayctl status {app}",
                )
            started = read_start_time(holder.pid) if holder.host == socket.gethostname() else ""
            entry = {**asdict(holder), "started": started, "renewed": self._clock.wall()}
            replace_text(path, json.dumps(entry))

    def _is_held(self, lease: "_Lease") -> bool:
        if lease.holder.host == socket.gethostname() and not is_alive(lease.holder.pid, lease.started):
            return False
        return self._clock.wall() - lease.renewed < self._ttl

    def _path(self, app: str) -> Path:
        return self._folder / f"{safe_name(app, 'application')}.json"


@dataclass(frozen=True, slots=True)
class _Lease:
    """`started` is when the holder's process started: pids are used again. `renewed` is in seconds since 1970."""

    holder: Holder
    started: str
    renewed: float


def _read(path: Path) -> _Lease | None:
    content = read_json(path)
    if content is None:
        return None
    try:
        holder = Holder(str(content["actor"]), str(content["host"]), int(content["pid"]), float(content["since"]))
        return _Lease(holder, str(content["started"]), float(content["renewed"]))
    except (KeyError, TypeError, ValueError) as fault:
        raise EnvironmentFailed(f"{path}: not a lease: {fault!r}", hint="remove the file") from fault
