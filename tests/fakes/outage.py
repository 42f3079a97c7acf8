"""An API server that is away for some seconds, in the world in memory: every port that needs it fails then."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from gatewayctl.domain.errors import Transient
from gatewayctl.domain.platform import Holder
from gatewayctl.domain.release import Phase
from gatewayctl.orchestration.context import Ports
from tests.fakes.memory import MemoryLeases, Silent
from tests.fakes.world import World

_RENEWED_EVERY = 15.0  # seconds; a renewal is left out while the last one is younger, as in a cluster


@dataclass
class Outage:
    """The API is away for `length` seconds from `start` on; each request is tried again for `patience` seconds."""

    world: World
    length: float
    patience: float = 10.0
    start: float | None = None

    def is_on(self) -> bool:
        return self.start is not None and self.start <= self.world.time < self.start + self.length

    def begin(self) -> None:
        """It begins a moment later, once."""
        if self.start is None:
            self.start = self.world.time + 0.01

    def request(self) -> None:
        """One request. Raises Transient."""
        end = self.world.time + self.patience
        while self.is_on():
            if self.world.time >= end:
                raise Transient("cannot reach the Kubernetes API server: Connection refused")
            World.sleep(self.world, 0.5)


class Remote:
    """A port whose methods are requests to the API."""

    def __init__(self, inner: object, outage: Outage) -> None:
        self._inner, self._outage = inner, outage

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        def request(*given: Any, **named: Any) -> Any:
            self._outage.request()
            return found(*given, **named)

        return request


class RemoteLeases(MemoryLeases):
    """ports.Leases in the API; a renewal is left out while the last one is recent."""

    safe_time = 30.0

    def __init__(self, world: World, outage: Outage) -> None:
        super().__init__(world)
        self.outage = outage
        self.renewed: dict[str, float] = {}

    def acquire(self, app: str, holder: Holder) -> None:
        self.outage.request()
        super().acquire(app, holder)
        self.renewed[app] = self.world.time

    def renew(self, app: str, holder: Holder) -> None:
        if self.world.time - self.renewed.get(app, -1000.0) >= _RENEWED_EVERY:
            self.acquire(app, holder)

    def release(self, app: str, holder: Holder) -> None:
        self.outage.request()
        super().release(app, holder)


@dataclass
class AtPhase(Silent):
    """ports.ProgressListener that calls `act` when a phase begins."""

    phase: Phase = Phase.WARM
    act: Callable[[], None] = lambda: None

    def started(self, step: str) -> None:
        super().started(step)
        if step == self.phase:
            self.act()


def with_outage(ports: Ports, outage: Outage, listener: Silent) -> Ports:
    """The same ports, of which all that are in the API need it; the gateway's own ports do not."""
    return replace(
        ports,
        workloads=Remote(ports.workloads, outage),
        workload_writer=Remote(ports.workload_writer, outage),
        journal=Remote(ports.journal, outage),
        leases=RemoteLeases(outage.world, outage),
        gateway=replace(
            ports.gateway,
            store=Remote(ports.gateway.store, outage),
            replicas=Remote(ports.gateway.replicas, outage),
        ),
        listener=listener,
    )
