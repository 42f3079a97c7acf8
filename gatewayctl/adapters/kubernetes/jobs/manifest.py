"""The objects of a Job as JSON: what it runs, with which account and files. No request is sent here.

A Job replaces a Pod that was lost. So the command that it runs continues what the lost Pod had begun, an exit code that
says how a release ended also ends the Job, and a new Pod starts only when the old one has ended.
"""

import math
from dataclasses import dataclass

from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.adapters.kubernetes.client.names import MANAGED_BY, MANAGER, RELEASE
from gatewayctl.adapters.kubernetes.jobs.bundle import Bundle
from gatewayctl.domain.errors import ExitCode

CONTAINER = "gatewayctl"
FILES = "/release"  # the folder of the bundle in the Pod
WORK = "/work"  # the folder in the Pod that may be written to
_USER = 65532
_TIME_TO_LIVE = 3600  # seconds that a finished Job can still be looked at


@dataclass(frozen=True, slots=True)
class Task:
    """One Job: `arguments` of gatewayctl in `image`, as ServiceAccount `account` in `namespace`.

    Without an account it has no permissions in the cluster. `actor` is the person who started it, `deadline` the
    seconds that it may take in all. `pods` run side by side; after `lost` of them were lost, the Job gives up.
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
    """The labels of all objects of a Job. Not the application's: journals are found by that one."""
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
            "ttlSecondsAfterFinished": _TIME_TO_LIVE,
            "podFailurePolicy": {
                "rules": [
                    # A Pod that is evicted from a drained or full node does not count as lost.
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                    {
                        "action": "FailJob",
                        "onExitCodes": {"containerName": CONTAINER, "operator": "In", "values": _final_codes()},
                    },
                ]
            },
            "template": {"metadata": {"labels": labels(task)}, "spec": _pod(task, bundle)},
        },
    }


def files(task: Task, bundle: Bundle, owner: Object) -> Object:
    """The ConfigMap with the Job's files; Kubernetes deletes it with the Job `owner`."""
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


def _final_codes() -> list[int]:
    """Exit codes that say how a release ended; another Pod would end with the same."""
    return sorted(int(code) for code in ExitCode if code)


def _pod(task: Task, bundle: Bundle) -> Object:
    writable = {"tmp": "/tmp", "work": WORK}  # noqa: S108 (in a container of its own)
    volumes = [{"name": name, "emptyDir": {}} for name in writable]
    mounts = [{"name": name, "mountPath": path} for name, path in writable.items()]
    return {
        "restartPolicy": "Never",
        "serviceAccountName": task.account or "default",
        "automountServiceAccountToken": bool(task.account),
        # Variables of Services would be options for programs in the Pod: LOCUST_WEB_PORT of a Service `locust-web`.
        "enableServiceLinks": False,
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
