"""The rights that a release needs in a cluster, each with its reason, and which of them we do not have.

One table: manifests/rbac.yaml grants exactly this, and doctor asks for exactly this before anything is touched. A
release that finds out at promote that it may not write leaves a person with half of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from gatewayctl.adapters.kubernetes.client.api import Api, Object
from gatewayctl.adapters.kubernetes.client.json import items, part
from gatewayctl.adapters.kubernetes.client.paths import own_review
from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace


class PodAccess(Enum):
    """Where we run: inside the cluster Pods are reached by their addresses, from outside by port-forward."""

    INSIDE = "inside"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class Right:
    """One verb on one resource, `resource/subresource` where it is one; `name` limits it to one object."""

    group: str
    resource: str
    verb: str
    namespace: str
    why: str
    name: str = ""

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
    ("", "configmaps", "watch", "the journal: to hear of an abort at once"),
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
_NUDGE = (("", "pods", "patch", "an annotation makes the kubelet sync their files at once"),)
_ROUTES = (
    ("get", "the gateway's routes"),
    ("watch", "to hear of other people's edits"),
    ("patch", "to add and remove the canary rule"),
)
# A WebSocket begins as a GET; from Kubernetes 1.35 on the API server asks for create as well.
_OUTSIDE = (
    ("", "pods/portforward", "get", "to reach each gateway replica from outside"),
    ("", "pods/portforward", "create", "to reach each gateway replica from outside"),
)
# Whoever starts a release as a Job; the Job has the rights of a release itself.
_SUBMITTING = (
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
# Where the gateway has to be told to load its files; verbs as for port-forward.
_TELLING = (
    ("", "pods/exec", "get", "to have the gateway load its files"),
    ("", "pods/exec", "create", "to have the gateway load its files"),
)


def job_permissions(namespace: str) -> tuple[Right, ...]:
    """What `release --in-cluster` needs of its caller."""
    return tuple(Right(group, resource, verb, namespace, why) for group, resource, verb, why in _SUBMITTING)


def load_permissions(namespace: str) -> tuple[Right, ...]:
    """What a release needs besides `rights` when its load has workers."""
    return tuple(Right(group, resource, verb, namespace, why) for group, resource, verb, why in _LOAD)


def exec_permissions(place: GatewayPlace) -> tuple[Right, ...]:
    """What a release needs besides `rights` when its gateway does not look at its files by itself."""
    return tuple(Right(group, resource, verb, place.namespace, why) for group, resource, verb, why in _TELLING)


def rights(namespace: str, place: GatewayPlace, reach: PodAccess) -> tuple[Right, ...]:
    """What a release of applications in `namespace` behind the gateway at `place` needs, and nothing more."""
    nudge = () if place.routes else _NUDGE
    gateway = (*_GATEWAY, *nudge, *(_OUTSIDE if reach is PodAccess.OUTSIDE else ()))
    return (
        *(Right(group, resource, verb, namespace, why) for group, resource, verb, why in _APPS),
        *(Right(group, resource, verb, place.namespace, why) for group, resource, verb, why in gateway),
        *_route_rights(place),
    )


def _route_rights(place: GatewayPlace) -> tuple[Right, ...]:
    """What reading and editing the routes takes: of API objects by name, or of the ConfigMap."""
    if place.routes is None:
        return tuple(Right("", "configmaps", verb, place.namespace, why, place.config_map) for verb, why in _ROUTES)
    resource = place.routes.resource
    named = [route.partition("/") for route in place.routes.names]
    return tuple(
        Right(resource.group, resource.plural, verb, namespace, why, name)
        for namespace, _, name in named
        for verb, why in _ROUTES
    )


def missing(api: Api, needed: Iterable[Right]) -> tuple[Right, ...]:
    """Those of `needed` that we do not have, in their order: one question per namespace. Raises ApiFault.

    Where the API server cannot list our rules in full (it asks someone else, too), it is asked for each right that is
    not among them.
    """
    needed = tuple(needed)
    said = {namespace: _rules(api, namespace) for namespace in {right.namespace for right in needed}}
    return tuple(
        right
        for right in needed
        if not any(_grants(rule, right) for rule in said[right.namespace].rules)
        and not (said[right.namespace].incomplete and _allowed(api, right))
    )


@dataclass(frozen=True, slots=True)
class _Rules:
    """What the API server says of our rights in a namespace."""

    rules: tuple[Object, ...]
    incomplete: bool


def _rules(api: Api, namespace: str) -> _Rules:
    status = part(_asked(api, "SelfSubjectRulesReview", {"namespace": namespace}), "status")
    return _Rules(tuple(items(status, "resourceRules")), status.get("incomplete") is not False)


def _allowed(api: Api, right: Right) -> bool:
    resource, _, subresource = right.resource.partition("/")
    wanted = {
        "namespace": right.namespace,
        "verb": right.verb,
        "group": right.group,
        "resource": resource,
        "subresource": subresource,
        "name": right.name,
    }
    status = part(_asked(api, "SelfSubjectAccessReview", {"resourceAttributes": wanted}), "status")
    return status.get("allowed") is True


def _asked(api: Api, kind: str, spec: Object) -> Object:
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
    return api.create(own_review(f"{kind.lower()}s"), body)


def _grants(rule: Object, right: Right) -> bool:
    """Whether one rule gives a right, as the API server's RBAC reads rules."""
    _, slash, subresource = right.resource.partition("/")
    resources = {"*", right.resource, *([f"*/{subresource}"] if slash else [])}
    names = _texts(rule, "resourceNames")
    return (
        bool(_texts(rule, "verbs") & {"*", right.verb})
        and bool(_texts(rule, "apiGroups") & {"*", right.group})
        and bool(_texts(rule, "resources") & resources)
        and (not names or (bool(right.name) and right.name in names))
    )


def _texts(rule: Object, key: str) -> set[str]:
    found = rule.get(key)
    return {text for text in found if isinstance(text, str)} if isinstance(found, list) else set()
