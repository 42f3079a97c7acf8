"""The ports of `platform: kubernetes`, and the configuration that a release leaves in the cluster."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gatewayctl.domain.errors import UsageFault
from gatewayctl.wiring.gateway import assemble_gateway

if TYPE_CHECKING:
    from gatewayctl.adapters.kubernetes.client.api import Api
    from gatewayctl.adapters.kubernetes.client.watch import WatchedList
    from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace
    from gatewayctl.adapters.kubernetes.routes.config_map import KubernetesRouteStore
    from gatewayctl.adapters.kubernetes.routes.objects import ObjectRouteStore
    from gatewayctl.config.spec import Spec
    from gatewayctl.domain.twins import TwinSync
    from gatewayctl.gateways.product import OnSignal
    from gatewayctl.orchestration.context import Ports
    from gatewayctl.ports import Checker, ProgressListener


def kubernetes_ports(spec: "Spec", listener: "ProgressListener") -> "Ports":
    from gatewayctl.adapters.clock import SystemClock
    from gatewayctl.adapters.files.evidence import FileEvidence
    from gatewayctl.adapters.kubernetes.client.api import connect
    from gatewayctl.adapters.kubernetes.client.paths import pods
    from gatewayctl.adapters.kubernetes.client.watch import WatchedList
    from gatewayctl.adapters.kubernetes.doctor.checks import Inspection
    from gatewayctl.adapters.kubernetes.doctor.rbac import exec_permissions, load_permissions
    from gatewayctl.adapters.kubernetes.gateway.exec_reload import ExecActivation
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
    shared = any(app.trial.load and app.trial.load.workers for app in spec.apps.values())
    listing = WatchedList(api, pods(place.namespace), labelSelector=place.selector)
    store, checker = _route_store(spec, api, place, listing)
    reloads: list[ExecActivation] = []

    def reload_by_exec(how: "OnSignal") -> ExecActivation:
        reloads.append(ExecActivation(api, place, listing, store, how))
        return reloads[0]

    replicas = KubernetesReplicas(api, place, listing=listing)
    gateway = replace(assemble_gateway(spec, store, replicas, reload_by_exec), checker=checker)
    reload = next(iter(reloads), None)
    workloads = KubernetesWorkloads(api, namespace, _containers(spec))
    more = (*(load_permissions(namespace) if shared else ()), *(exec_permissions(place) if reload else ()))
    events = EventWriter(api, namespace, workloads.deployment, listener)
    return Ports(
        gateway=gateway,
        workloads=workloads,
        workload_writer=workloads,
        suites=KubernetesSuites(ChildSuites(), DistributedLoad(api, namespace, spec.platform.runner.image, place)),
        journal=EventRecordingJournal(KubernetesJournal(api, namespace, spec.text), events),
        leases=KubernetesLeases(api, namespace, clock),
        evidence=FileEvidence(spec.folder / ".gatewayctl"),
        clock=clock,
        listener=listener,
        address=KubernetesAddresses(api, namespace),
        inspections=(
            Inspection(api, namespace, place, store, workloads, more, reload=reload.check if reload else None).look,
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
    spec: "Spec",
    api: "Api",
    place: "GatewayPlace",
    listing: "WatchedList",
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


def _containers(spec: "Spec") -> dict[str, str]:
    """The application's container of each Deployment whose application names it."""
    named = [app for app in spec.apps.values() if app.container]
    return {name: app.container for app in named for name in (app.target.stable, app.target.canary)}


def sync_canary(spec: "Spec", app: str, *, write: bool) -> "TwinSync":
    """Compare the twins of one application, and where `write` is true bring its canary in line with stable.

    Raises UsageFault on another platform, EnvironmentFailed, Conflict.
    """
    from gatewayctl.adapters.kubernetes.client.api import connect
    from gatewayctl.adapters.kubernetes.doctor.twin_sync import Twins

    place, wanted = spec.platform, spec.app(app)
    if place.kind != "kubernetes":
        raise UsageFault(f"sync needs a cluster; platform.kind is {place.kind}", hint="the sandbox makes twins itself")
    return Twins(connect(place.context), place.namespace, wanted.target, wanted.container).sync(write=write)


def is_cluster_named() -> bool:
    """Whether a kubeconfig or the Pod that we run in names a cluster."""
    from gatewayctl.adapters.kubernetes.client.api import is_configured

    return is_configured()


def spec_in_cluster(app: str, namespace: str, context: str) -> "Spec":
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
