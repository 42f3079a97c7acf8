"""From a spec to the ports: the one place that chooses adapters."""

import getpass
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gatewayctl.domain.apps import AppSpec
from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.platform import Holder
from gatewayctl.domain.release import Mode, Release, Target

if TYPE_CHECKING:
    from gatewayctl.adapters.kubernetes.client.api import Api
    from gatewayctl.adapters.kubernetes.client.watch import WatchedList
    from gatewayctl.adapters.kubernetes.gateway.exec_reload import ExecActivation
    from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace
    from gatewayctl.adapters.kubernetes.routes.config_map import KubernetesRouteStore
    from gatewayctl.adapters.kubernetes.routes.objects import ObjectRouteStore
    from gatewayctl.config.spec import Spec
    from gatewayctl.orchestration.context import Gateway, Ports
    from gatewayctl.orchestration.driver import Driver
    from gatewayctl.ports import Activation, Checker, ProgressListener, Replicas, RouteStore


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
    from gatewayctl.adapters.kubernetes.client.api import is_configured
    from gatewayctl.config.load import find, load

    path = find(None)
    if namespace or (not path.exists() and is_configured()):
        return _kept(app, namespace, load(path).platform.context if path.exists() else "")
    return load(path)


def _kept(app: str, namespace: str, context: str) -> "Spec":
    """The configuration that a release left in the cluster. Its context names the other machine's: ours is used."""
    from gatewayctl.adapters.kubernetes.client.api import connect
    from gatewayctl.adapters.kubernetes.client.kubeconfig import own_namespace
    from gatewayctl.adapters.kubernetes.state.journal import list_apps, read_spec
    from gatewayctl.config.load import parse

    api = connect(context)
    namespace = namespace or own_namespace(context)
    named = [app] if app else list(list_apps(api, namespace))
    text = read_spec(api, namespace, named[0]) if named else None
    if text is None:
        raise UsageFault(
            f"there is no gatewayctl.yaml here, and namespace {namespace} keeps no release of {app or 'any app'}",
            hint="name the namespace with --namespace, or a configuration with --config",
        )
    spec = parse(text, Path(f"gatewayctl.yaml of ConfigMap gatewayctl-{named[0]}"))
    return replace(spec, platform=replace(spec.platform, context=context))


def _sandbox(spec: "Spec", listener: "ProgressListener") -> "Ports":
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
    gateway = _gatehouse(spec, SandboxRouteStore(root), SandboxReplicas(root))
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


def _kubernetes(spec: "Spec", listener: "ProgressListener") -> "Ports":
    from gatewayctl.adapters.clock import SystemClock
    from gatewayctl.adapters.files.evidence import FileEvidence
    from gatewayctl.adapters.kubernetes.client.api import connect
    from gatewayctl.adapters.kubernetes.client.paths import pods
    from gatewayctl.adapters.kubernetes.client.watch import WatchedList
    from gatewayctl.adapters.kubernetes.doctor.checks import Inspection
    from gatewayctl.adapters.kubernetes.doctor.rbac import exec_permissions, load_permissions
    from gatewayctl.adapters.kubernetes.gateway.replicas import KubernetesReplicas
    from gatewayctl.adapters.kubernetes.gateway.service_address import KubernetesAddresses
    from gatewayctl.adapters.kubernetes.jobs.load import DistributedLoad, KubernetesSuites
    from gatewayctl.adapters.kubernetes.state.events import EventRecordingJournal, EventWriter
    from gatewayctl.adapters.kubernetes.state.journal import KubernetesJournal
    from gatewayctl.adapters.kubernetes.state.leases import KubernetesLeases
    from gatewayctl.adapters.kubernetes.workloads.workloads import KubernetesWorkloads
    from gatewayctl.adapters.smoke.suites import ChildSuites
    from gatewayctl.orchestration.context import Ports

    api, clock = connect(spec.platform.context), SystemClock()
    namespace, place = spec.platform.namespace, _gateway_place(spec)
    shared = any(app.load and app.load.workers for app in spec.apps.values())
    listing = WatchedList(api, pods(place.namespace), labelSelector=place.selector)
    store, checker = _route_store(spec, api, place, listing)
    gatehouse = replace(_gatehouse(spec, store, KubernetesReplicas(api, place, listing=listing)), checker=checker)
    told = _exec_activation(spec, api, place, listing, store)
    workloads = KubernetesWorkloads(api, namespace, _containers(spec))
    more = (*(load_permissions(namespace) if shared else ()), *(exec_permissions(place) if told else ()))
    events = EventWriter(api, namespace, workloads.deployment, listener)
    return Ports(
        gateway=replace(gatehouse, activation=told or gatehouse.activation),
        workloads=workloads,
        suites=KubernetesSuites(ChildSuites(), DistributedLoad(api, namespace, spec.platform.runner.image, place)),
        journal=EventRecordingJournal(KubernetesJournal(api, namespace, spec.text), events),
        leases=KubernetesLeases(api, namespace, clock),
        evidence=FileEvidence(spec.folder / ".gatewayctl"),
        clock=clock,
        listener=listener,
        address=KubernetesAddresses(api, namespace),
        inspections=(
            Inspection(api, namespace, place, store, workloads, more, reload=told.check if told else None).look,
        ),
    )


