"""The gateway's Pods as replicas: which ones should serve, and the address at which each one alone gets requests."""

import os
import socket
from enum import StrEnum
from threading import Lock

from gatewayctl.adapters.kubernetes.client.api import Api, Object
from gatewayctl.adapters.kubernetes.client.json import items, name_of, part
from gatewayctl.adapters.kubernetes.client.paths import pods
from gatewayctl.adapters.kubernetes.client.pods import may_run
from gatewayctl.adapters.kubernetes.client.watch import WatchedList
from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace
from gatewayctl.adapters.kubernetes.gateway.port_forward import PortForwards
from gatewayctl.domain.platform import Replica

_REACHED = 0.5  # seconds to connect to a Pod's address
_REPORTED = 5.0  # seconds from the end of a Pod's containers until the API server knows
_LONGEST = 300  # characters of a note


class NetworkPath(StrEnum):
    """How Pods are reached: by their own addresses, by port-forward, or by the first of these that works."""

    AUTO = "auto"
    DIRECT = "direct"
    FORWARD = "forward"


class KubernetesReplicas:
    """Lists the Pods of the gateway's selector that have not finished.

    A Pod that is being deleted is listed while it is Ready: clients with an open connection still get its answers, by
    rules that the kubelet no longer updates. Afterwards it is left out, so that no proof waits for it.

    Waits read them many times a second, so they are listed once and then watched. `listing` is that list where others
    read it, too; its staleness is that of the port.
    """

    endpoint_delay = 20.0  # seconds; a gateway that resolves names or discovers endpoints does so more often

    def __init__(
        self, api: Api, place: GatewayPlace, reach: NetworkPath = NetworkPath.AUTO, listing: WatchedList | None = None
    ) -> None:
        self._place, self._reach = place, reach
        self._pods = listing or WatchedList(api, pods(place.namespace), labelSelector=place.selector)
        self._forwards = PortForwards(api, place.namespace)
        self._lock = Lock()

    @property
    def staleness(self) -> float:
        """Seconds by which a list may be late."""
        return self._pods.staleness

    @property
    def removal_delay(self) -> float:
        """Seconds within which a replica that has ended is no longer listed: the kubelet's report, and a late list."""
        return _REPORTED + self.staleness

    def list(self) -> tuple[Replica, ...]:
        """All that should serve, ready or not. Raises EnvironmentFailed when the API or the Pods cannot be reached."""
        with self._lock:
            return self._replicas(self._pods.read())

    def list_now(self) -> tuple[Replica, ...]:
        """The same by a request of its own, so not older than the call. Raises EnvironmentFailed likewise."""
        with self._lock:
            return self._replicas(self._pods.read_now())

    def close(self) -> None:
        """End all port-forwards; a later list opens new ones."""
        with self._lock:
            self._forwards.close()

    def _replicas(self, found: tuple[Object, ...]) -> tuple[Replica, ...]:
        serving = tuple(sorted((pod for pod in found if _is_serving(pod)), key=name_of))
        if self._reach is NetworkPath.AUTO:
            self._reach = self._choose_path(serving)
        self._forwards.keep({name_of(pod) for pod in serving})
        return tuple(self._replica(pod) for pod in serving)

    def _choose_path(self, serving: tuple[Object, ...]) -> NetworkPath:
        """Once per process, by the first Pod that is ready; undecided while there is none."""
        if "KUBERNETES_SERVICE_HOST" in os.environ:
            return NetworkPath.DIRECT
        ready = next((pod for pod in serving if _is_ready(pod) and _address(pod)), None)
        if ready is None:
            return NetworkPath.AUTO
        try:
            socket.create_connection((_address(ready), self._place.traffic), _REACHED).close()
        except OSError:
            self._forwards.attempt(name_of(ready), self._place.traffic)
            return NetworkPath.FORWARD
        return NetworkPath.DIRECT

    def _replica(self, pod: Object) -> Replica:
        name, port, admin = name_of(pod), self._place.traffic, self._place.admin
        ready = _is_ready(pod)
        return Replica(
            name,
            self._endpoint(pod, port),
            self._endpoint(pod, admin) if admin else "",
            ready=ready,
            note=("terminating" if _is_ending(pod) else "") if ready else _why_not(pod)[:_LONGEST],
            identity=self._identity(pod),
        )

    def _identity(self, pod: Object) -> str:
        """The Pod's uid, and the start of its container; of all containers where none is named as the gateway."""
        wanted = self._place.container
        statuses = [one for one in items(pod, "status", "containerStatuses") if wanted in ("", one.get("name"))]
        runs = [
            f"{one.get('name')} {one.get('restartCount', 0)} {part(one, 'state', 'running').get('startedAt', '')}"
            for one in statuses
        ]
        return " ".join((str(part(pod, "metadata").get("uid", "")), *sorted(runs))).strip()

    def _endpoint(self, pod: Object, port: int) -> str:
        if self._reach is NetworkPath.FORWARD:
            return self._forwards.address(name_of(pod), port)
        address = _address(pod) or name_of(pod)  # a Pod without an address yet: nothing answers to its bare name
        return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _address(pod: Object) -> str:
    return str(part(pod, "status").get("podIP") or "")


def _is_ending(pod: Object) -> bool:
    return bool(part(pod, "metadata").get("deletionTimestamp"))


def _condition(pod: Object, kind: str) -> Object:
    return next((one for one in items(pod, "status", "conditions") if one.get("type") == kind), {})


def _is_ready(pod: Object) -> bool:
    return _condition(pod, "Ready").get("status") == "True"


def _is_serving(pod: Object) -> bool:
    return may_run(pod) and (_is_ready(pod) or not _is_ending(pod))


def _why_not(pod: Object) -> str:
    """Why a Pod is not ready: its container's reason if there is one, else the scheduler's, else its condition's."""
    for status in items(pod, "status", "containerStatuses"):
        stopped = part(status, "state", "waiting") or part(status, "state", "terminated")
        if stopped:
            message = f": {stopped['message']}" if stopped.get("message") else ""
            return f"container {status.get('name')} {stopped.get('reason', 'does not run')}{message}"
    for kind in ("PodScheduled", "Ready"):
        condition = _condition(pod, kind)
        if condition.get("status") == "False":
            return str(condition.get("message") or condition.get("reason") or "not ready")
    return "not ready yet"
