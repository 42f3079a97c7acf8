"""Where one cluster lives: the names and paths that make several of them live side by side.

What a person may want to read (logs, kubeconfig, certificates) is below the project. What has sockets or mounts is in
two short folders of the system, because a socket's path ends at 108 characters; their name carries a hash of the
project's folder, so that two checkouts never meet.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gatewayctl.domain.errors import EnvironmentFailed, UsageFault

PROJECT = Path(__file__).parents[2]
ENTERED = "GATEWAYCTL_CLUSTER"  # set inside `enter` and `run`: the cluster's folder
CONFIRMED = "GATEWAYCTL_E2E_CONTEXT"  # the person's own cluster, named on purpose
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?")

NODE = "node1"
NODE_ADDRESS = "10.231.0.1"  # every cluster has the same: no two share a network namespace
API_SERVER = f"https://{NODE_ADDRESS}:6443"
POD_NETWORK = "10.244.0.0/16"
NODE_PODS = "10.244.0.0/24"  # the first slice of POD_NETWORK, given to the only node
SERVICE_NETWORK = "10.96.0.0/16"
SERVICE_ADDRESS = "10.96.0.1"  # of the Service `kubernetes`
CLUSTER_DOMAIN = "cluster.local"


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster by name, and the folder below the project that holds its state."""

    name: str
    folder: Path

    @property
    def ident(self) -> str:
        """A name that no other cluster on this machine has."""
        return f"gatewayctl-{self.name}-{hashlib.sha256(str(self.folder).encode()).hexdigest()[:6]}"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.folder / "kubeconfig"

    @property
    def netns(self) -> Path:
        """The network namespace, as `nsenter --net=` takes it."""
        return Path("/run/netns") / self.ident

    @property
    def run(self) -> Path:
        """Sockets and containerd's state."""
        return Path("/run") / self.ident

    @property
    def lib(self) -> Path:
        """Images, containers' file systems and the kubelet's volumes."""
        return Path("/var/lib") / self.ident

    @property
    def socket(self) -> Path:
        """Where containerd listens."""
        return self.run / "containerd.sock"

    @property
    def logs(self) -> Path:
        """One log per component; they stay after `down`, until the next `up`."""
        return self.folder / "logs"

    @property
    def audit(self) -> Path:
        """A JSON line for each beginning and end of an answer to a client of the API server."""
        return self.logs / "audit.log"

    @property
    def pki(self) -> Path:
        """Certificates and keys."""
        return self.folder / "pki"

    @property
    def settings(self) -> Path:
        """The components' configuration files."""
        return self.folder / "settings"

    @property
    def lock(self) -> Path:
        """Held while the cluster is started or stopped."""
        return self.folder / "lock"

    @property
    def processes(self) -> Path:
        """One file per running component: its pid and when it started."""
        return self.folder / "processes"


def a_cluster(name: str, project: Path = PROJECT) -> Cluster:
    """The cluster of that name, running or not. Raises UsageFault for a name that cannot be one."""
    if not _NAME.fullmatch(name):
        raise UsageFault(f"{name!r} is no name for a cluster: up to 20 lower-case letters, digits and hyphens")
    return Cluster(name, project.resolve() / ".gatewayctl" / "cluster" / name)


def entered(environment: Mapping[str, str] = os.environ) -> Cluster:
    """The cluster that this process runs inside. Raises EnvironmentFailed outside of one."""
    folder = environment.get(ENTERED)
    if not folder:
        raise EnvironmentFailed(
            f"this does not run inside a test cluster ({ENTERED} is not set)",
            hint="python -m tests.cluster enter -- COMMAND",
        )
    return Cluster(Path(folder).name, Path(folder))
