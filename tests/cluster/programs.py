"""Which programs a cluster is made of, in which version, and where the built ones lie.

The versions are pinned by the go.mod and go.sum beside this file; the figures here only name the cache folder and are
stamped into the binaries. A test holds both to each other.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

KUBERNETES = "v1.34.4"
MODULES = Path(__file__).parent / "go"
GIVEN = "GATEWAYCTL_CLUSTER_BINARIES"  # a folder with every program that is needed, used instead of building
_STAMP = "k8s.io/component-base/version"


@dataclass(frozen=True, slots=True)
class Program:
    """One program: its file name, the folder below go/ whose go.mod pins it, and its package."""

    name: str
    module: str
    package: str


# The slowest first: what follows is mostly in Go's build cache by then.
PROGRAMS = (
    Program("kube-apiserver", "kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver"),
    Program("kubelet", "kubernetes", "k8s.io/kubernetes/cmd/kubelet"),
    Program("kube-controller-manager", "kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager"),
    Program("kube-scheduler", "kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler"),
    Program("kube-proxy", "kubernetes", "k8s.io/kubernetes/cmd/kube-proxy"),
    Program("kubectl", "kubernetes", "k8s.io/kubernetes/cmd/kubectl"),
    Program("etcd", "kubernetes", "go.etcd.io/etcd/server/v3"),
    Program("coredns", "coredns", "."),
    Program("pause", "pause", "."),
)
# No part of a cluster: a gateway product that only `make e2e-all` runs on one.
ENVOY_GATEWAY = Program("envoy-gateway", "envoy-gateway", "github.com/envoyproxy/gateway/cmd/envoy-gateway")


def linker_flags() -> str:
    """Without symbols, and with the version that the API server and kubectl report."""
    major, minor = KUBERNETES.removeprefix("v").split(".")[:2]
    stamps = {"gitVersion": KUBERNETES, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    return " ".join(["-s", "-w", *(f"-X {_STAMP}.{key}={value}" for key, value in stamps.items())])


def cache(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of everything that is built once per machine and user."""
    base = environment.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "gatewayctl" / f"kubernetes-{KUBERNETES}"


def given(environment: Mapping[str, str] = os.environ, programs: tuple[Program, ...] = PROGRAMS) -> Path | None:
    """The folder of ready programs that the environment names, when it holds all of these."""
    folder = environment.get(GIVEN)
    if not folder:
        return None
    ready = all(os.access(Path(folder) / program.name, os.X_OK) for program in programs)
    return Path(folder).resolve() if ready else None


def binaries(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder that the programs are run from."""
    return given(environment) or cache(environment) / "bin"
