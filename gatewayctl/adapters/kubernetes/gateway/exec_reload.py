"""Makes gateway Pods load their files by a command in them, where the product does not watch the files by itself.

A first command reads whether the kubelet has synced the stored text into the container. A second one lets the product
check the files and then signals its master process. Neither proves that they are in use: they are once every process
that takes new requests was started after the signal.
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
    parse_probe,
    probe_command,
    reload_command,
)
from gatewayctl.adapters.kubernetes.gateway.exec import CommandResult, execute
from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace
from gatewayctl.adapters.kubernetes.gateway.volume_mounts import MountedFiles, find_mounted_files
from gatewayctl.domain.errors import EnvironmentFailed, Transient
from gatewayctl.domain.platform import Replica, VersionedFiles
from gatewayctl.gateways.product import OnSignal
from gatewayctl.ports import RouteStore

_AGAIN = 10.0  # seconds after which rejected files are checked again: a host name may resolve by then
_LONGEST = 400  # characters of a reason


@dataclass(frozen=True, slots=True)
class _ReloadRequest:
    """One request to a replica to load its files.

    `files` are the container's id and the version of its mount, `workers` the processes that took requests before, `at`
    is when it was sent. `fault` is why the product rejected the files; it was not signalled then.
    """

    files: tuple[str, str]
    workers: frozenset[Process]
    at: float
    fault: str = ""


class ExecActivation:
    """Implements ports.Activation by commands in the Pods of one gateway, whose files are those of `store`."""

    def __init__(self, api: Api, place: GatewayPlace, listing: WatchedList, store: RouteStore, how: OnSignal) -> None:
        self._api, self._place, self._listing, self._store, self._how = api, place, listing, store, how
        self._requests: dict[str, _ReloadRequest] = {}
        self._active: dict[str, tuple[str, str]] = {}
        self.clock: Callable[[], float] = time.monotonic

    def activate(self, replica: Replica) -> str:
        """Make it load what the store holds, once per version; why it does not run that yet, or "" once it does."""
        stored = self._store.read()
        where = self._find_mount(replica.name)
        known = (stored.version, where.container_id)
        if self._active.get(replica.name) == known:
            return ""
        missing = self._missing(replica.name, where, stored)
        if not missing:
            self._active[replica.name] = known
        return missing

    def leftovers(self, replica: Replica) -> int | None:
        """How many of its processes only finish old requests; None where its container cannot be read."""
        try:
            return self._probe(replica.name, self._find_mount(replica.name)).leaving
        except EnvironmentFailed:
            return None

    def check(self) -> str:
        """Read the container of each running Pod, and count them. Raises EnvironmentFailed when one cannot be read."""
        running = [name_of(pod) for pod in self._listing.read() if _is_running(pod)]
        for name in running:
            where = self._find_mount(name)
            if not self._probe(name, where).workers:
                pod = f"Pod {self._place.namespace}/{name}"
                detail = f"no {self._how.worker_title!r} in container {where.container} of {pod}"
                raise EnvironmentFailed(detail, hint="gateway.container names the one that runs the gateway")
        return f"{len(running)} Pods can be told to load their files"

    def _missing(self, name: str, where: MountedFiles, stored: VersionedFiles) -> str:
        state = self._probe(name, where)
        if state.digests != tuple(hashlib.sha256(file.text.encode()).hexdigest() for file in stored.files):
            return "the kubelet has not synced the ConfigMap yet"
        if len(state.firsts) != 1 or not state.workers:
            return f"no process of it takes requests, or {len(state.firsts)} gateways run in it"
        if state.fresh:
            return ""
        files, last = (where.container_id, state.version), self._requests.get(name)
        if last is None or last.files != files or (last.fault and self.clock() >= last.at + _AGAIN):
            fault = self._request_reload(name, where, state.firsts[0])
            last = self._requests[name] = _ReloadRequest(files, state.workers, self.clock(), fault)
        old = last.workers & state.workers
        detail = f"; it said: {last.fault}" if last.fault else ""
        return f"{len(old)} of its processes still run the old files{detail}" if old else ""

    def _request_reload(self, name: str, where: MountedFiles, first: tuple[int, str]) -> str:
        """Let the product check its files, and load them if they are valid; why they are not, or nothing."""
        done = self._execute(name, where, reload_command(first, self._how))
        if not done.code:
            return ""
        lines = (done.err or done.out or f"exit {done.code}").splitlines()
        return ([line for line in lines if self._how.error_mark in line] or lines)[-1][:_LONGEST]

    def _probe(self, name: str, where: MountedFiles) -> ContainerState:
        done = self._execute(name, where, probe_command(where.folder, where.files, self._how))
        if done.code:
            raise Transient(f"its container {where.container} said {done.err[:_LONGEST]!r}", hint=NEEDS)
        return parse_probe(done.out, where.files, self._how)

    def _execute(self, name: str, where: MountedFiles, command: tuple[str, ...]) -> CommandResult:
        return execute(self._api, (pods(self._place.namespace, name), where.container), command)

    def _find_mount(self, name: str) -> MountedFiles:
        for pod in self._listing.read():
            if name_of(pod) == name:
                return find_mounted_files(self._place, pod)
        raise Transient(f"Pod {self._place.namespace}/{name} is gone")


def _is_running(pod: Object) -> bool:
    ending = part(pod, "metadata").get("deletionTimestamp")
    return not ending and part(pod, "status").get("phase") == "Running"
