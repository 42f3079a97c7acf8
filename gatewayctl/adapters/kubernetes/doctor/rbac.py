"""The permissions that a release needs in a cluster, each with its reason, and which of them we do not have.

There is one table: manifests/rbac.yaml grants exactly these, and doctor checks exactly these before anything changes. A
release that notices only at promote that it may not write would leave its work half done.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from gatewayctl.adapters.kubernetes.client.api import Api, Object
from gatewayctl.adapters.kubernetes.client.json import items, part
from gatewayctl.adapters.kubernetes.client.names import ROUTES, TURNS
from gatewayctl.adapters.kubernetes.client.paths import own_review
from gatewayctl.adapters.kubernetes.gateway.place import (
    GatewayPlace,
    RouteObjects,
)  # values: they decide which are needed
from gatewayctl.domain.errors import EnvironmentFailed


class PodAccess(Enum):
    """How we reach Pods: by their addresses inside the cluster, by port-forward from outside."""

    INSIDE = "inside"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class Permission:
    """One verb on one resource or `resource/subresource` of an API group, in a namespace; `why` a release needs it.

    `name` limits it to one object. A release can do without an `optional` one.
    """

    group: str
    resource: str
    verb: str
    namespace: str
    why: str
    name: str = ""
    optional: bool = False

    def __str__(self) -> str:
        kind = f"{self.resource}.{self.group}" if self.group else self.resource
        which = f" {self.name}" if self.name else ""
        return f"{self.verb} {kind}{which} in {self.namespace} ({self.why})"


_APPS = (
    ("apps", "deployments", "get", "what stable and canary run"),
    ("apps", "deployments", "watch", "to see a rollout end at once"),
    ("apps", "deployments", "patch", "to set image and replicas"),
    ("apps", "replicasets", "list", "to tell new Pods from old ones"),
    ("", "pods", "list", "to see Pods get ready and go"),
    ("", "pods", "watch", "to see Pods get ready and go at once"),
    ("", "pods/log", "get", "to show why a canary does not start"),
    ("events.k8s.io", "events", "list", "to show why a container ended"),
    ("events.k8s.io", "events", "create", "to tell the phases of a release"),
    ("", "configmaps", "get", "the journal"),
    ("", "configmaps", "list", "the journal: to find releases of every application"),
    ("", "configmaps", "watch", "the journal: to notice an abort at once"),
    ("", "configmaps", "create", "the journal"),
    ("", "configmaps", "update", "the journal"),
    ("coordination.k8s.io", "leases", "get", "one process at a time"),
    ("coordination.k8s.io", "leases", "create", "one process at a time"),
    ("coordination.k8s.io", "leases", "update", "one process at a time"),
    ("coordination.k8s.io", "leases", "delete", "one process at a time"),
    ("", "services", "list", "to find a Service that would catch canary Pods"),
    ("autoscaling", "horizontalpodautoscalers", "list", "to find an autoscaler that would fight over replicas"),
    ("policy", "poddisruptionbudgets", "list", "to find a budget that would count canary Pods"),
)
_GATEWAY = (
    ("", "pods", "list", "the gateway's replicas"),
    ("", "pods", "watch", "replicas that come and go"),
)
_SYNC_NOW = (("", "pods", "patch", "an annotation makes the kubelet sync their files at once"),)
# Without them releases that write the same routes try again by chance, as others do that know no turns.
_TURNS = (
    ("get", "to wait for a turn to write the routes", TURNS),
    ("patch", "to wait for a turn to write the routes", TURNS),
    ("create", "to wait for a turn to write the routes", ""),
)
_ROUTES = (
    ("get", "the gateway's routes"),
    ("watch", "to notice other people's edits"),
    ("patch", "to add and remove the canary rule"),
)
_COMPANIONS = (
    ("list", "to find the canary's objects"),
    ("get", "to read the gateway's routes"),
    ("create", "to add the canary's objects"),
    ("patch", "to change the canary's objects"),
    ("delete", "to take the canary's objects away"),
)
# A WebSocket begins as a GET; from Kubernetes 1.35 on the API server asks for create as well.
_OUTSIDE = (
    ("", "pods/portforward", "get", "to reach each gateway replica from outside"),
    ("", "pods/portforward", "create", "to reach each gateway replica from outside"),
)
# To start a release as a Job. The Job itself has the permissions of a release.
_JOB = (
    ("batch", "jobs", "create", "to start the release"),
    ("batch", "jobs", "get", "to know when it is over"),
    ("batch", "jobs", "delete", "to take back a Job that cannot begin"),
    ("", "configmaps", "create", "to bring the suites into the cluster"),
    ("", "configmaps", "get", "the journal, which says how it ended"),
    ("", "serviceaccounts", "get", "to refuse when its account is missing"),
    ("", "pods", "list", "to find who works on it"),
    ("", "pods/log", "get", "to show what it says"),
)
_LOAD = (
    ("batch", "jobs", "create", "to start the load's workers"),
    ("batch", "jobs", "get", "to know what became of them"),
    ("batch", "jobs", "delete", "to end them"),
)
# For gateways that load their files at a command; verbs as for port-forward.
_EXEC = (
    ("", "pods/exec", "get", "to have the gateway load its files"),
    ("", "pods/exec", "create", "to have the gateway load its files"),
)


def job_permissions(namespace: str) -> tuple[Permission, ...]:
    """What the caller of `release --in-cluster` needs."""
    return tuple(Permission(group, resource, verb, namespace, why) for group, resource, verb, why in _JOB)


def require_job_permissions(api: Api, namespace: str) -> None:
    """Raise EnvironmentFailed, naming them, when we lack permissions to start a release as a Job."""
    lacking = find_missing(api, job_permissions(namespace))
    if lacking:
        raise EnvironmentFailed(
            "to start a Job you lack " + "; ".join(map(str, lacking)), hint="manifests/submitter.yaml grants it"
        )


def load_permissions(namespace: str) -> tuple[Permission, ...]:
    """What a release needs besides `release_permissions` when its load has workers."""
    return tuple(Permission(group, resource, verb, namespace, why) for group, resource, verb, why in _LOAD)


def exec_permissions(place: GatewayPlace) -> tuple[Permission, ...]:
    """What a release needs besides `release_permissions` when its gateway loads its files at a command."""
    return tuple(Permission(group, resource, verb, place.namespace, why) for group, resource, verb, why in _EXEC)


def release_permissions(namespace: str, place: GatewayPlace, access: PodAccess) -> tuple[Permission, ...]:
    """What a release of applications in `namespace` behind the gateway at `place` needs, and nothing more."""
    sync_now = () if place.routes else _SYNC_NOW
    gateway = (*_GATEWAY, *sync_now, *(_OUTSIDE if access is PodAccess.OUTSIDE else ()))
    return (
        *(Permission(group, resource, verb, namespace, why) for group, resource, verb, why in _APPS),
        *(Permission(group, resource, verb, place.namespace, why) for group, resource, verb, why in gateway),
        *_route_permissions(place),
        *(
            Permission("coordination.k8s.io", "leases", verb, place.namespace, why, name, optional=True)
            for verb, why, name in _TURNS
        ),
    )


def _route_permissions(place: GatewayPlace) -> tuple[Permission, ...]:
    """Permissions to read and edit the routes: of API objects by name, or of the ConfigMap."""
    if place.routes is None:
        return tuple(
            Permission("", "configmaps", verb, place.namespace, why, place.config_map) for verb, why in _ROUTES
        )
    resource = place.routes.resource
    if resource.companions:
        return _companion_permissions(place.namespace, place.routes)
    named = [route.partition("/") for route in place.routes.names]
    return tuple(
        Permission(resource.group, resource.plural, verb, namespace, why, name)
        for namespace, _, name in named
        for verb, why in _ROUTES
    )


def _companion_permissions(gateway: str, routes: RouteObjects) -> tuple[Permission, ...]:
    """Permissions to read stable's objects and to write ours beside them, whose names no role can list beforehand."""
    resource, why_lease = routes.resource, "to let one release at a time write the routes"
    return (
        *(
            Permission(resource.group, resource.plural, verb, at, why)
            for at in dict.fromkeys(route.partition("/")[0] for route in routes.names)
            for verb, why in _COMPANIONS
        ),
        *(
            Permission("coordination.k8s.io", "leases", verb, gateway, why_lease, name)
            for verb, name in (("get", ROUTES), ("patch", ROUTES), ("create", ""))
        ),
    )


