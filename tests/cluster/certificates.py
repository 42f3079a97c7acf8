"""The few certificates a cluster cannot do without, by openssl: an authority and the API server's two.

Everybody else is known by a token. Keys never leave their folder, and live as long as the cluster.
"""

import subprocess
from pathlib import Path

from gatewayctl.domain.errors import EnvironmentFailed
from tests.cluster.host import PATH
from tests.cluster.place import CLUSTER_DOMAIN, NODE_ADDRESS, SERVICE_ADDRESS, Cluster

_DAYS = "30"
_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")


def create(cluster: Cluster) -> None:
    """Write ca, apiserver, apiserver-kubelet-client (.crt, .key) and service-accounts (.key, .pub)."""
    folder = cluster.pki
    folder.mkdir(parents=True, mode=0o700)
    _openssl(folder, "ecparam -name prime256v1 -genkey -noout -out service-accounts.key")
    _openssl(folder, "ec -in service-accounts.key -pubout -out service-accounts.pub")
    _openssl(
        folder,
        f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days {_DAYS} "
        "-subj /CN=gatewayctl-test-cluster -keyout ca.key -out ca.crt",
    )
    names = ",".join(
        [
            *(f"DNS:{name}" for name in (*_NAMES, f"kubernetes.default.svc.{CLUSTER_DOMAIN}")),
            *(f"IP:{address}" for address in ("127.0.0.1", NODE_ADDRESS, SERVICE_ADDRESS)),
        ]
    )
    _issue(folder, "apiserver", "/CN=kube-apiserver", f"subjectAltName={names}\nextendedKeyUsage=serverAuth\n")
    _issue(folder, "apiserver-kubelet-client", "/O=system:masters/CN=kube-apiserver", "extendedKeyUsage=clientAuth\n")


def _issue(folder: Path, name: str, subject: str, extensions: str) -> None:
    (folder / f"{name}.ext").write_text(extensions)
    _openssl(
        folder,
        f"req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj {subject} "
        f"-keyout {name}.key -out {name}.csr",
    )
    _openssl(
        folder,
        f"x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days {_DAYS} "
        f"-extfile {name}.ext -out {name}.crt",
    )


def _openssl(folder: Path, arguments: str) -> None:
    done = subprocess.run(
        ["openssl", *arguments.split()],  # noqa: S607 (wherever the host has it)
        cwd=folder,
        env={"PATH": PATH},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise EnvironmentFailed(f"openssl {arguments.split()[0]}: {done.stderr.strip()[-500:]}")
