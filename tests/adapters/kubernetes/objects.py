"""Deployments, ReplicaSets and Pods as an API server spells them, and one that keeps them in memory."""

import copy
from collections.abc import Generator
from threading import Event
from typing import Any

from gatewayctl.adapters.kubernetes.client.api import Api, ApiFault, NotFound, Object, VersionConflict

LABELS = {"app": "orders"}


def a_deployment(name: str = "orders", image: str = "shop/orders:1.0", replicas: int = 1, **more: Any) -> Object:
    """A Deployment of one container that has done all that was asked."""
    labels = {"app": name}
    status = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas"), replicas)
    return {
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "uid": f"uid-{name}",
            "generation": 1,
            "resourceVersion": "10",
            "annotations": {"deployment.kubernetes.io/revision": "1"},
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": dict(labels)},
            "template": {
                "metadata": {"labels": dict(labels)},
                "spec": {"containers": [{"name": "app", "image": image, **more}]},
            },
        },
        "status": {"observedGeneration": 1, **status},
    }


def a_replica_set(of: Object, made: str = "h1", revision: str = "1") -> Object:
    """The ReplicaSet of a Deployment's Pod template as it is now."""
    name = of["metadata"]["name"]
    return {
        "metadata": {
            "name": f"{name}-{made}",
            "labels": {"app": name, "pod-template-hash": made},
            "annotations": {"deployment.kubernetes.io/revision": revision},
            "ownerReferences": [{"uid": of["metadata"]["uid"]}],
        },
        "spec": {"template": copy.deepcopy(of["spec"]["template"])},
    }


def a_pod(name: str = "orders-h1-a", of: str = "orders", made: str = "h1", **state: Any) -> Object:
    """A ready Pod; `state` replaces parts of its container's status, `status` parts of the Pod's."""
    status = state.pop("status", {})
    ready = state.get("ready", True)
    return {
        "metadata": {
            "name": name,
            "resourceVersion": "5",
            "labels": {"app": of, "pod-template-hash": made},
            "ownerReferences": [{"kind": "ReplicaSet", "name": f"{of}-{made}"}],
        },
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": [
                {
                    "name": "app",
                    "image": "shop/orders:1.0",
                    "imageID": "docker.io/shop/orders@sha256:abc",
                    "restartCount": 0,
                    "state": {"running": {}},
                    **state,
                }
            ],
            **status,
        },
    }


class MemoryApi(Api):
    """An API server for one namespace: lists by kind, JSON Patches with their tests, events as they were put."""

    def __init__(self, *deployments: Object) -> None:
        self.origin, self.requests = "memory", 0
        self.deployments = {one["metadata"]["name"]: one for one in deployments}
        self.lists: dict[str, list[Object]] = {"replicasets": [a_replica_set(one) for one in deployments], "pods": []}
        self.logs: dict[str, str] = {}
        self.asked: list[str] = []
        self.events: list[Object] = []
        self.refused: ApiFault | None = None
        self.silence = Event()
        self.lose_answers = 0
        self.after_loss: list[Object] = []

    def get(self, path: str, **query: str) -> Object:
        self.asked.append(path.rpartition("/namespaces/shop/")[2])
        kind, _, name = self.asked[-1].partition("/")
        if kind == "deployments":
            return copy.deepcopy(self._named(name))
        if name:
            found = [one for one in self.lists.get(kind, []) if one["metadata"]["name"] == name]
            if not found:
                raise NotFound(404, f"{path} not found")
            return copy.deepcopy(found[0])
        return {"metadata": {"resourceVersion": "20"}, "items": copy.deepcopy(self.lists.get(kind, []))}

    def text(self, path: str, **query: str) -> str:
        self.asked.append(path.rpartition("/namespaces/shop/")[2])
        return self.logs[f"{path.split('/')[-2]} {query.get('previous', '')}".strip()]

    def watch(self, path: str, since: str, seconds: int, **query: str) -> Generator[Object]:
        self.asked.append("watch " + path.rpartition("/namespaces/shop/")[2])
        if self.refused:
            raise self.refused
        return self._events(self.asked[-1], seconds)

    def _events(self, which: str, seconds: int) -> Generator[Object]:
        """The events of Pods, and then silence, as a real watch has it."""
        while which == "watch pods" and self.events:
            yield self.events.pop(0)
        self.silence.wait(seconds)

    def patch(self, path: str, operations: list[Object], **query: str) -> Object:
        self.asked.append("patch " + path.rpartition("/namespaces/shop/")[2])
        name = path.rpartition("/")[2]
        changed = copy.deepcopy(self._named(name))
        for one in operations:
            _apply(changed, one)
        changed["metadata"]["generation"] += 1
        self.deployments[name] = changed
        return copy.deepcopy(changed)

    def _named(self, name: str) -> Object:
        if name not in self.deployments:
            raise NotFound(404, f"deployment {name} not found")
        return self.deployments[name]


def _apply(target: Any, operation: Object) -> None:
    *path, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
    for part in path:
        target = target[int(part)] if isinstance(target, list) else target[part]
    if operation["op"] == "test":
        if target.get(last) != operation["value"]:
            raise VersionConflict(422, "the server rejected our request due to an error in our request")
    else:
        target[last] = operation["value"]
