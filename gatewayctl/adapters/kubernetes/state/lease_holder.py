"""Whether the holder of a lease still lives, from what one process can know.

Three sources, the surest first. On the holder's own machine its process runs or not. What we watched for a whole time
to live on our own monotonic clock, and did not see move, is over; what we saw move within one is alive. Else the wall
clocks decide, so that a fresh process need not wait out an old lease: clocks that differ by more than a time to live
can make it take over from the living, who then lose the journal's compare-and-swap and stop; nothing is written twice.
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gatewayctl.adapters.files.processes import is_alive, read_start_time
from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.adapters.kubernetes.client.names import part, words
from gatewayctl.domain.platform import Holder

_PREFIX = "gatewayctl.dev/"


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease as read: whose it is, since when it is silent (`renewed`, seconds since the epoch), where its process is.

    `started` tells the process from a later one with its pid; `machine` tells which machine's pids are meant.
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
    """What we watched ourselves: `version` since `first` (monotonic seconds); `moved` when it was another before."""

    version: str
    first: float
    moved: bool

    def again(self, version: str, now: float) -> "LeaseObservation":
        """The same lease, seen once more."""
        return self if version == self.version else LeaseObservation(version, now, moved=True)

    def expired(self, lease: Lease, now: float, wall: float, ttl: float) -> bool:
        """Whether its holder has been silent for `ttl` seconds, by our own watch where we have one."""
        watched = now - self.first
        if watched >= ttl:
            return True
        return not self.moved and wall - lease.renewed >= ttl


def annotations(holder: Holder) -> dict[str, str]:
    """What a lease says of its holder."""
    here = holder.host == socket.gethostname()
    said = {
        "actor": holder.actor,
        "host": holder.host,
        "pid": str(holder.pid),
        "since": repr(holder.since),
        "machine": this_machine() if here else "",
        "started": read_start_time(holder.pid) if here else "",
    }
    return {_PREFIX + key: value for key, value in said.items()}


def lease_of(found: Object) -> Lease | None:
    """The lease in an object; None when nobody holds it. A holder who is no process of ours is known by name only."""
    meta, spec = words(found, "metadata"), words(found, "spec")
    identity = spec.get("holderIdentity", "")
    if not identity:
        return None
    said = words(found, "metadata", "annotations")
    renewed = _seconds(spec.get("renewTime", ""))
    version, uid = meta.get("resourceVersion", ""), meta.get("uid", "")
    holder = _holder(said)
    if holder is None or str(holder) != identity:
        return Lease(Holder(identity, "", 0, renewed), renewed, version, uid)
    return Lease(holder, renewed, version, uid, said.get(f"{_PREFIX}machine", ""), said.get(f"{_PREFIX}started", ""))


def transitions(found: Object) -> int:
    """How often the lease went from one holder to another."""
    count = part(found, "spec").get("leaseTransitions")
    return count if isinstance(count, int) and 0 <= count < 1_000_000_000 else 0


def spelled(moment: float) -> str:
    """Seconds since the epoch as Kubernetes' MicroTime."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def this_machine() -> str:
    """Where a pid means one process: this boot of this kernel, in this pid namespace; empty where it cannot be told."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _holder(said: Mapping[str, str]) -> Holder | None:
    try:
        pid, since = int(said[f"{_PREFIX}pid"]), float(said[f"{_PREFIX}since"])
        return Holder(said[f"{_PREFIX}actor"], said[f"{_PREFIX}host"], pid, since)
    except (KeyError, ValueError):
        return None


def _seconds(moment: str) -> float:
    """Seconds since the epoch; 0 for what is no time, which is long ago."""
    try:
        return datetime.fromisoformat(moment).timestamp()
    except ValueError:
        return 0.0
