"""What a Deployment's and its Pods' JSON says, as pure functions; nothing in it is trusted to be there."""

from collections.abc import Iterable
from dataclasses import dataclass

from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.adapters.kubernetes.client.json import items, name_of, number, part
from gatewayctl.adapters.kubernetes.client.names import WRITE
from gatewayctl.domain.errors import EnvironmentFailed

HASH = "pod-template-hash"
_REVISION = "deployment.kubernetes.io/revision"
_ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class Template:
    """The newest ReplicaSet of a Deployment: its hash, and the image that it was asked to run."""

    hash: str = ""
    image: str = ""


def version(deployment: Object) -> str:
    """Moves with every write of anybody's, never with status."""
    meta = part(deployment, "metadata")
    return f"{meta.get('uid', '')}/{number(meta, 'generation')}/{nonce(deployment)}"


def nonce(deployment: Object) -> str:
    """Which write of ours was the last."""
    return str(part(deployment, "metadata", "annotations").get(WRITE, ""))


def revision(deployment: Object) -> str:
    """The number that a Deployment shares with its newest ReplicaSet."""
    return str(part(deployment, "metadata", "annotations").get(_REVISION, ""))


def observed(deployment: Object) -> bool:
    """Whether the status speaks of what is asked now, not of what was asked before."""
    return number(part(deployment, "status"), "observedGeneration") >= number(
        part(deployment, "metadata"), "generation"
    )


def wanted(deployment: Object) -> int:
    """How many Pods are asked for; unsaid, it is one."""
    value = part(deployment, "spec").get("replicas", 1)
    return value if isinstance(value, int) else 1


def container(deployment: Object, named: str = "") -> tuple[int, str, str]:
    """Index, name and image of the application's container among sidecars; `named` where its configuration tells.

    Raises EnvironmentFailed when it is unclear, or not there.
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


def selector(deployment: Object) -> str:
    """The Deployment's own selector, as a list request spells it."""
    found = part(deployment, "spec", "selector")
    terms = [f"{key}={value}" for key, value in part(found, "matchLabels").items()]
    for one in items(found, "matchExpressions"):
        key, values = one.get("key", ""), ",".join(map(str, one.get("values") or ()))
        spelled = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": f"{key}"}
        terms.append(spelled.get(str(one.get("operator")), f"!{key}"))
    return ",".join(terms)


def template_of(deployment: Object, replica_sets: Iterable[Object], name: str) -> Template:
    """The newest ReplicaSet with the image of container `name`; nothing while there is none for this revision."""
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
    """Which Pod template a ReplicaSet or Pod was made from."""
    return str(part(found, "metadata", "labels").get(HASH, ""))


def belongs(pod: Object, deployment: str) -> bool:
    """Whether a Pod is this Deployment's: a selector that is too wide matches the neighbour's as well."""
    made = hash_of(pod)
    return bool(made) and any(
        owner.get("kind") == "ReplicaSet" and owner.get("name") == f"{deployment}-{made}" for owner in _owners(pod)
    )


def exists(pod: Object) -> bool:
    """Whether anything of it may still run; an evicted Pod stays listed for good, and runs nothing."""
    return part(pod, "status").get("phase") not in _ENDED


def ending(pod: Object) -> bool:
    """Whether it was told to stop."""
    return bool(part(pod, "metadata").get("deletionTimestamp"))


def is_ready(pod: Object) -> bool:
    """Whether a Pod passes readiness and stays.

    Ready is the Pod's own condition. The endpoints follow in some milliseconds and kube-proxy on each node in some
    more, so a Service may refuse connections a moment longer: proof by traffic, through every gateway, covers that.
    """
    conditions = items(pod, "status", "conditions")
    good = any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)
    return good and exists(pod) and not ending(pod)


def digest(pods: Iterable[Object], name: str) -> str:
    """What the container `name` really runs, when all Pods agree."""
    found = {
        str(one.get("imageID", "")).rpartition("@")[2].rpartition("://")[2]
        for pod in pods
        for one in items(pod, "status", "containerStatuses")
        if one.get("name") == name and one.get("imageID")
    }
    return found.pop() if len(found) == 1 else ""


def _owners(found: Object) -> list[Object]:
    return items(found, "metadata", "ownerReferences")
