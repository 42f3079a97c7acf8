"""The gateway's own statistics as a source of signals: each replica is asked at its admin port, without Prometheus."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.platform import Replica
from gatewayctl.domain.release import Release
from gatewayctl.domain.routing import CanaryRule
from gatewayctl.domain.signals import Counters, Snapshot, Version
from gatewayctl.gateways.product import AdminGet, Statistics
from gatewayctl.ports import Replicas

_AT_ONCE = 8  # replicas that are asked at the same time, so that a slow one does not make the others look late


@dataclass(frozen=True, slots=True)
class GatewaySignals:
    """Implements ports.SignalSource. `now` is the judge's clock, in seconds."""

    statistics: Statistics
    replicas: Replicas
    admin: AdminGet
    now: Callable[[], float]

    @property
    def name(self) -> str:
        """What people call it."""
        return "gateway"

    @property
    def every(self) -> float:
        """Seconds between two reads that can differ."""
        return self.statistics.every

    def read(self, release: Release) -> Snapshot:
        """The counters of every replica, apart for each start of it. A replica that cannot tell is a fault."""
        at = self.now()
        try:
            listed = self.replicas.list()
        except EnvironmentFailed as fault:
            return Snapshot(at, faults=(f"the gateway's replicas cannot be listed: {fault}",))
        if not listed:
            return Snapshot(at, faults=("the gateway has no replica",))
        rule = release.rule
        with ThreadPoolExecutor(min(len(listed), _AT_ONCE)) as pool:
            told = list(pool.map(lambda replica: self._ask(replica, rule), listed))
        counters = {
            (process_of(replica), version): found
            for replica, (answer, _) in zip(listed, told, strict=True)
            for version, found in answer.items()
        }
        return Snapshot(at, counters, faults=tuple(fault for _, faults in told for fault in faults))

    def _ask(self, replica: Replica, rule: CanaryRule) -> tuple[Mapping[Version, Counters], tuple[str, ...]]:
        """What one replica has counted, and in words what it has not."""
        try:
            found = self.statistics.read(self.admin, replica, rule)
        except EnvironmentFailed as fault:
            return {}, (f"gateway replica {replica.name} gives no statistics: {fault}",)
        upstreams = ((Version.STABLE, rule.service), (Version.CANARY, rule.canary))
        missing = [name for version, name in upstreams if version not in found]
        return found, tuple(f"gateway replica {replica.name} has no statistics of {name}" for name in missing)


def process_of(replica: Replica) -> str:
    """One running process: after a restart under the same name it is another one, and its counters begin at 0."""
    return f"{replica.name}/{replica.identity}" if replica.identity else replica.name
