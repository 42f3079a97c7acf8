"""Jobs of ours as plain JSON: what runs, as whom, with which files; pure.

A Job promises one thing more than a Pod: that another Pod follows one that was lost. So what it runs takes up what the
lost one left, exit codes that are a release's answer end it, and a new Pod comes only when the old one has ended.
"""

import math
from dataclasses import dataclass

from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.adapters.kubernetes.client.names import MANAGED_BY, MANAGER, RELEASE
from gatewayctl.adapters.kubernetes.jobs.bundle import Bundle
from gatewayctl.domain.errors import ExitCode

CONTAINER = "gatewayctl"
FILES = "/release"  # where the bundle is
WORK = "/work"  # what may be written
_USER = 65532
_KEPT = 3600  # seconds that a finished Job stays to be looked at


@dataclass(frozen=True, slots=True)
class Task:
    """One Job: `arguments` of gatewayctl in `image`, as ServiceAccount `account` in `namespace`.

    Without an account it may ask nothing of the cluster. `actor` is who is behind it, `deadline` how many seconds it
    may take in all; `pods` run side by side, and `lost` of them are replaced before the Job gives up.
    """

    name: str
    release: str
    namespace: str
    image: str
    account: str
    arguments: tuple[str, ...]
    actor: str
    deadline: float
    pods: int = 1
    lost: int = 6


def labels(task: Task) -> dict[str, str]:
    """What all objects of a Job carry. Not the application: a query for journals goes by it."""
    return {MANAGED_BY: MANAGER, RELEASE: task.release}


def job(task: Task, bundle: Bundle) -> Object:
    """The Job."""
    meta = {"name": task.name, "namespace": task.namespace, "labels": labels(task)}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": meta,
        "spec": {
            "parallelism": task.pods,
            "completions": task.pods,
            "backoffLimit": task.lost,
            "activeDeadlineSeconds": math.ceil(task.deadline),
            "ttlSecondsAfterFinished": _KEPT,
            "podFailurePolicy": {
                "rules": [
                    # A node that is drained or full is nobody's fault.
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                    {
                        "action": "FailJob",
                        "onExitCodes": {"containerName": CONTAINER, "operator": "In", "values": _answers()},
                    },
                ]
            },
            "template": {"metadata": {"labels": labels(task)}, "spec": _pod(task, bundle)},
        },
    }


def files(task: Task, bundle: Bundle, owner: Object) -> Object:
    """The ConfigMap with the Job's files; it goes with the Job `owner`."""
    meta = owner["metadata"]
    reference = {"apiVersion": "batch/v1", "kind": "Job", "name": meta["name"], "uid": meta["uid"]}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": task.name,
            "namespace": task.namespace,
            "labels": labels(task),
            "ownerReferences": [reference],
        },
        "immutable": True,
        **bundle.content,
    }


def _answers() -> list[int]:
    """Exit codes that say how a release ended: trying again would give the same."""
    return sorted(int(code) for code in ExitCode if code)


def _pod(task: Task, bundle: Bundle) -> Object:
    writable = {"tmp": "/tmp", "work": WORK}  # noqa: S108 (in a container of its own)
    volumes = [{"name": name, "emptyDir": {}} for name in writable]
    mounts = [{"name": name, "mountPath": path} for name, path in writable.items()]
    return {
        "restartPolicy": "Never",
        "serviceAccountName": task.account or "default",
        "automountServiceAccountToken": bool(task.account),
        "terminationGracePeriodSeconds": 30,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": CONTAINER,
                "image": task.image,
                "imagePullPolicy": "IfNotPresent",
                "args": list(task.arguments),
                "workingDir": WORK,
                "env": [{"name": "GATEWAYCTL_ACTOR", "value": task.actor}],
                "resources": {"requests": {"cpu": "100m", "memory": "192Mi"}, "limits": {"memory": "1Gi"}},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "readOnlyRootFilesystem": True,
                },
                "volumeMounts": [*mounts, {"name": "release", "mountPath": FILES, "readOnly": True}],
            }
        ],
        "volumes": [*volumes, {"name": "release", "configMap": {"name": task.name, "items": bundle.items}}],
    }
