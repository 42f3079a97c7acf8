"""The ports of `platform: sandbox`: real processes on this machine, and files beside the configuration."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from gatewayctl.domain.errors import UsageFault
from gatewayctl.wiring.gateway import assemble_gateway, signals_of

if TYPE_CHECKING:
    from gatewayctl.config.spec import Spec
    from gatewayctl.orchestration.context import Ports
    from gatewayctl.ports import Clock, ProgressListener


def sandbox_root(spec: "Spec") -> Path:
    """Where a sandbox and its journal keep their state: beside the configuration."""
    return root_below(spec.folder)


def root_below(folder: Path) -> Path:
    """The same for the folder of a configuration that was not read yet."""
    return folder / ".gatewayctl" / "sandbox"


def world_of(spec: "Spec") -> Path:
    """The file that describes the sandbox's workloads and gateway. Raises UsageFault when none is named."""
    if spec.platform.world is None:
        raise UsageFault(f"{spec.file}: platform.world is not set")
    return spec.platform.world


def start_sandbox(spec: "Spec", clock: "Clock") -> tuple[str, ...]:
    """Start the sandbox of a configuration, and leave it running until `stop_sandbox`; returns notes for a person.

    Raises UsageFault, Busy when it runs already, EnvironmentFailed.
    """
    from gatewayctl.adapters.sandbox import cluster

    return cluster.up(
        sandbox_root(spec), world_of(spec), life=cluster.Life.DETACHED, clock=clock, twins=_twins(spec)
    ).notes


def run_sandbox(spec: "Spec", clock: "Clock") -> AbstractContextManager[object]:
    """The sandbox of a configuration, running inside the block and ended with this process. Raises as above."""
    from gatewayctl.adapters.sandbox import cluster

    return cluster.up(sandbox_root(spec), world_of(spec), life=cluster.Life.OWNED, clock=clock, twins=_twins(spec))


def _twins(spec: "Spec") -> dict[str, str]:
    """The canary of each application, and the workload that it is the twin of."""
    return {app.target.canary: app.target.stable for app in spec.apps.values()}


def stop_sandbox(spec: "Spec", clock: "Clock") -> bool:
    """Stop the sandbox and every process of it; False when it did not run. Raises DeadlineExceeded."""
    from gatewayctl.adapters.sandbox import cluster

    return cluster.down(sandbox_root(spec), clock=clock)


def forget_sandbox(spec: "Spec") -> None:
    """Remove what a stopped sandbox held; journal and evidence stay. Raises Busy when it runs."""
    from gatewayctl.adapters.sandbox import cluster

    cluster.forget(sandbox_root(spec))


def is_sandbox_running(folder: Path) -> bool:
    """Whether a sandbox of the configuration in `folder` runs."""
    from gatewayctl.adapters.sandbox import cluster

    return cluster.running(root_below(folder))


def sandbox_ports(spec: "Spec", listener: "ProgressListener") -> "Ports":
    """Every port of the gateway and the applications of a sandbox."""
    from gatewayctl.adapters.clock import SystemClock
    from gatewayctl.adapters.files.evidence import FileEvidence
    from gatewayctl.adapters.files.journal import FileJournal
    from gatewayctl.adapters.files.leases import FileLeases
    from gatewayctl.adapters.files.turns import FileTurns
    from gatewayctl.adapters.sandbox.activation import SandboxActivation
    from gatewayctl.adapters.sandbox.replicas import SandboxReplicas
    from gatewayctl.adapters.sandbox.routes import SandboxRouteStore
    from gatewayctl.adapters.sandbox.service_addresses import SandboxAddresses
    from gatewayctl.adapters.sandbox.workloads import SandboxWorkloads
    from gatewayctl.adapters.smoke.suites import ChildSuites
    from gatewayctl.orchestration.context import Ports

    root = sandbox_root(spec)
    clock = SystemClock()
    store, replicas = SandboxRouteStore(root), SandboxReplicas(root)
    workloads = SandboxWorkloads(root)
    return Ports(
        gateway=assemble_gateway(spec, store, replicas, lambda how: SandboxActivation(root, how)),
        workloads=workloads,
        workload_writer=workloads,
        suites=ChildSuites({name: app.suite_settings for name, app in spec.apps.items()}),
        journal=FileJournal(root),
        leases=FileLeases(root, clock),
        evidence=FileEvidence(root),
        clock=clock,
        listener=listener,
        address=SandboxAddresses(root),
        turns=FileTurns(root, clock),
        signals=signals_of(spec, replicas),
    )