def find_missing(api: Api, needed: Iterable[Permission]) -> tuple[Permission, ...]:
    """Those of `needed` that we do not have, in their order. Raises ApiFault.

    One request per namespace lists our rules. Where the API server cannot list all of them (an authorisation webhook
    decides, too), one more request asks for each permission that is not among them.
    """
    needed = tuple(needed)
    reviews = {
        namespace: _review_rules(api, namespace) for namespace in {permission.namespace for permission in needed}
    }
    return tuple(
        permission
        for permission in needed
        if not any(_grants(rule, permission) for rule in reviews[permission.namespace].rules)
        and not (reviews[permission.namespace].incomplete and _is_allowed(api, permission))
    )


@dataclass(frozen=True, slots=True)
class _RulesReview:
    """Our rules in a namespace; `incomplete` where the API server could not list all of them."""

    rules: tuple[Object, ...]
    incomplete: bool


def _review_rules(api: Api, namespace: str) -> _RulesReview:
    status = part(_review(api, "SelfSubjectRulesReview", {"namespace": namespace}), "status")
    return _RulesReview(tuple(items(status, "resourceRules")), status.get("incomplete") is not False)


def _is_allowed(api: Api, permission: Permission) -> bool:
    resource, _, subresource = permission.resource.partition("/")
    wanted = {
        "namespace": permission.namespace,
        "verb": permission.verb,
        "group": permission.group,
        "resource": resource,
        "subresource": subresource,
        "name": permission.name,
    }
    status = part(_review(api, "SelfSubjectAccessReview", {"resourceAttributes": wanted}), "status")
    return status.get("allowed") is True


def _review(api: Api, kind: str, spec: Object) -> Object:
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
    return api.create(own_review(f"{kind.lower()}s"), body)


def _grants(rule: Object, permission: Permission) -> bool:
    """Whether one rule gives a permission, decided as RBAC does."""
    _, slash, subresource = permission.resource.partition("/")
    resources = {"*", permission.resource, *([f"*/{subresource}"] if slash else [])}
    names = _texts(rule, "resourceNames")
    return (
        bool(_texts(rule, "verbs") & {"*", permission.verb})
        and bool(_texts(rule, "apiGroups") & {"*", permission.group})
        and bool(_texts(rule, "resources") & resources)
        and (not names or (bool(permission.name) and permission.name in names))
    )


def _texts(rule: Object, key: str) -> set[str]:
    found = rule.get(key)
    return {text for text in found if isinstance(text, str)} if isinstance(found, list) else set()
