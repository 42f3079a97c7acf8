"""What the JSON of Deployments, ReplicaSets and Pods says, as pure functions; any field may be missing."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.adapters.kubernetes.client.json import items, name_of, number, part
from gatewayctl.adapters.kubernetes.client.names import IMAGE, MANAGER, WRITE
from gatewayctl.adapters.kubernetes.client.pods import may_run
from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.platform import is_same_image

HASH = "pod-template-hash"
_REVISION = "deployment.kubernetes.io/revision"
_OVERDUE = 30.0  # seconds; a kubelet that lives has stopped and removed a Pod so long after its grace period


@dataclass(frozen=True, slots=True)
class Template:
    """The newest ReplicaSet of a Deployment: its hash, and the image that it was asked to run."""

    hash: str = ""
    image: str = ""


def version(deployment: Object) -> str:
    """The Deployment's version: every write by anybody changes it, a new status does not."""
    meta = part(deployment, "metadata")
    return f"{meta.get('uid', '')}/{number(meta, 'generation')}/{nonce(deployment)}"


def nonce(deployment: Object) -> str:
    """The mark of our last write to it; empty when there was none."""
    return str(part(deployment, "metadata", "annotations").get(WRITE, ""))


def revision(deployment: Object) -> str:
    """The revision number, which a Deployment shares with its newest ReplicaSet."""
    return str(part(deployment, "metadata", "annotations").get(_REVISION, ""))


def is_observed(deployment: Object) -> bool:
    """Whether the status is about the present spec, not about an earlier one."""
    return number(part(deployment, "status"), "observedGeneration") >= number(
        part(deployment, "metadata"), "generation"
    )


def desired_replicas(deployment: Object) -> int:
    """How many Pods the spec asks for; one where it does not say."""
    value = part(deployment, "spec").get("replicas", 1)
    return value if isinstance(value, int) else 1


def find_container(deployment: Object, named: str = "") -> tuple[int, str, str]:
    """Index, name and image of the application's container among sidecars; `named` is what the configuration says.

    Raises EnvironmentFailed when it cannot be told, or is not there.
    """
    name = name_of(deployment)
    found = items(deployment, "spec", "template", "spec", "containers")
    if len(found) == 1 and not named:
        return 0, str(found[0].get("name", "")), str(found[0].get("image", ""))
    for candidate in (named,) if named else (name, name.removesuffix("-canary"), "app"):
        for index, one in enumerate(found):
            if one.get("name") == candidate:
                return index, candidate, str(one.get("image", ""))
    have = ", ".join(str(one.get("name")) for one in found) or "none"
    if named:
        raise EnvironmentFailed(
            f"Deployment {name} has no container {named}; it has {have}",
            hint="container: in gatewayctl.yaml names it, and stable and canary must both have it",
        )
    raise EnvironmentFailed(
        f"Deployment {name}: which of its containers is the application? It has {have}",
        hint="name it in gatewayctl.yaml, under apps, with container:",
    )


def containers_of_image(deployment: Object, named: str = "") -> Iterator[tuple[str, str]]:
    """JSON pointer and name of every container with the application's image, init containers among them.

    A migration that runs before the application is of the same build: with another image it would be another version.
    """
    image = find_container(deployment, named)[2]
    for kind in ("containers", "initContainers"):
        for index, one in enumerate(items(deployment, "spec", "template", "spec", kind)):
            if is_same_image(str(one.get("image", "")), image):
                yield f"/spec/template/spec/{kind}/{index}", str(one.get("name", ""))


def requested_image(deployment: Object, container: str) -> str:
    """The image that our last write asked for, while the one that is stored is the answer to that write; else empty.

    The API server notes for every field who set it last, and a webhook's change counts as ours in that. The first
    other writer of the image replaces us there.
    """
    path = ("f:spec", "f:template", "f:spec", "f:containers", f'k:{{"name":"{container}"}}')
    for entry in items(deployment, "metadata", "managedFields"):
        if entry.get("manager") == MANAGER and "f:image" in part(entry, "fieldsV1", *path):
            return str(part(deployment, "metadata", "annotations").get(IMAGE, ""))
    return ""


def selector(deployment: Object) -> str:
    """The Deployment's own selector, as the labelSelector of a list request."""
    found = part(deployment, "spec", "selector")
    terms = [f"{key}={value}" for key, value in part(found, "matchLabels").items()]
    for one in items(found, "matchExpressions"):
        key, values = one.get("key", ""), ",".join(map(str, one.get("values") or ()))
        spelled = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": f"{key}"}
        terms.append(spelled.get(str(one.get("operator")), f"!{key}"))
    return ",".join(terms)


def template_of(deployment: Object, replica_sets: Iterable[Object], name: str) -> Template:
    """The newest ReplicaSet with the image of container `name`; an empty one while this revision has none."""
    uid, newest = part(deployment, "metadata").get("uid"), revision(deployment)
    for one in replica_sets:
        if newest and revision(one) == newest and any(owner.get("uid") == uid for owner in _owners(one)):
            images = [
                str(held.get("image", ""))
                for held in items(one, "spec", "template", "spec", "containers")
                if held.get("name") == name
            ]
            return Template(hash_of(one), images[0] if images else "")
    return Template()


def hash_of(found: Object) -> str:
    """The hash of the Pod template that a ReplicaSet or Pod was made from."""
    return str(part(found, "metadata", "labels").get(HASH, ""))


def is_pod_of(pod: Object, deployment: str) -> bool:
    """Whether a Pod is owned by this Deployment; a selector that is too wide matches Pods of others, too."""
    made = hash_of(pod)
    return bool(made) and any(
        owner.get("kind") == "ReplicaSet" and owner.get("name") == f"{deployment}-{made}" for owner in _owners(pod)
    )


def is_terminating(pod: Object) -> bool:
    """Whether it is being deleted."""
    return bool(part(pod, "metadata").get("deletionTimestamp"))


def is_ghost(pod: Object, now: float) -> bool:
    """Whether it terminates for longer than it may at `now` (epoch seconds): its node does not answer."""
    ends = str(part(pod, "metadata").get("deletionTimestamp") or "")
    try:
        return bool(ends) and now > datetime.fromisoformat(ends).timestamp() + _OVERDUE
    except ValueError:
        return False


def is_ready(pod: Object) -> bool:
    """Whether a Pod passes its readiness probe, and is not terminating.

    Ready is the Pod's own condition. The endpoints follow some milliseconds later, and kube-proxy on each node after
    them. Until then a Service may refuse connections: proof by traffic, through every gateway, covers that.
    """
    conditions = items(pod, "status", "conditions")
    good = any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)
    return good and may_run(pod) and not is_terminating(pod)


def digest(pods: Iterable[Object], name: str) -> str:
    """The digest of the image that the container `name` runs; empty when Pods differ, or do not say."""
    found = {
        str(one.get("imageID", "")).rpartition("@")[2].rpartition("://")[2]
        for pod in pods
        for one in items(pod, "status", "containerStatuses")
        if one.get("name") == name and one.get("imageID")
    }
    return found.pop() if len(found) == 1 else ""


def _owners(found: Object) -> list[Object]:
    return items(found, "metadata", "ownerReferences")