def _gateway_place(spec: "Spec") -> "GatewayPlace":
    """Where the gateway is in the cluster, and its rules: in API objects where its product has them, else in files."""
    from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace, RouteObjects
    from gatewayctl.gateways.registry import gateway

    resource, found = gateway(spec.gateway.kind).resource, spec.gateway
    return GatewayPlace(
        namespace=found.namespace,
        selector=found.selector,
        config_map=found.config_map,
        keys=found.keys,
        traffic=found.traffic,
        admin=found.admin,
        routes=RouteObjects(resource, found.routes) if resource else None,
        container=found.container,
    )


def _route_store(
    spec: "Spec", api: "Api", place: "GatewayPlace", listing: "WatchedList"
) -> "tuple[KubernetesRouteStore | ObjectRouteStore, Checker]":
    """Where the rules are stored, and how an edit is checked before it is written there."""
    from gatewayctl.adapters.kubernetes.routes.config_map import KubernetesRouteStore
    from gatewayctl.adapters.kubernetes.routes.dry_run import ObjectDryRun
    from gatewayctl.adapters.kubernetes.routes.objects import ObjectRouteStore
    from gatewayctl.gateways.registry import gateway

    checker = gateway(spec.gateway.kind).checker()
    if place.routes is None:
        return KubernetesRouteStore(api, place, listing), checker
    store = ObjectRouteStore(api, place.routes)
    return store, ObjectDryRun(store, checker)


def _exec_activation(
    spec: "Spec", api: "Api", place: "GatewayPlace", listing: "WatchedList", store: "RouteStore"
) -> "ExecActivation | None":
    """How gateway Pods are told by a command in them; None for products that are not."""
    from gatewayctl.adapters.kubernetes.gateway.exec_reload import ExecActivation
    from gatewayctl.gateways.registry import gateway

    how = gateway(spec.gateway.kind).reload
    return ExecActivation(api, place, listing, store, how) if how else None


def _containers(spec: "Spec") -> dict[str, str]:
    """The application's container of each Deployment whose application names it."""
    named = [app for app in spec.apps.values() if app.container]
    return {name: app.container for app in named for name in (app.target.stable, app.target.canary)}


_PLATFORMS: dict[str, Callable[["Spec", "ProgressListener"], "Ports"]] = {
    "kubernetes": _kubernetes,
    "sandbox": _sandbox,
}


def _gatehouse(spec: "Spec", store: "RouteStore", replicas: "Replicas") -> "Gateway":
    """The gateway product over whatever platform it runs on."""
    from gatewayctl.adapters.http import HttpProber, admin_get, admin_post
    from gatewayctl.gateways.registry import gateway
    from gatewayctl.orchestration.context import Gateway, Watching

    product = gateway(spec.gateway.kind)
    activation = product.activation(admin_post, time.monotonic) if product.activation else Watching()
    return Gateway(
        dialect=product.dialect,
        checker=product.checker(),
        readback=product.readback(admin_get),
        store=store,
        replicas=replicas,
        prober=HttpProber(),
        activation=activation,
    )


def sandbox_root(spec: "Spec") -> Path:
    """Where a sandbox and its journal keep their state: beside the configuration."""
    return spec.folder / ".gatewayctl" / "sandbox"


def current_holder() -> Holder:
    """This process: who runs it, where. $GATEWAYCTL_ACTOR names the person behind a CI job."""
    actor = os.environ.get("GATEWAYCTL_ACTOR") or _user()
    return Holder(actor, socket.gethostname(), os.getpid(), time.time())


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user in this container
        return f"uid {os.getuid()}"
