"""What a step has in its hands: the ports, the release, and the guard that keeps a late process from writing."""

from collections.abc import Callable
from dataclasses import dataclass, field

from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.platform import Replica, Stored, Workload
from gatewayctl.domain.release import Release
from gatewayctl.domain.routing import Change, Files
from gatewayctl.orchestration.waiting import Patience
from gatewayctl.ports import (
    Activation,
    Address,
    Checker,
    Clock,
    Dialect,
    Evidence,
    Inspect,
    Journal,
    Leases,
    Live,
    Narrator,
    Prober,
    Replicas,
    RouteStore,
    Suites,
    Workloads,
)


class Watching:
    """ports.Activation for gateways that look at their files themselves: nothing to do."""

    def activate(self, replica: Replica) -> str:  # noqa: ARG002 (the port's signature)
        """It runs them already, or will soon."""
        return ""

    def leftovers(self, replica: Replica) -> int | None:  # noqa: ARG002
        """Files come and go within one process."""
        return None


def no_address(workload: str) -> str:
    """For platforms that cannot tell."""
    raise EnvironmentFailed(
        f"nobody can tell the IP address of the Service {workload} here", hint="set canary_host in gatewayctl.yaml"
    )


@dataclass(frozen=True, slots=True)
class Gatehouse:
    """The gateway: how its rules are spelled, where they are kept, who runs them, and how they are asked and told."""

    dialect: Dialect
    checker: Checker
    live: Live
    store: RouteStore
    replicas: Replicas
    prober: Prober
    activation: Activation = field(default_factory=Watching)


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything outside, as the wiring chose it; `inspections` are the platform's own preconditions.

    `address` is asked where a product's rule needs an IP address.
    """

    gateway: Gatehouse
    workloads: Workloads
    suites: Suites
    journal: Journal
    leases: Leases
    evidence: Evidence
    clock: Clock
    narrator: Narrator
    inspections: tuple[Inspect, ...] = ()
    address: Address = no_address


@dataclass(frozen=True, slots=True)
class Work:
    """One step of one release. `guard` raises Superseded when the release is no longer ours; `tick` also narrates."""

    ports: Ports
    release: Release
    guard: Callable[[], None]
    tick: Callable[[str], None]

    def patience(self, within: float, every: float = 0.1) -> Patience:
        """Wait at most `within` seconds, looking every `every` seconds."""
        return Patience(self.ports.clock, self.tick, within, every)

    def replicas(self) -> tuple[Replica, ...]:
        """The gateway's replicas now."""
        return self.ports.gateway.replicas.list()

    def change(self, expected: Workload, *, image: str | None = None, replicas: int | None = None) -> Workload:
        """Change a workload after reading it, fenced. Raises StaleWrite, Superseded.

        The order matters: read, then guard, then compare-and-swap. Whoever takes the release over writes every object
        once more, so a process that was paused between these lines loses the swap.
        """
        self.guard()
        return self.ports.workloads.change(expected, image=image, replicas=replicas)

    def write(self, files: Files, expected: Stored) -> Stored:
        """Write route files after reading them, fenced the same way. Raises StaleWrite, Superseded."""
        self.guard()
        return self.ports.gateway.store.write(files, expected)

    def keep(self, name: str, text: str) -> None:
        """Put a document into the release's evidence."""
        self.ports.evidence.put(self.release.id, name, text)

    def keep_change(self, label: str, before: Files, change: Change) -> None:
        """The files of an edit before and after it, as evidence."""
        for moment, files in (("before", before), ("after", change.apply(before))):
            for file in files:
                self.keep(f"{label}/{moment}/{file.name}", file.text)
