"""Leases as coordination.k8s.io objects: one live process at a time works on an application.

A lease says who is alive; it does not prevent writes. The journal's compare-and-swap does that, before every write. So
a renewal is left out while the last one is recent. Until the next one a process may not know that another took over,
but before it writes anything the journal tells it.
"""

import math
from dataclasses import dataclass

from gatewayctl.adapters.kubernetes.client.api import Api, NotFound, Object
from gatewayctl.adapters.kubernetes.client.conditional_write import ConditionalWrite, write_conditionally
from gatewayctl.adapters.kubernetes.client.json import part, texts
from gatewayctl.adapters.kubernetes.client.names import own_labels, own_name
from gatewayctl.adapters.kubernetes.client.paths import leases
from gatewayctl.adapters.kubernetes.state.lease_holder import (
    Lease,
    LeaseObservation,
    annotations,
    lease_of,
    micro_time,
    transitions,
)
from gatewayctl.domain.errors import Busy, EnvironmentFailed
from gatewayctl.domain.platform import Holder
from gatewayctl.ports import Clock

_FRESH = 3  # a renewal is sent when this part of the time to live has passed since the last one


class KubernetesLeases:
    """A lease that is not renewed for `ttl` seconds is free. The API server may be unreachable for less than that.

    A lease costs one request to take, one per third of `ttl` to keep and one to give back, which deletes it.
    """

    def __init__(self, api: Api, namespace: str, clock: Clock, ttl: float = 45.0) -> None:
        self._api, self._namespace, self._clock, self._ttl = api, namespace, clock, ttl
        self._written: dict[tuple[str, Holder], _WrittenLease] = {}
        self._observations: dict[str, LeaseObservation] = {}

    @property
    def safe_time(self) -> float:
        """Seconds after `renew` for which nobody else finds the lease expired: `renew` may leave a third of it out."""
        return self._ttl * (1 - 1 / _FRESH)

    def acquire(self, app: str, holder: Holder) -> None:
        """Take the lease, or take it over from a holder that is gone or silent; else raise Busy."""
        self._take(app, holder, None)

    def renew(self, app: str, holder: Holder) -> None:
        """Renew it, if a third of `ttl` has passed since the last time. Raises Busy when someone else took over."""
        written = self._written.get((app, holder))
        if written is not None and 0 <= self._clock.wall() - written.renewed < self._ttl / _FRESH:
            return
        self._take(app, holder, written.found if written else None)

    def release(self, app: str, holder: Holder) -> None:
        """Give it back; nothing happens when it is no longer ours, or when the cluster does not answer: it expires."""
        try:
            self._give_back(app, holder)
        except EnvironmentFailed:
            return  # the outcome of the release matters more than a lease that expires in seconds

    def _give_back(self, app: str, holder: Holder) -> None:
        written = self._written.pop((app, holder), None)
        found = written.found if written else self._read(app)

        def is_not_ours(found: Object | None) -> bool:
            lease = lease_of(found) if found else None
            return lease is None or lease.holder != holder

        def delete(found: Object | None) -> None:
            lease = texts(found or {}, "metadata")
            only = {key: lease.get(key, "") for key in ("uid", "resourceVersion")}
            self._api.delete(leases(self._namespace, own_name(app)), only)

        if not is_not_ours(found):
            write_conditionally(
                ConditionalWrite(
                    f"the lease of {app}", delete, lambda: self._read(app), is_not_ours, lambda _: None, self._clock
                ),
                found,
            )

    def holder(self, app: str) -> Holder | None:
        """Who holds it now; None when its holder is gone, or has not renewed it in time."""
        found = self._read(app)
        lease = lease_of(found) if found else None
        return lease.holder if lease is not None and self._is_held(app, lease) else None

    def _take(self, app: str, holder: Holder, found: Object | None) -> None:
        """Write the lease as ours over `found` (None: there is none, as after every release).

        Raises Busy when another holder was read. Raises Transient when writes got no answer, or lost every time: whose
        the lease is cannot be said then.
        """

        renewed = 0.0

        def verify(found: Object | None) -> None:
            lease = lease_of(found) if found else None
            if lease is not None and lease.holder != holder and self._is_held(app, lease):
                raise _busy(app, str(lease.holder))

        def send(found: Object | None) -> Object:
            nonlocal renewed
            renewed = self._clock.wall()
            return self._write(app, self._next(app, holder, renewed, found), found)

        def is_done_in(found: Object | None) -> bool:
            spec = texts(found or {}, "spec")
            return (spec.get("holderIdentity"), spec.get("renewTime")) == (str(holder), micro_time(renewed))

        write = ConditionalWrite(f"the lease of {app}", send, lambda: self._read(app), is_done_in, verify, self._clock)
        stored = write_conditionally(write, found)
        assert stored is not None  # noqa: S101 (what was written, or was recognised as written, is an object)
        self._written[app, holder] = _WrittenLease(stored, renewed)

    def _write(self, app: str, wanted: Object, old: Object | None) -> Object:
        if old is None:
            return self._api.create(leases(self._namespace), wanted)
        return self._api.replace(leases(self._namespace, own_name(app)), wanted)

    def _read(self, app: str) -> Object | None:
        try:
            return self._api.get(leases(self._namespace, own_name(app)))
        except NotFound:
            self._observations.pop(app, None)
            return None

    def _next(self, app: str, holder: Holder, renewed: float, old: Object | None) -> Object:
        found = old or {}
        before = lease_of(found)
        same = before is not None and before.holder == holder
        meta = {**part(found, "metadata"), "name": own_name(app), "namespace": self._namespace}
        meta["labels"] = {**texts(meta, "labels"), **own_labels(app)}
        meta["annotations"] = {**texts(meta, "annotations"), **annotations(holder)}
        spec = {
            **part(found, "spec"),
            "holderIdentity": str(holder),
            "renewTime": micro_time(renewed),
            "leaseDurationSeconds": max(1, math.ceil(self._ttl)),
        }
        if not same:
            spec["acquireTime"] = micro_time(renewed)
            spec["leaseTransitions"] = transitions(found) + 1 if found else 0
        return {**found, "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": spec}

    def _is_held(self, app: str, lease: Lease) -> bool:
        if lease.provably_gone:
            return False
        now = self._clock.now()
        before = self._observations.get(app) or LeaseObservation(lease.version, now, moved=False)
        observation = self._observations[app] = before.observe(lease.version, now)
        return not observation.is_expired(lease, now, self._clock.wall(), self._ttl)


@dataclass(frozen=True, slots=True)
class _WrittenLease:
    """A lease as we wrote it last, and when (seconds since the epoch)."""

    found: Object
    renewed: float


def _busy(app: str, who: str) -> Busy:
    return Busy(f"{app} is being worked on by {who}", hint=f"wait for it, or see what it does: gatewayctl status {app}")
