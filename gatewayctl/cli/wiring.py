"""From a spec to the ports: the one place that chooses adapters."""

import getpass
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gatewayctl.domain.apps import AppSpec
from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.platform import Holder
from gatewayctl.domain.release import Mode, Release, Target

if TYPE_CHECKING:
    from gatewayctl.config.spec import Spec
    from gatewayctl.orchestration.pilot import Pilot
    from gatewayctl.orchestration.work import Ports
    from gatewayctl.ports import Narrator


@dataclass(frozen=True, slots=True)
class Wired:
    """A configuration with its ports."""

    spec: "Spec"
    ports: "Ports"

    def app(self, name: str) -> AppSpec:
        """One application. Raises UsageFault with the names there are."""
        found = self.spec.apps.get(name)
        if found is None:
            raise UsageFault(f"{self.spec.file} has no application {name}", hint=f"it has {', '.join(self.spec.apps)}")
        return found

    def neighbours(self, name: str) -> tuple[Target, ...]:
        """Every other application of the same gateway."""
        return tuple(app.target for other, app in self.spec.apps.items() if other != name)

    def draft(self, name: str, image: str, mode: Mode) -> Release:
        """A new release of an application as it is now, asked for by this process; nothing is written."""
        from gatewayctl.orchestration.planning import Wish, draft

        return draft(self.ports, Wish(self.app(name), image, mode, me().actor, self.neighbours(name)))

    @property
    def pilot(self) -> "Pilot":
        """This process, ready to drive."""
        from gatewayctl.orchestration.pilot import Pilot

        return Pilot(self.ports, me())


def wire(given: Path | None, narrator: "Narrator") -> Wired:
    """Read the configuration and choose the adapters. Raises ConfigFault, UsageFault."""
    from gatewayctl.config.load import find, load

    spec = load(find(given))
    return Wired(spec, _ports(spec, narrator))


def _ports(spec: "Spec", narrator: "Narrator") -> "Ports":
    from gatewayctl.adapters.clock import SystemClock
    from gatewayctl.adapters.sandbox.evidence import FileEvidence
    from gatewayctl.adapters.sandbox.journal import FileJournal
    from gatewayctl.adapters.sandbox.leases import FileLeases
    from gatewayctl.adapters.sandbox.replicas import SandboxReplicas
    from gatewayctl.adapters.sandbox.routes import SandboxRouteStore
    from gatewayctl.adapters.sandbox.workloads import SandboxWorkloads
    from gatewayctl.adapters.smoke.suites import ChildSuites
    from gatewayctl.adapters.traffic.http import HttpProber, admin_get
    from gatewayctl.gateways.registry import gateway
    from gatewayctl.orchestration.work import Gatehouse, Ports

    product = gateway(spec.gateway.kind)
    root = sandbox_root(spec)
    clock = SystemClock()
    house = Gatehouse(
        dialect=product.dialect,
        checker=product.checker(),
        live=product.live(admin_get),
        store=SandboxRouteStore(root),
        replicas=SandboxReplicas(root),
        prober=HttpProber(),
    )
    return Ports(
        gateway=house,
        workloads=SandboxWorkloads(root),
        suites=ChildSuites(),
        journal=FileJournal(root),
        leases=FileLeases(root, clock),
        evidence=FileEvidence(root),
        clock=clock,
        narrator=narrator,
    )


def sandbox_root(spec: "Spec") -> Path:
    """Where a sandbox and its journal keep their state: beside the configuration."""
    return spec.folder / ".gatewayctl" / "sandbox"


def me() -> Holder:
    """This process: who runs it, where. $GATEWAYCTL_ACTOR names the person behind a CI job."""
    actor = os.environ.get("GATEWAYCTL_ACTOR") or _user()
    return Holder(actor, socket.gethostname(), os.getpid(), time.time())


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user in this container
        return f"uid {os.getuid()}"
