"""Find the configuration and the gateway of an application, and choose the adapters of its platform.

`wiring` alone names adapters: a command, a page or a test asks here and works with ports. What an adapter imports is
loaded when it is chosen, so that `--help` stays quick.
"""

import getpass
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gatewayctl.domain.apps import AppSpec
from gatewayctl.domain.platform import Holder
from gatewayctl.domain.release import Mode, Release, Target
from gatewayctl.wiring.kubernetes import kubernetes_ports, spec_in_cluster
from gatewayctl.wiring.sandbox import sandbox_ports

if TYPE_CHECKING:
    from gatewayctl.config.spec import Spec
    from gatewayctl.orchestration.context import Ports
    from gatewayctl.orchestration.driver import Driver
    from gatewayctl.ports import ProgressListener


_PLATFORMS: dict[str, Callable[["Spec", "ProgressListener"], "Ports"]] = {
    "kubernetes": kubernetes_ports,
    "sandbox": sandbox_ports,
}


@dataclass(frozen=True, slots=True)
class Wired:
    """What a configuration says about one gateway, with its ports."""

    spec: "Spec"
    ports: "Ports"

    def app(self, name: str) -> AppSpec:
        """One application. Raises UsageFault with the names there are."""
        return self.spec.app(name)

    def neighbours(self, name: str) -> tuple[Target, ...]:
        """Every other application of the same gateway."""
        return tuple(app.target for other, app in self.spec.apps.items() if other != name)

    def draft(self, name: str, image: str, mode: Mode) -> Release:
        """A new release of an application as it is now, asked for by this process; nothing is written."""
        from gatewayctl.orchestration.planning import ReleaseRequest, draft

        return draft(
            self.ports, ReleaseRequest(self.app(name), image, mode, current_holder().actor, self.neighbours(name))
        )

    @property
    def driver(self) -> "Driver":
        """This process, ready to drive."""
        from gatewayctl.orchestration.driver import Driver

        return Driver(self.ports, current_holder())


def wire(given: Path | None, listener: "ProgressListener", app: str = "", namespace: str | None = None) -> Wired:
    """Read the configuration and choose the adapters for the gateway of `app`; without one, for the only gateway.

    With a `namespace` (empty: ours) and no configuration in sight, the one that the cluster's journal keeps is used.
    Raises ConfigFault, UsageFault.
    """
    spec = _configuration(given, app, namespace)
    return wired(spec.behind(app) if app else spec, listener)


def wire_each(
    given: Path | None, listener: "ProgressListener", app: str | None, namespace: str | None = None
) -> list[tuple[str, Wired]]:
    """The same for one application, or for all of them when none is named: each with the wiring of its gateway."""
    if app:
        return [(app, wire(given, listener, app, namespace))]
    each = [wired(part, listener) for part in _configuration(given, "", namespace).each()]
    return [(name, one) for one in each for name in one.spec.apps]


def _configuration(given: Path | None, app: str, namespace: str | None) -> "Spec":
    from gatewayctl.config.load import find, load

    return load(find(given)) if namespace is None or given is not None else _found(app, namespace)


def wired(spec: "Spec", listener: "ProgressListener") -> Wired:
    """A configuration of one gateway with the adapters that it asks for."""
    return Wired(spec, _PLATFORMS[spec.platform.kind](spec, listener))


def _found(app: str, namespace: str) -> "Spec":
    """The configuration here; where there is none, or a namespace is named, the one that the cluster keeps."""
    from gatewayctl.adapters.kubernetes.client.api import configured
    from gatewayctl.config.load import find, load

    path = find(None)
    if namespace or (not path.exists() and configured()):
        return spec_in_cluster(app, namespace, load(path).platform.context if path.exists() else "")
    return load(path)


def current_holder() -> Holder:
    """This process: who runs it, where. $GATEWAYCTL_ACTOR names the person behind a CI job."""
    actor = os.environ.get("GATEWAYCTL_ACTOR") or _user()
    return Holder(actor, socket.gethostname(), os.getpid(), time.time())


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user in this container
        return f"uid {os.getuid()}"
