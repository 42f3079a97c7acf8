"""Find the configuration and the gateway of an application, and choose the adapters of its platform.

`wiring` alone names adapters: a command, a page or a test asks here and works with ports. What an adapter imports is
loaded when it is chosen, so that `--help` stays quick.
"""

import getpass
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gatewayctl.domain.apps import AppSpec
from gatewayctl.domain.platform import Holder
from gatewayctl.domain.release import Mode, Release, Target

if TYPE_CHECKING:
    from gatewayctl.config.spec import Spec
    from gatewayctl.orchestration.context import Ports
    from gatewayctl.orchestration.driver import Driver
    from gatewayctl.ports import ProgressListener


def _kubernetes(spec: "Spec", listener: "ProgressListener") -> "Ports":
    from gatewayctl.wiring.kubernetes import kubernetes_ports

    return kubernetes_ports(spec, listener)


def _sandbox(spec: "Spec", listener: "ProgressListener") -> "Ports":
    from gatewayctl.wiring.sandbox import sandbox_ports

    return sandbox_ports(spec, listener)


_PLATFORMS: dict[str, Callable[["Spec", "ProgressListener"], "Ports"]] = {
    "kubernetes": _kubernetes,
    "sandbox": _sandbox,
}


@dataclass(frozen=True, slots=True)
class Session:
    """What one command works with: the configuration of one gateway, and the ports to that gateway."""

    spec: "Spec"
    ports: "Ports"

    def app(self, name: str) -> AppSpec:
        """One application. Raises UsageFault with the names there are."""
        return self.spec.app(name)

    def neighbours(self, name: str) -> tuple[Target, ...]:
        """Every other application of the same gateway."""
        return tuple(app.target for other, app in self.spec.apps.items() if other != name)

    def draft(self, name: str, image: str, mode: Mode) -> Release:
        """A new release of an application as it is now; its actor is who runs this process. Nothing is written."""
        from gatewayctl.orchestration.planning import ReleaseRequest, draft

        return draft(
            self.ports, ReleaseRequest(self.app(name), image, mode, current_holder().actor, self.neighbours(name))
        )

    def with_local_files(self, release: Release) -> Release:
        """A release that was made on another machine, with the PEM files of this one."""
        from gatewayctl.wiring.local_tls import with_local_files

        return with_local_files(release, self.spec.apps)

    def find_release(self, name: str, release: str) -> Release | None:
        """The release with the id `release`, open or ended; None when the journal of application `name` has none."""
        from gatewayctl.orchestration.open_release import find_ended

        current = self.ports.journal.load(name)
        if current and current.release.id == release:
            return current.release
        return find_ended(self.ports, name, release)

    @property
    def driver(self) -> "Driver":
        """What moves releases on, in the name of this process."""
        from gatewayctl.orchestration.driver import Driver

        return Driver(self.ports, current_holder(), apps=self.spec.apps)


def wire(given: Path | None, listener: "ProgressListener", app: str = "", namespace: str | None = None) -> Session:
    """Read the configuration and choose the adapters for the gateway of `app`; without one, for the only gateway.

    `given` is the configuration file; None stands for ./gatewayctl.yaml. Where `namespace` is text (empty: our own
    namespace) and there is no such file, the configuration in the cluster's journal is used.
    Raises ConfigFault, UsageFault.
    """
    context = _context_of_kept(given, namespace)
    if context is not None:
        from gatewayctl.wiring.kubernetes import spec_in_cluster

        return wire_spec(spec_in_cluster(app, namespace or "", context).behind(app), listener)
    spec = _load_spec(given, namespace)
    return wire_spec(spec.behind(app) if app else spec, listener)


def wire_each(
    given: Path | None, listener: "ProgressListener", app: str | None, namespace: str | None = None
) -> list[tuple[str, Session]]:
    """Each application with the session of its gateway: `app` alone, or all of the configuration when `app` is None.

    Where configurations in the cluster are used, each application has the one that its own release left. Arguments and
    errors as for `wire`.
    """
    if app:
        return [(app, wire(given, listener, app, namespace))]
    sessions: dict[tuple[str, str], Session] = {}  # by configuration and gateway: what applications share is wired once
    each = []
    for name, spec in _specs_by_app(given, namespace):
        key = spec.text, spec.app(name).gateway
        if key not in sessions:
            sessions[key] = wire_spec(spec.behind(name), listener)
        each.append((name, sessions[key]))
    return each


def _specs_by_app(given: Path | None, namespace: str | None) -> "list[tuple[str, Spec]]":
    context = _context_of_kept(given, namespace)
    if context is not None:
        from gatewayctl.wiring.kubernetes import specs_in_cluster

        return list(specs_in_cluster(namespace or "", context).items())
    return [(name, part) for part in _load_spec(given, namespace).each() for name in part.apps]


def _load_spec(given: Path | None, namespace: str | None) -> "Spec":
    """The configuration in a file. A command that continues a release (it has a `namespace`) works without PEM files:

    whoever takes the release back may not have the private key.
    """
    from gatewayctl.config.load import find, load

    return load(find(given), with_files=namespace is None)


def wire_spec(spec: "Spec", listener: "ProgressListener") -> Session:
    """A configuration of one gateway with the adapters that it needs."""
    from gatewayctl.wiring.local_tls import LocalJournal

    ports = _PLATFORMS[spec.platform.kind](spec, listener)
    return Session(spec, replace(ports, journal=LocalJournal(ports.journal, spec.apps)))


def _context_of_kept(given: Path | None, namespace: str | None) -> str | None:
    """The kubeconfig context (empty: the current one) in which a release left the configuration to use.

    None where the configuration is a file: `given`, or ./gatewayctl.yaml if `namespace` is empty and there is one.
    """
    from gatewayctl.config.load import find, load

    if given is not None or namespace is None:
        return None
    path = find(None)
    if path.exists():
        return load(path, with_files=False).platform.context if namespace else None
    from gatewayctl.wiring.kubernetes import is_cluster_named

    return "" if namespace or is_cluster_named() else None


def current_holder() -> Holder:
    """Who runs this process, and on which machine. $GATEWAYCTL_ACTOR names the person behind a CI job."""
    actor = os.environ.get("GATEWAYCTL_ACTOR") or _user()
    return Holder(actor, socket.gethostname(), os.getpid(), time.time())


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user in this container
        return f"uid {os.getuid()}"
