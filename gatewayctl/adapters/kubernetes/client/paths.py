"""Paths of objects in the Kubernetes API."""

from urllib.parse import quote


def _in(group: str, namespace: str, kind: str, name: str) -> str:
    prefix = f"/apis/{group}" if "/" in group else f"/api/{group}"
    tail = f"/{quote(name, safe='')}" if name else ""
    return f"{prefix}/namespaces/{quote(namespace, safe='')}/{kind}{tail}"


def deployments(namespace: str, name: str = "") -> str:
    """One Deployment, or the list of them."""
    return _in("apps/v1", namespace, "deployments", name)


def replica_sets(namespace: str) -> str:
    """The list of ReplicaSets."""
    return _in("apps/v1", namespace, "replicasets", "")


def jobs(namespace: str, name: str = "") -> str:
    """One Job, or the list of them."""
    return _in("batch/v1", namespace, "jobs", name)


def service_accounts(namespace: str, name: str = "") -> str:
    """One ServiceAccount, or the list of them."""
    return _in("v1", namespace, "serviceaccounts", name)


def pods(namespace: str, name: str = "") -> str:
    """One Pod, or the list of them."""
    return _in("v1", namespace, "pods", name)


def pod_metrics(namespace: str) -> str:
    """What the Pods use, as the metrics API has measured it."""
    return _in("metrics.k8s.io/v1beta1", namespace, "pods", "")


def config_maps(namespace: str, name: str = "") -> str:
    """One ConfigMap, or the list of them."""
    return _in("v1", namespace, "configmaps", name)


def services(namespace: str, name: str = "") -> str:
    """One Service, or the list of them."""
    return _in("v1", namespace, "services", name)


def custom_objects(api_version: str, namespace: str, plural: str, name: str = "") -> str:
    """One object of a custom resource, or the list of them; `api_version` is group/version."""
    return _in(api_version, namespace, plural, name)


def leases(namespace: str, name: str = "") -> str:
    """One Lease, or the list of them."""
    return _in("coordination.k8s.io/v1", namespace, "leases", name)


def events(namespace: str) -> str:
    """The list of Events."""
    return _in("events.k8s.io/v1", namespace, "events", "")


def autoscalers(namespace: str) -> str:
    """The list of HorizontalPodAutoscalers."""
    return _in("autoscaling/v2", namespace, "horizontalpodautoscalers", "")


def disruption_budgets(namespace: str) -> str:
    """The list of PodDisruptionBudgets."""
    return _in("policy/v1", namespace, "poddisruptionbudgets", "")


def own_review(kind: str) -> str:
    """Where to ask about our own rights; `kind` is selfsubjectrulesreviews or selfsubjectaccessreviews."""
    return f"/apis/authorization.k8s.io/v1/{kind}"
