"""Bring the example into a cluster, as a team would: `kubectl apply -k manifests`, then wait until all is ready."""

import subprocess
from pathlib import Path

from gatewayctl.domain.errors import EnvironmentFailed
from tests.cluster import inside, network
from tests.cluster.place import PROJECT, Cluster

MANIFESTS = PROJECT / "manifests"
_DEPLOYMENTS = {"gateway": ("gateway",), "shop": ("orders", "orders-canary", "payments", "payments-canary")}


def apply(cluster: Cluster, manifests: Path = MANIFESTS, within: float = 120.0) -> None:
    """Return when every Deployment is rolled out. Raises EnvironmentFailed after `within` seconds each."""
    kubectl(cluster, "apply", "-k", str(manifests))
    for namespace, names in _DEPLOYMENTS.items():
        for name in names:
            kubectl(cluster, "-n", namespace, "rollout", "status", f"deployment/{name}", f"--timeout={within:.0f}s")


def kubectl(cluster: Cluster, *arguments: str) -> str:
    """What kubectl prints, as the administrator. Raises EnvironmentFailed with its words when it fails."""
    command = network.within(cluster, ["kubectl", *arguments])
    done = subprocess.run(command, env=inside.environment(cluster), capture_output=True, text=True)
    if done.returncode:
        raise EnvironmentFailed(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
