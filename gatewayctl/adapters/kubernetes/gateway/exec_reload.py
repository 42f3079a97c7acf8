"""Telling gateway Pods to load their files, where their product does not look at them by itself.

A command in the gateway's container looks whether the kubelet has brought the store's bytes, another one has the
product try them and then signals its first process. Neither answer says that they run: that is known when every process
which still takes requests was started after the signal.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from gatewayctl.adapters.kubernetes.client.api import Api, Object
from gatewayctl.adapters.kubernetes.client.json import name_of, part
from gatewayctl.adapters.kubernetes.client.paths import pods
from gatewayctl.adapters.kubernetes.client.watch import WatchedList
from gatewayctl.adapters.kubernetes.gateway.container_probe import (
    NEEDS,
    ContainerState,
    Process,
    looking,
    probe_command,
    seen,
)
from gatewayctl.adapters.kubernetes.gateway.exec import Ran, execute
from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace
from gatewayctl.adapters.kubernetes.gateway.volume_mounts import Mounted, mounted
from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.platform import Replica, VersionedFiles
from gatewayctl.gateways.product import OnSignal
from gatewayctl.ports import RouteStore

_AGAIN = 10.0  # seconds after which files that were not taken are tried again: a name may be known by then
_LONGEST = 400  # characters of a reason


@dataclass(frozen=True, slots=True)
class _Told:
    """What one replica was told: for which files of which run of its container, who took requests before, and when.

    `fault` is why the product did not take the files; it was not signalled then.
    """

    files: tuple[str, str]
    workers: frozenset[Process]
    at: float
    fault: str = ""


class ExecActivation:
    """Implements ports.Activation by commands in the Pods of one gateway, whose files are those of `store`."""

    def __init__(self, api: Api, place: GatewayPlace, listing: WatchedList, store: RouteStore, how: OnSignal) -> None:
        self._api, self._place, self._listing, self._store, self._how = api, place, listing, store, how
        self._told: dict[str, _Told] = {}
        self._active: dict[str, tuple[str, str]] = {}
        self.clock: Callable[[], float] = time.monotonic

    def activate(self, replica: Replica) -> str:
        """Have it load what the store holds, once per version; what is still missing, or nothing once it runs that."""
        stored = self._store.read()
        where = self._where(replica.name)
        known = (stored.version, where.run)
        if self._active.get(replica.name) == known:
            return ""
        missing = self._missing(replica.name, where, stored)
        if not missing:
            self._active[replica.name] = known
        return missing

    def leftovers(self, replica: Replica) -> int | None:
        """Its processes that take no requests any more, and still have some; None where its container does not tell."""
        try:
            return self._look(replica.name, self._where(replica.name)).leaving
        except EnvironmentFailed:
            return None

    def check(self) -> str:
        """Look into every Pod that runs; how many there are. Raises EnvironmentFailed when one could not be told."""
        running = [name_of(pod) for pod in self._listing.read() if _is_running(pod)]
        for name in running:
            where = self._where(name)
            if not self._look(name, where).workers:
                pod = f"Pod {self._place.namespace}/{name}"
                said = f"no {self._how.worker_title!r} in container {where.container} of {pod}"
                raise EnvironmentFailed(said, hint="gateway.container names the one that runs the gateway")
        return f"{len(running)} Pods can be told to load their files"

    def _missing(self, name: str, where: Mounted, stored: VersionedFiles) -> str:
        sight = self._look(name, where)
        if sight.digests != tuple(hashlib.sha256(file.text.encode()).hexdigest() for file in stored.files):
            return "its files have not come yet"
        if len(sight.firsts) != 1 or not sight.workers:
            return f"no process of it takes requests, or {len(sight.firsts)} gateways run in it"
        if sight.fresh:
            return ""
        files, told = (where.run, sight.version), self._told.get(name)
        if told is None or told.files != files or (told.fault and self.clock() >= told.at + _AGAIN):
            fault = self._tell(name, where, sight.firsts[0])
            told = self._told[name] = _Told(files, sight.workers, self.clock(), fault)
        old = told.workers & sight.workers
        said = f"; it said: {told.fault}" if told.fault else ""
        return f"{len(old)} of its processes run the files of before{said}" if old else ""

    def _tell(self, name: str, where: Mounted, first: tuple[int, str]) -> str:
        """Have the product try its files, and load them if they are sound; why they are not, or nothing."""
        done = self._run(name, where, probe_command(first, self._how))
        if not done.code:
            return ""
        lines = (done.err or done.out or f"exit {done.code}").splitlines()
        return ([line for line in lines if self._how.error_mark in line] or lines)[-1][:_LONGEST]

    def _look(self, name: str, where: Mounted) -> ContainerState:
        done = self._run(name, where, looking(where.folder, where.files, self._how))
        if done.code:
            raise EnvironmentFailed(f"its container {where.container} said {done.err[:_LONGEST]!r}", hint=NEEDS)
        return seen(done.out, where.files, self._how)

    def _run(self, name: str, where: Mounted, command: tuple[str, ...]) -> Ran:
        return execute(self._api, (pods(self._place.namespace, name), where.container), command)

    def _where(self, name: str) -> Mounted:
        for pod in self._listing.read():
            if name_of(pod) == name:
                return mounted(self._place, pod)
        raise EnvironmentFailed(f"Pod {self._place.namespace}/{name} is gone")


def _is_running(pod: Object) -> bool:
    ending = part(pod, "metadata").get("deletionTimestamp")
    return not ending and part(pod, "status").get("phase") == "Running"
