"""Whether the gateway's rules may be edited where they are: an edit must reach the gateway, and nobody may revert it.

An edit of an object that a chart, a GitOps controller or a generator owns is reverted sooner or later, and an
edit of a ConfigMap that no Pod mounts as a directory never arrives. Both look like success at the time of the write, so
they are refused before.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.adapters.kubernetes.client.json import items, name_of, part
from gatewayctl.adapters.kubernetes.client.owners import find_owner

# Where the gateway is: plain data that every room may be given.
from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace
from gatewayctl.domain.errors import EnvironmentFailed, Refused
from gatewayctl.gateways.resource import Acceptance, RouteResource

SOURCE_HINT = "edit its source instead, in your checkout: gatewayctl rule add --gateway KIND --service APP FILE"
_MOUNT_HINT = "mount the ConfigMap as a directory (a volume without subPath); the gateway's Pods must be rolled once"

# What kustomize's generators append: ten characters of an alphabet without vowels.
_GENERATED = re.compile(r"-[bcdfghkmt2456789]{10}")


def check_object(place: GatewayPlace, found: Object) -> None:
    """Raise Refused when this ConfigMap cannot be edited, or an edit would be reverted."""
    name = f"ConfigMap {place.namespace}/{place.config_map}"
    if found.get("immutable") is True:
        raise Refused(name, 0, "it is immutable: true, and cannot be edited", hint=SOURCE_HINT)
    owner = find_owner(found)
    if owner:
        raise Refused(name, 0, f"it belongs to {owner}, which would revert an edit made here", hint=SOURCE_HINT)
    if _GENERATED.search(place.config_map[-11:]):
        reason = "its name ends in a hash of its content (kustomize): the next build makes another one"
        raise Refused(name, 0, reason, hint=SOURCE_HINT)


def check_route(resource: RouteResource, name: str, found: Object) -> str:
    """Which gateways serve this route object. Raises Refused when an edit of it would be reverted.

    Raises EnvironmentFailed when every gateway that looked at it has rejected it.
    """
    what = f"{resource.kind} {name}"
    metadata = part(found, "metadata")
    if metadata.get("deletionTimestamp"):
        raise Refused(what, 0, "it is being deleted")
    owner = find_owner(found) or _server_side_applier(resource, metadata)
    if owner:
        raise Refused(what, 0, f"it belongs to {owner}, which would revert an edit made here", hint=SOURCE_HINT)
    if resource.acceptance is None:
        return what
    reports = [
        _report(resource.acceptance, one, metadata.get("generation"))
        for one in items(found, *resource.acceptance.reports)
    ]
    details = "; ".join(report.detail for report in reports)
    if reports and all(report.accepted is False for report in reports):
        raise EnvironmentFailed(f"{what} is {details}", hint=f"kubectl describe {resource.kind.lower()} tells more")
    return f"{what}, {details}" if reports else f"{what}; no gateway has looked at it yet"


def _server_side_applier(resource: RouteResource, metadata: Object) -> str:
    """Whose server-side apply owns the list of rules: its next apply would be a conflict, or revert our edit."""
    *outer, last = [f"f:{key}" for key in resource.rules]
    for entry in items(metadata, "managedFields"):
        if entry.get("operation") == "Apply" and last in part(entry, "fieldsV1", *outer):
            rules = ".".join(resource.rules)
            return f"whoever applies it as {entry.get('manager', 'somebody')} (server-side apply owns {rules})"
    return ""


@dataclass(frozen=True, slots=True)
class _GatewayReport:
    """What the status says of one gateway: whether it took the object (None: not known), and that in a few words."""

    accepted: bool | None
    detail: str


def _report(acceptance: Acceptance, report: Object, generation: object) -> _GatewayReport:
    """Read one gateway's report; conditions about an older generation do not count."""
    gateway = part(report, *acceptance.gateway[:-1]).get(acceptance.gateway[-1], "a gateway")
    accepted: bool | None = None
    details = []
    for condition in items(report, "conditions"):
        kind, status, reason = (str(condition.get(key, "")) for key in ("type", "status", "reason"))
        if condition.get("observedGeneration") not in {None, generation}:
            continue
        if kind == acceptance.accepted:
            accepted = status == "True"
            details.append(f"accepted by {gateway}" if accepted else f"not accepted by {gateway} ({reason})")
        elif acceptance.resolved and kind == acceptance.resolved and status != "True":
            details.append(f"not every backend was found ({reason})")
    return _GatewayReport(accepted, ", ".join(details) or f"not looked at by {gateway} since its last change")


def check_mounts(place: GatewayPlace, pods: list[Object]) -> tuple[str, ...]:
    """The folders in which the gateway's Pods mount the ConfigMap. Raises Refused when an edit would miss a Pod."""
    folders: dict[str, None] = {}
    for pod in pods:
        name = f"Pod {place.namespace}/{name_of(pod)}"
        spec = part(pod, "spec")
        mounts = tuple(_mounts(spec, _volumes(place, spec, name)))
        as_folder = [path for path, sub_path in mounts if not sub_path]
        if not as_folder:
            raise Refused(name, 0, _reason_not_mounted(place, spec, mounts), hint=_MOUNT_HINT)
        folders.update(dict.fromkeys(as_folder))
    return tuple(folders)


def _volumes(place: GatewayPlace, spec: Object, pod: str) -> set[str]:
    """Names of the Pod's volumes with the ConfigMap. Raises Refused when one of them does not have all our keys."""
    names = set()
    for volume in items(spec, "volumes"):
        for source in (volume, *items(volume, "projected", "sources")):
            config_map = part(source, "configMap")
            if config_map.get("name") != place.config_map:
                continue
            chosen = [item.get("key") for item in items(config_map, "items")]
            missing = [key for key in place.keys if chosen and key not in chosen]
            if missing:
                reason = f"volume {volume.get('name')} leaves out {', '.join(missing)} of ConfigMap {place.config_map}"
                raise Refused(pod, 0, reason, hint="add the key to the volume's items")
            names.add(str(volume.get("name")))
    return names


def _mounts(spec: Object, volumes: set[str]) -> Iterator[tuple[str, str]]:
    """Where running containers mount these volumes: the path, and the subPath if there is one."""
    for container in _running_containers(spec):
        for mount in items(container, "volumeMounts"):
            if mount.get("name") in volumes:
                sub_path = mount.get("subPath") or mount.get("subPathExpr") or ""
                yield str(mount.get("mountPath", "")), str(sub_path)


def _running_containers(spec: Object) -> tuple[Object, ...]:
    """Containers that keep running; an init container has ended before any edit, unless it is a sidecar."""
    sidecars = [one for one in items(spec, "initContainers") if one.get("restartPolicy") == "Always"]
    return (*items(spec, "containers"), *sidecars)


def _reason_not_mounted(place: GatewayPlace, spec: Object, mounts: tuple[tuple[str, str], ...]) -> str:
    of = f"ConfigMap {place.config_map}"
    if mounts:
        path, sub_path = mounts[0]
        return f"it mounts {of} at {path} by subPath {sub_path}, which never updates"
    for container in (*_running_containers(spec), *items(spec, "initContainers")):
        names = [part(one, "valueFrom", "configMapKeyRef").get("name") for one in items(container, "env")]
        names += [part(one, "configMapRef").get("name") for one in items(container, "envFrom")]
        if place.config_map in names:
            return f"it reads {of} into environment variables, which never update"
    return f"none of its running containers mounts {of}"
