"""containerd for one cluster: its settings, the pods' network, and bringing images in."""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

from gatewayctl.domain.errors import EnvironmentFailed
from tests.cluster.components import Component
from tests.cluster.host import PATH, plugins, this_host
from tests.cluster.place import NODE_PODS, Cluster

PAUSE = "docker.io/gatewayctl/pause:1"
_NAMESPACE = "k8s.io"  # where the kubelet looks for images


def containerd(cluster: Cluster) -> Component:
    """The command, after writing the settings it names."""
    _write_network(cluster)
    settings = cluster.settings / "containerd.toml"
    settings.write_text(_settings(cluster))
    return Component("containerd", ("containerd", f"--config={settings}"))


def root(cluster: Cluster) -> Path:
    """Where containerd keeps images and containers' file systems."""
    return cluster.lib / "containerd"


def load(cluster: Cluster, archives: Iterable[Path]) -> None:
    """Bring docker-archives in. Raises EnvironmentFailed when containerd refuses one."""
    for archive in archives:
        done = _ctr(cluster, "images", "import", "--snapshotter", snapshotter(cluster), str(archive))
        if done.returncode:
            raise EnvironmentFailed(f"containerd does not take {archive.name}: {done.stderr.strip()[-500:]}")


def images(cluster: Cluster) -> tuple[str, ...]:
    """The names of the images that are there; empty while containerd does not answer."""
    return tuple(_ctr(cluster, "images", "list", "-q").stdout.split())


def answers(cluster: Cluster) -> bool:
    """Whether containerd is ready for work."""
    return _ctr(cluster, "version").returncode == 0


def snapshotter(cluster: Cluster) -> str:
    """overlayfs where this disk can carry one; a plain copy per container elsewhere (in a container, mostly)."""
    trial = cluster.lib / "overlay-trial"
    parts = {name: trial / name for name in ("lower", "upper", "work", "merged")}
    for part in parts.values():
        part.mkdir(parents=True, exist_ok=True)
    options = f"lowerdir={parts['lower']},upperdir={parts['upper']},workdir={parts['work']}"
    command = ["mount", "-t", "overlay", "overlay", "-o", options, str(parts["merged"])]
    if subprocess.run(command, env={"PATH": PATH}, capture_output=True).returncode:
        return "native"
    subprocess.run(["umount", str(parts["merged"])], env={"PATH": PATH}, check=True)  # noqa: S607
    return "overlayfs"


def _ctr(cluster: Cluster, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = ["ctr", "--address", str(cluster.socket), "--namespace", _NAMESPACE, *arguments]
    return subprocess.run(command, env={"PATH": PATH}, capture_output=True, text=True)


def _settings(cluster: Cluster) -> str:
    quoted = {
        "root": root(cluster),
        "state": cluster.run / "containerd",
        "socket": cluster.socket,
        "pause": PAUSE,
        "snapshotter": snapshotter(cluster),
        "plugins": plugins(this_host()),
        "network": cluster.settings / "network",
    }
    return _CONTAINERD.format(**{key: json.dumps(str(value)) for key, value in quoted.items()})


def _write_network(cluster: Cluster) -> None:
    """A cable from each pod to the node: between pods on one bridge, answers from a Service would bypass the node."""
    folder = cluster.settings / "network"
    folder.mkdir(parents=True, exist_ok=True)
    ranges = {
        "type": "host-local",
        "dataDir": str(cluster.lib / "pod-addresses"),
        "ranges": [[{"subnet": NODE_PODS}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    content = {"cniVersion": "0.4.0", "name": cluster.ident, "plugins": [{"type": "ptp", "ipam": ranges}]}
    (folder / "pods.conflist").write_text(json.dumps(content, indent=2))


# Lowering oom_score_adj needs a capability that CI machines often lack; without the restriction no pod would start.
_CONTAINERD = """\
version = 2
root = {root}
state = {state}
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]

[grpc]
  address = {socket}

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = {pause}
  restrict_oom_score_adj = true
  disable_apparmor = true
  netns_mounts_under_state_dir = true

[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = {snapshotter}
  default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = {plugins}
  conf_dir = {network}
"""
