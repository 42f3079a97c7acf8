"""The ports of `platform: kubernetes`, and the configuration that a release leaves in the cluster."""

from dataclasses import replace
from pathlib import Path

from gatewayctl.adapters.clock import SystemClock
from gatewayctl.adapters.files.evidence import FileEvidence
from gatewayctl.adapters.kubernetes.client.api import Api, connect, is_configured
from gatewayctl.adapters.kubernetes.client.kubeconfig import own_namespace
from gatewayctl.adapters.kubernetes.client.paths import pods
from gatewayctl.adapters.kubernetes.client.watch import WatchedList
from gatewayctl.adapters.kubernetes.doctor.checks import KubernetesChecks
from gatewayctl.adapters.kubernetes.doctor.rbac import (
    Permission,
    PodAccess,
    exec_permissions,
    load_permissions,
    release_permissions,
)
from gatewayctl.adapters.kubernetes.doctor.twin_sync import Twins
from gatewayctl.adapters.kubernetes.gateway.exec_reload import ExecActivation
from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace, RouteObjects
from gatewayctl.adapters.kubernetes.gateway.replicas import KubernetesReplicas, NetworkPath
from gatewayctl.adapters.kubernetes.gateway.service_address import KubernetesAddresses
from gatewayctl.adapters.kubernetes.jobs.load import DistributedLoad, KubernetesSuites
from gatewayctl.adapters.kubernetes.routes.companions import CompanionRouteStore
from gatewayctl.adapters.kubernetes.routes.config_map import KubernetesRouteStore
from gatewayctl.adapters.kubernetes.routes.dry_run import ObjectDryRun
from gatewayctl.adapters.kubernetes.routes.objects import ObjectRouteStore
from gatewayctl.adapters.kubernetes.state.events import EventRecordingJournal, EventWriter
from gatewayctl.adapters.kubernetes.state.journal import KubernetesJournal, list_specs, read_spec
from gatewayctl.adapters.kubernetes.state.leases import KubernetesLeases
from gatewayctl.adapters.kubernetes.state.turns import KubernetesTurns
from gatewayctl.adapters.kubernetes.workloads.workloads import KubernetesWorkloads
from gatewayctl.adapters.smoke.suites import ChildSuites
from gatewayctl.config.load import parse_kept
from gatewayctl.config.spec import Spec
from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.twins import TwinSync
from gatewayctl.gateways.product import OnSignal
from gatewayctl.gateways.registry import gateway
from gatewayctl.orchestration.context import Ports
from gatewayctl.ports import Checker, ProgressListener
from gatewayctl.wiring.gateway import assemble_gateway, signals_of


def kubernetes_ports(spec: Spec, listener: ProgressListener) -> Ports:
    """Every port of one gateway and its applications in a cluster. Raises EnvironmentFailed when none is named."""
    api, clock = connect(spec.platform.context), SystemClock()
    namespace, place = spec.platform.namespace, _gateway_place(spec)
    listing = WatchedList(api, pods(place.namespace), labelSelector=place.selector)
    store, checker = _route_store(spec, api, place, listing)
    reloads: list[ExecActivation] = []

    def reload_by_exec(how: OnSignal) -> ExecActivation:
        reloads.append(ExecActivation(api, place, listing, store, how))
        return reloads[0]

    replicas = KubernetesReplicas(api, place, listing=listing)
    assembled = replace(assemble_gateway(spec, store, replicas, reload_by_exec), checker=checker)
    reload = next(iter(reloads), None)
    workloads = KubernetesWorkloads(api, namespace, _containers(spec))
    permissions = _permissions(spec, place, with_exec=reload is not None)
    looks = (("route files", store.check), *((("reload", reload.check),) if reload else ()))
    checks = KubernetesChecks(api, namespace, permissions, looks, workloads.deployment, workloads.containers)
    events = EventWriter(api, namespace, workloads.deployment_known, listener)
    return Ports(
        gateway=assembled,
        workloads=workloads,
        workload_writer=workloads,
        suites=KubernetesSuites(
            ChildSuites({name: app.suite_settings for name, app in spec.apps.items()}),
            _distributed_load(spec, api, place),
        ),
        journal=EventRecordingJournal(KubernetesJournal(api, namespace, spec.text), events),
        leases=KubernetesLeases(api, namespace, clock),
        evidence=FileEvidence(spec.folder / ".gatewayctl"),
        clock=clock,
        listener=listener,
        address=KubernetesAddresses(api, namespace),
        inspections=(checks.run,),
        turns=KubernetesTurns(api, place, store, clock),
        signals=signals_of(spec, replicas),
    )


