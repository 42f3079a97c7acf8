"""The ports of `platform: sandbox`: real processes on this machine, and files beside the configuration."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gatewayctl.wiring.gateway import assemble_gateway

if TYPE_CHECKING:
    from gatewayctl.config.spec import Spec
    from gatewayctl.orchestration.context import Ports
    from gatewayctl.ports import Activation, ProgressListener


def sandbox_root(spec: "Spec") -> Path:
    """Where a sandbox and its journal keep their state: beside the configuration."""
    return spec.folder / ".gatewayctl" / "sandbox"


def sandbox_ports(spec: "Spec", listener: "ProgressListener") -> "Ports":
    from gatewayctl.adapters.clock import SystemClock
    from gatewayctl.adapters.files.evidence import FileEvidence
    from gatewayctl.adapters.files.journal import FileJournal
    from gatewayctl.adapters.files.leases import FileLeases
    from gatewayctl.adapters.sandbox.replicas import SandboxReplicas
    from gatewayctl.adapters.sandbox.routes import SandboxRouteStore
    from gatewayctl.adapters.sandbox.service_addresses import SandboxAddresses
    from gatewayctl.adapters.sandbox.workloads import SandboxWorkloads
    from gatewayctl.adapters.smoke.suites import ChildSuites
    from gatewayctl.orchestration.context import Ports

    root = sandbox_root(spec)
    clock = SystemClock()
    gateway = assemble_gateway(spec, SandboxRouteStore(root), SandboxReplicas(root))
    return Ports(
        gateway=replace(gateway, activation=_sandbox_activation(spec, root) or gateway.activation),
        workloads=SandboxWorkloads(root),
        suites=ChildSuites(),
        journal=FileJournal(root),
        leases=FileLeases(root, clock),
        evidence=FileEvidence(root),
        clock=clock,
        listener=listener,
        address=SandboxAddresses(root),
    )


def _sandbox_activation(spec: "Spec", root: Path) -> "Activation | None":
    """How processes of the sandbox are told by a signal; None for products that are not."""
    from gatewayctl.adapters.sandbox.activation import SandboxActivation
    from gatewayctl.gateways.registry import gateway

    how = gateway(spec.gateway.kind).reload
    return SandboxActivation(root, how) if how else None
