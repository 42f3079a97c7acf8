"""The command line and the settings of every process of a cluster, in the order in which they start."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.cluster import access
from tests.cluster.place import (
    CLUSTER_DOMAIN,
    NODE,
    NODE_ADDRESS,
    POD_NETWORK,
    SERVICE_NETWORK,
    Cluster,
)
from tests.cluster.programs import binaries

_STORE = "http://127.0.0.1:2379"
_PEER = "http://127.0.0.1:2380"
# Every request of a client when its answer begins and ends. What the cluster's own parts ask is left out: it is most.
_AUDITED: dict[str, object] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "userGroups": ["system:nodes", "system:serviceaccounts:kube-system"]},
        {
            "level": "None",
            "users": [
                "system:apiserver",
                "system:kube-controller-manager",
                "system:kube-scheduler",
                "system:kube-proxy",
                "coredns",
            ],
        },
        {"level": "Metadata"},
    ],
}


@dataclass(frozen=True, slots=True)
class Component:
    """A process of the cluster: its name and its command."""

    name: str
    command: tuple[str, ...]


def etcd(cluster: Cluster) -> Component:
    """The store. Its data is thrown away with the cluster, so it does not wait for the disk."""
    return _component(
        "etcd",
        f"--data-dir={cluster.folder / 'etcd'}",
        "--unsafe-no-fsync",
        f"--listen-client-urls={_STORE}",
        f"--advertise-client-urls={_STORE}",
        f"--listen-peer-urls={_PEER}",
        f"--initial-advertise-peer-urls={_PEER}",
        f"--initial-cluster=default={_PEER}",
        "--log-level=warn",
    )


def apiserver(cluster: Cluster) -> Component:
    """The API server, with the admission plugins it has by default and the kubelet's restriction."""
    pki = cluster.pki
    return _component(
        "kube-apiserver",
        f"--etcd-servers={_STORE}",
        f"--advertise-address={NODE_ADDRESS}",
        f"--service-cluster-ip-range={SERVICE_NETWORK}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--token-auth-file={access.tokens(cluster)}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--service-account-issuer=https://kubernetes.default.svc.{CLUSTER_DOMAIN}",
        f"--service-account-signing-key-file={pki / 'service-accounts.key'}",
        f"--service-account-key-file={pki / 'service-accounts.pub'}",
        # Logs, exec and port-forward: the node's name does not resolve, and the kubelet asks who calls.
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-client-certificate={pki / 'apiserver-kubelet-client.crt'}",
        f"--kubelet-client-key={pki / 'apiserver-kubelet-client.key'}",
        f"--audit-policy-file={_settings(cluster, 'audit', _AUDITED)}",
        f"--audit-log-path={cluster.audit}",
    )


def controller_manager(cluster: Cluster) -> Component:
    """The controllers, alone and therefore without electing a leader."""
    return _component(
        "kube-controller-manager",
        *_calls(cluster, "kube-controller-manager"),
        "--leader-elect=false",
        "--use-service-account-credentials",
        # Each controller asks for a token of its own first: at 20 requests a second that is half of the start.
        "--kube-api-qps=100",
        "--kube-api-burst=200",
        "--allocate-node-cidrs",
        f"--cluster-cidr={POD_NETWORK}",
        f"--service-cluster-ip-range={SERVICE_NETWORK}",
        f"--root-ca-file={cluster.pki / 'ca.crt'}",
        f"--service-account-private-key-file={cluster.pki / 'service-accounts.key'}",
        "--bind-address=127.0.0.1",
    )


def scheduler(cluster: Cluster) -> Component:
    """The scheduler."""
    return _component(
        "kube-scheduler", *_calls(cluster, "kube-scheduler"), "--leader-elect=false", "--bind-address=127.0.0.1"
    )


def kubelet(cluster: Cluster) -> Component:
    """The kubelet of the only node."""
    settings = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE_ADDRESS,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": False},
            "x509": {"clientCAFile": str(cluster.pki / "ca.crt")},
        },
        "authorization": {"mode": "AlwaysAllow"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cluster.ident}",
        "clusterDNS": [NODE_ADDRESS],
        "clusterDomain": CLUSTER_DOMAIN,
        "containerRuntimeEndpoint": f"unix://{cluster.socket}",
        # A machine that is nearly full is no reason to evict a test.
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "0%", "imagefs.available": "0%"},
        "failCgroupV1": False,
        "failSwapOn": False,
        "imageGCHighThresholdPercent": 100,
        "maxPods": 200,
        "oomScoreAdj": 0,
        "podLogsDir": str(cluster.lib / "pod-logs"),
        "readOnlyPort": 0,
        "resolvConf": "/dev/null",
        "serializeImagePulls": False,
        "volumePluginDir": str(cluster.lib / "volume-plugins"),
    }
    return _component(
        "kubelet",
        f"--config={_settings(cluster, 'kubelet', settings)}",
        f"--kubeconfig={access.kubeconfig(cluster, 'kubelet')}",
        f"--root-dir={cluster.lib / 'kubelet'}",
        f"--cert-dir={cluster.pki / 'kubelet'}",
        f"--hostname-override={NODE}",
        f"--node-ip={NODE_ADDRESS}",
    )


def proxy(cluster: Cluster) -> Component:
    """kube-proxy. The limits of connection tracking belong to the machine, so it leaves them alone."""
    settings = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clientConnection": {"kubeconfig": str(access.kubeconfig(cluster, "kube-proxy"))},
        "clusterCIDR": POD_NETWORK,
        "conntrack": {"maxPerCore": 0, "min": 0},
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "hostnameOverride": NODE,
        "oomScoreAdj": 0,
    }
    return _component("kube-proxy", f"--config={_settings(cluster, 'kube-proxy', settings)}")


def dns(cluster: Cluster) -> Component:
    """CoreDNS as a process of the node. It knows the cluster's names and refuses all others."""
    corefile = cluster.settings / "Corefile"
    corefile.write_text(
        f".:53 {{\n    bind {NODE_ADDRESS}\n    errors\n"
        f"    kubernetes {CLUSTER_DOMAIN} in-addr.arpa {{\n"
        f"        kubeconfig {access.kubeconfig(cluster, 'coredns')}\n    }}\n}}\n"
    )
    return _component("coredns", f"-conf={corefile}")


def _component(name: str, *arguments: str) -> Component:
    return Component(name, (str(binaries() / name), *arguments))


def _calls(cluster: Cluster, component: str) -> tuple[str, ...]:
    path = access.kubeconfig(cluster, component)
    return (f"--kubeconfig={path}", f"--authentication-kubeconfig={path}", f"--authorization-kubeconfig={path}")


def _settings(cluster: Cluster, name: str, content: dict[str, object]) -> Path:
    path = cluster.settings / f"{name}.yaml"
    path.write_text(yaml.safe_dump(content))
    return path