def _permissions(spec: Spec, place: GatewayPlace, *, with_exec: bool) -> tuple[Permission, ...]:
    """The permissions that releases need here; `with_exec` where gateway Pods load their files at a command."""
    namespace = spec.platform.namespace
    has_workers = any(app.trial.load and app.trial.load.workers for app in spec.apps.values())
    return (
        # Port-forward is not among them: the replicas' network path names it when it needs it and has it not.
        *release_permissions(namespace, place, PodAccess.INSIDE),
        *(load_permissions(namespace) if has_workers else ()),
        *(exec_permissions(place) if with_exec else ()),
    )


def _distributed_load(spec: Spec, api: Api, place: GatewayPlace) -> DistributedLoad:
    """Loads with workers, which send to the replicas that there are when a load starts."""
    return DistributedLoad(
        api,
        spec.platform.namespace,
        spec.platform.runner.image,
        lambda: KubernetesReplicas(api, place, NetworkPath.DIRECT).list(),
    )


def _gateway_place(spec: Spec) -> GatewayPlace:
    """Where the gateway is in the cluster, and its rules: in API objects where its product has them, else in files."""
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
    spec: Spec,
    api: Api,
    place: GatewayPlace,
    listing: WatchedList,
) -> tuple[KubernetesRouteStore | ObjectRouteStore | CompanionRouteStore, Checker]:
    """Where the rules are stored, and how an edit is checked before it is written there."""
    checker = gateway(spec.gateway.kind).checker()
    if place.routes is None:
        return KubernetesRouteStore(api, place, listing), checker
    if companions := place.routes.resource.companions:
        beside = CompanionRouteStore(api, place.routes, companions, place.namespace)
        return beside, ObjectDryRun(beside, checker)
    store = ObjectRouteStore(api, place.routes)
    return store, ObjectDryRun(store, checker)


def _containers(spec: Spec) -> dict[str, str]:
    """By Deployment, the name of the application's container, where the configuration names it."""
    named = [app for app in spec.apps.values() if app.container]
    return {name: app.container for app in named for name in (app.target.stable, app.target.canary)}


def sync_canary(spec: Spec, app: str, *, write: bool) -> TwinSync:
    """Compare the twins of one application, and where `write` is true bring its canary in line with stable.

    Raises UsageFault on another platform, EnvironmentFailed, Conflict.
    """
    place, wanted = spec.platform, spec.app(app)
    if place.kind != "kubernetes":
        raise UsageFault(f"sync needs a cluster; platform.kind is {place.kind}", hint="the sandbox makes twins itself")
    return Twins(connect(place.context), place.namespace, wanted.target, wanted.container).sync(write=write)


def is_cluster_named() -> bool:
    """Whether a kubeconfig or the Pod that we run in names a cluster."""
    return is_configured()


def spec_in_cluster(app: str, namespace: str, context: str) -> Spec:
    """The configuration of `app` that a release left in a namespace of the cluster.

    `context` takes the place of its own, which is of the machine that made the release. Raises UsageFault.
    """
    api = connect(context)
    namespace = namespace or own_namespace(context)
    text = read_spec(api, namespace, app)
    if text is None:
        raise _nothing_kept(namespace, app)
    return _parse_kept(app, text, context)


def specs_in_cluster(namespace: str, context: str) -> dict[str, Spec]:
    """By application: the configuration that its own last release left, as `spec_in_cluster`.

    An application that was never released has the one of an application beside it that names it.
    """
    api = connect(context)
    namespace = namespace or own_namespace(context)
    kept = {app: _parse_kept(app, text, context) for app, text in list_specs(api, namespace).items()}
    if not kept:
        raise _nothing_kept(namespace, "any app")
    found = {app: spec for app, spec in kept.items() if app in spec.apps}
    for spec in kept.values():
        for app in spec.apps:
            found.setdefault(app, spec)
    return found


def _parse_kept(app: str, text: str, context: str) -> Spec:
    spec = parse_kept(text, Path(f"gatewayctl.yaml of ConfigMap gatewayctl-{app}"))
    return replace(spec, platform=replace(spec.platform, context=context))


def _nothing_kept(namespace: str, app: str) -> UsageFault:
    return UsageFault(
        f"there is no gatewayctl.yaml here, and namespace {namespace} keeps no release of {app}",
        hint="name the namespace with --namespace, or a configuration with --config",
    )
