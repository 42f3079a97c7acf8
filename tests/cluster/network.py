"""A network namespace with a node's address and no way out of the machine: what runs inside reaches nobody else."""

import subprocess
from collections.abc import Iterable

from gatewayctl.domain.errors import EnvironmentFailed
from tests.cluster.host import PATH
from tests.cluster.place import NODE_ADDRESS, Cluster


def create(cluster: Cluster) -> None:
    """Make the namespace, with the node's address on a bridge that has no port."""
    _do(["ip", "netns", "add", cluster.ident])
    # Components look for a default route to find their own address, so there is one, which leads to the empty bridge.
    for arguments in (
        ["link", "set", "lo", "up"],
        ["link", "add", "node0", "type", "bridge"],
        ["address", "add", f"{NODE_ADDRESS}/24", "dev", "node0"],
        ["link", "set", "node0", "up"],
        ["route", "add", "default", "dev", "node0"],
    ):
        _do(["ip", "-n", cluster.ident, *arguments])
    _do(within(cluster, ["tee", "/proc/sys/net/ipv4/ip_forward"]), words="1\n")


def remove(cluster: Cluster) -> None:
    """Take the namespace away; nothing if there is none."""
    if cluster.netns.exists():
        _do(["ip", "netns", "delete", cluster.ident])


def within(cluster: Cluster, command: Iterable[str]) -> list[str]:
    """The same command inside the namespace.

    Not by `ip netns exec`, which mounts another /sys over this one and so hides the cgroups.
    """
    return ["nsenter", f"--net={cluster.netns}", "--", *command]


def _do(command: list[str], words: str = "") -> None:
    done = subprocess.run(command, input=words, env={"PATH": PATH}, capture_output=True, text=True)
    if done.returncode:
        raise EnvironmentFailed(f"{' '.join(command)}: {done.stderr.strip()}")
