"""What the Pods of both versions say about themselves: restarts, containers out of memory, use of their limits.

Restarts and ends are in the Pods, which a release watches anyway. What they use is in the metrics API, which a cluster
has with metrics-server; it is asked only where a rule names `cpu`, `memory` or `memory_available`.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import chain

from gatewayctl.adapters.kubernetes.client.api import Api, NotFound, Object
from gatewayctl.adapters.kubernetes.client.json import items, name_of, number, part
from gatewayctl.adapters.kubernetes.client.paths import pod_metrics
from gatewayctl.adapters.kubernetes.workloads.objects import is_ready
from gatewayctl.adapters.kubernetes.workloads.quantities import read_quantity
from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.release import Release
from gatewayctl.domain.signals import Gauge, Version

USAGE = ("cpu", "memory", "memory_available")
"""The gauges that need the metrics API: the share (0..1) of its limit that the worst container uses, or has left."""

_COUNTS = ("restarts", "OOMKilled")
_EVERY = 15.0  # seconds; metrics-server measures as often
_OLD = 120.0  # seconds after which a measurement says nothing about now


class PodGauges:
    """Reads the Pods of a Deployment by `pods`; `now` is in epoch seconds.

    A container tells only its last end, so the ends that were seen are kept, by the version and the release.
    """

    def __init__(self, api: Api, namespace: str, pods: Callable[[str], list[Object]], now: Callable[[], float]) -> None:
        self._api, self._namespace, self._pods, self._now = api, namespace, pods, now
        self._ends: dict[tuple[str, Version], set[tuple[str, str, str]]] = {}
        self._measured: dict[str, Object] | str = "nothing was measured yet"
        self._measured_at = float("-inf")

    def read(self, release: Release) -> tuple[Mapping[str, Gauge], tuple[str, ...]]:
        """Implements metrics.merged.ReadGauges, of the gauges that the release is judged by."""
        judging = release.trial.ramp.judging
        wanted = [name for name in (*_COUNTS, *USAGE) if judging and name in judging.gauges]
        deployments = {Version.CANARY: release.target.canary, Version.STABLE: release.target.stable}
        values: dict[Version, dict[str, float | str]] = {}
        for version, name in deployments.items():
            try:
                pods = self._pods(name) if wanted else []
            except EnvironmentFailed as fault:
                values[version] = dict.fromkeys(wanted, str(fault))
                continue
            self._keep_ends(release, version, pods)
            values[version] = {one: self._value(one, release, version, pods) for one in wanted}
        unknown = tuple(
            f"{name} of {version} is not known: {value}"
            for version, found in values.items()
            for name, value in found.items()
            if isinstance(value, str)
        )
        gauges = {
            name: Gauge(_number(values[Version.CANARY][name]), _number(values[Version.STABLE][name])) for name in wanted
        }
        return gauges, unknown

    def _value(self, name: str, release: Release, version: Version, pods: list[Object]) -> float | str:
        """One gauge; a text says why it is not known."""
        ends = self._ends[release.id, version]
        if name == "OOMKilled" and (pods or ends):
            return float(len(ends))
        if not pods:
            return "there is no Pod"
        if name == "restarts":
            return float(sum(number(status, "restartCount") for pod in pods for status in _statuses(pod)))
        measured = self._measurements()
        if isinstance(measured, str):
            return measured
        used = _used("cpu" if name == "cpu" else "memory", pods, measured, self._now())
        return 1 - used if name == "memory_available" and isinstance(used, float) else used

    def _keep_ends(self, release: Release, version: Version, pods: list[Object]) -> None:
        """Remember each container that ended for want of memory since the release began."""
        ends = self._ends.setdefault((release.id, version), set())
        for pod in pods:
            for status in _statuses(pod):
                for state in ("state", "lastState"):
                    end = part(status, state, "terminated")
                    at = str(end.get("finishedAt", ""))
                    if end.get("reason") == "OOMKilled" and _epoch(at) >= int(release.created):
                        ends.add((str(part(pod, "metadata").get("uid", "")), str(status.get("name")), at))

    def _measurements(self) -> dict[str, Object] | str:
        """What was measured of each Pod, by name; a text says why nothing is known."""
        if self._now() - self._measured_at < _EVERY:
            return self._measured
        self._measured_at = self._now()
        try:
            self._measured = {name_of(one): one for one in items(self._api.get(pod_metrics(self._namespace)), "items")}
        except NotFound:
            self._measured = "the cluster has no metrics API (metrics-server)"
        except EnvironmentFailed as fault:
            self._measured = f"the metrics API does not tell: {fault}"
        return self._measured


def _number(value: float | str) -> float | None:
    return value if isinstance(value, float) else None


def _statuses(pod: Object) -> Iterator[Object]:
    return chain(items(pod, "status", "containerStatuses"), items(pod, "status", "initContainerStatuses"))


def _used(resource: str, pods: list[Object], measured: Mapping[str, Object], now: float) -> float | str:
    """The largest share of its limit that a container of the ready Pods uses; a text says why that is not known."""
    shares = []
    ready = [pod for pod in pods if is_ready(pod)]
    for pod in ready:
        found = measured.get(name_of(pod), {})
        if not now - _OLD <= _epoch(str(found.get("timestamp", ""))):
            return f"Pod {name_of(pod)} was not measured in the last {_OLD:g} s"
        used = {one.get("name"): part(one, "usage").get(resource) for one in items(found, "containers")}
        for container in items(pod, "spec", "containers"):
            limit = read_quantity(part(container, "resources", "limits").get(resource))
            amount = read_quantity(used.get(container.get("name")))
            if limit and amount is None:
                return f"container {container.get('name')} of Pod {name_of(pod)} was not measured"
            if limit and amount is not None:
                shares.append(amount / limit)
    return max(shares) if shares else f"no container has a limit of {resource}" if ready else "no Pod is ready"


def _epoch(text: str) -> float:
    """A time of the API in epoch seconds; long ago for what is none."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return float("-inf")
