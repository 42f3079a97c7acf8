"""Who may talk to the API server, by token, and the kubeconfig files that hold the tokens."""

import base64
import secrets
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.cluster.place import API_SERVER, NODE, Cluster


@dataclass(frozen=True, slots=True)
class Identity:
    """A user of the API server; `group` is empty for those that Kubernetes knows by name."""

    component: str
    user: str
    group: str = ""


ADMIN = Identity("admin", "admin", "system:masters")
IDENTITIES = (
    ADMIN,
    Identity("kube-controller-manager", "system:kube-controller-manager"),
    Identity("kube-scheduler", "system:kube-scheduler"),
    Identity("kube-proxy", "system:kube-proxy"),
    Identity("kubelet", f"system:node:{NODE}", "system:nodes"),
    Identity(
        "coredns", "coredns", "system:masters"
    ),  # it only reads; a Role of its own would be one more thing to apply
)


def create(cluster: Cluster) -> None:
    """Write tokens.csv and one kubeconfig per identity, readable by root alone. Needs the certificates."""
    cluster.settings.mkdir(parents=True, exist_ok=True)
    authority = base64.b64encode((cluster.pki / "ca.crt").read_bytes()).decode()
    lines = []
    for identity in IDENTITIES:
        token = secrets.token_hex(16)
        lines.append(f'{token},{identity.user},{identity.component},"{identity.group}"\n')
        _write(kubeconfig(cluster, identity.component), yaml.safe_dump(_content(cluster, identity, authority, token)))
    _write(tokens(cluster), "".join(lines))


def tokens(cluster: Cluster) -> Path:
    """The API server's token file."""
    return cluster.settings / "tokens.csv"


def kubeconfig(cluster: Cluster, component: str) -> Path:
    """The kubeconfig of a component, or of the administrator."""
    return cluster.kubeconfig if component == ADMIN.component else cluster.settings / f"{component}.kubeconfig"


def _content(cluster: Cluster, identity: Identity, authority: str, token: str) -> dict[str, object]:
    name = f"gatewayctl-{cluster.name}"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": API_SERVER, "certificate-authority-data": authority}}],
        "users": [{"name": identity.component, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": identity.component}}],
        "current-context": name,
    }


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
