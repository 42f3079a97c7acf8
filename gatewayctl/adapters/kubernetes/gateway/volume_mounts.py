"""Finds the gateway's files in a Pod: the container that mounts them, the folder, and their paths."""

import posixpath
from dataclasses import dataclass

from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.adapters.kubernetes.client.json import items, name_of, part
from gatewayctl.adapters.kubernetes.gateway.place import GatewayPlace
from gatewayctl.domain.errors import EnvironmentFailed


@dataclass(frozen=True, slots=True)
class MountedFiles:
    """The gateway's files in a running container; `container_id` is a new one after each start.

    `folder` is the mount path, `files` are absolute paths in the order of the place's keys.
    """

    container: str
    container_id: str
    folder: str
    files: tuple[str, ...]


def find_mounted_files(place: GatewayPlace, pod: Object) -> MountedFiles:
    """In the container that the place names, else in the first that has them. Raises EnvironmentFailed."""
    volumes = {str(one.get("name")): _paths(place, one) for one in items(pod, "spec", "volumes")}
    containers = [*items(pod, "spec", "containers"), *items(pod, "spec", "initContainers")]
    for container in containers:
        name = str(container.get("name"))
        if place.container not in ("", name):
            continue
        for mount in items(container, "volumeMounts"):
            paths = volumes.get(str(mount.get("name")))
            if paths and not (mount.get("subPath") or mount.get("subPathExpr")):
                folder = str(mount.get("mountPath"))
                return MountedFiles(
                    name, _container_id(pod, name), folder, tuple(posixpath.join(folder, one) for one in paths)
                )
    which = f"container {place.container} does not mount" if place.container else "no container mounts"
    raise EnvironmentFailed(
        f"Pod {place.namespace}/{name_of(pod)}: {which} {', '.join(place.keys)} of ConfigMap {place.config_map}",
        hint=f"gateway.container names the one that runs the gateway; it has {_names(containers)}",
    )


def _paths(place: GatewayPlace, volume: Object) -> tuple[str, ...]:
    """The paths of the place's keys in a volume; empty when it does not have all of them."""
    found: dict[str, str] = {}
    for source in (volume, *items(volume, "projected", "sources")):
        config_map = part(source, "configMap")
        if config_map.get("name") == place.config_map:
            chosen = {str(one.get("key")): str(one.get("path")) for one in items(config_map, "items")}
            found.update(chosen or {key: key for key in place.keys})
    return tuple(found[key] for key in place.keys) if all(key in found for key in place.keys) else ()


def _container_id(pod: Object, container: str) -> str:
    statuses = (*items(pod, "status", "containerStatuses"), *items(pod, "status", "initContainerStatuses"))
    return next((str(one.get("containerID")) for one in statuses if one.get("name") == container), "")


def _names(containers: list[Object]) -> str:
    return ", ".join(str(one.get("name")) for one in containers)
