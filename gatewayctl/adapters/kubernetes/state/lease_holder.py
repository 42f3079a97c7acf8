"""Whether the holder of a lease is still alive, from what one process can know.

Three sources, the surest first. On the holder's own machine its process runs or not. A lease that we observed for a
whole time to live, on our own monotonic clock, without a renewal has expired; one that was renewed meanwhile is held.
Otherwise the wall clocks decide, so that a new process need not wait for an old lease. Clocks that differ by more than
a time to live can make it take over from a live holder. That one then loses the journal's compare-and-swap and stops;
nothing is written twice.
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gatewayctl.adapters.files.processes import is_alive, read_start_time
from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.adapters.kubernetes.client.json import part, texts
from gatewayctl.domain.platform import Holder

_PREFIX = "gatewayctl.dev/"


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease as read: its holder, and when it was `renewed` last (seconds since the epoch).

    `machine` is the machine of the holder's process; `started` tells that process from a later one with the same pid.
    """

    holder: Holder
    renewed: float
    version: str
    uid: str
    machine: str = ""
    started: str = ""

    @property
    def provably_gone(self) -> bool:
        """Its process was on this machine and has ended."""
        here = bool(self.machine) and bool(self.started) and self.machine == this_machine()
        return here and not is_alive(self.holder.pid, self.started)


@dataclass(frozen=True, slots=True)
class LeaseObservation:
    """What we observed ourselves: `version` since `first` (monotonic seconds), and whether it `moved` before that."""

    version: str
    first: float
    moved: bool

    def observe(self, version: str, now: float) -> "LeaseObservation":
        """The observation after the lease was read again at `now`."""
        return self if version == self.version else LeaseObservation(version, now, moved=True)

    def is_expired(self, lease: Lease, now: float, wall: float, ttl: float) -> bool:
        """Whether its holder has not renewed it for `ttl` seconds, by our own observation where it is long enough."""
        watched = now - self.first
        if watched >= ttl:
            return True
        return not self.moved and wall - lease.renewed >= ttl


def annotations(holder: Holder) -> dict[str, str]:
    """The annotations of a lease that name its holder."""
    here = holder.host == socket.gethostname()
    values = {
        "actor": holder.actor,
        "host": holder.host,
        "pid": str(holder.pid),
        "since": repr(holder.since),
        "machine": this_machine() if here else "",
        "started": read_start_time(holder.pid) if here else "",
    }
    return {_PREFIX + key: value for key, value in values.items()}


def lease_of(found: Object) -> Lease | None:
    """The lease in an object; None when nobody holds it. A holder that is no gatewayctl process has only a name."""
    meta, spec = texts(found, "metadata"), texts(found, "spec")
    identity = spec.get("holderIdentity", "")
    if not identity:
        return None
    notes = texts(found, "metadata", "annotations")
    renewed = _seconds(spec.get("renewTime", ""))
    version, uid = meta.get("resourceVersion", ""), meta.get("uid", "")
    holder = _holder(notes)
    if holder is None or str(holder) != identity:
        return Lease(Holder(identity, "", 0, renewed), renewed, version, uid)
    return Lease(holder, renewed, version, uid, notes.get(f"{_PREFIX}machine", ""), notes.get(f"{_PREFIX}started", ""))


def transitions(found: Object) -> int:
    """How often the lease went from one holder to another."""
    count = part(found, "spec").get("leaseTransitions")
    return count if isinstance(count, int) and 0 <= count < 1_000_000_000 else 0


def micro_time(moment: float) -> str:
    """Seconds since the epoch as Kubernetes' MicroTime."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def this_machine() -> str:
    """What a pid is unique in: this boot of this kernel, and this pid namespace; empty where that cannot be read."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _holder(notes: Mapping[str, str]) -> Holder | None:
    try:
        pid, since = int(notes[f"{_PREFIX}pid"]), float(notes[f"{_PREFIX}since"])
        return Holder(notes[f"{_PREFIX}actor"], notes[f"{_PREFIX}host"], pid, since)
    except (KeyError, ValueError):
        return None


def _seconds(moment: str) -> float:
    """Seconds since the epoch; 0, which is long ago, for a text that is no time."""
    try:
        return datetime.fromisoformat(moment).timestamp()
    except ValueError:
        return 0.0
