"""Deployments, ReplicaSets and Pods as an API server spells them."""

import copy
from typing import Any

from gatewayctl.adapters.kubernetes.client.api import Object

LABELS = {"app": "orders"}


def a_deployment(name: str = "orders", image: str = "shop/orders:1.0", replicas: int = 1, **more: Any) -> Object:
    """A Deployment of one container that has done all that was asked."""
    labels = {"app": name}
    status = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas)
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
