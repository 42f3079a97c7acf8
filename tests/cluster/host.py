"""What this machine must offer before a cluster can run on it, and the exact command that installs what it lacks."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from gatewayctl.domain.errors import EnvironmentFailed

# Programs by the Debian package that holds them. Names are looked for, not packages: a machine with Docker's own
# containerd.io has the program and not the package.
PACKAGES = {
    "containerd": ("containerd", "ctr", "containerd-shim-runc-v2"),
    "runc": ("runc",),
    "iproute2": ("ip",),
    "iptables": ("iptables",),
    "conntrack": ("conntrack",),
    "openssl": ("openssl",),
    "util-linux": ("nsenter",),
    "mount": ("mount", "umount"),
}
_PLUGINS_PACKAGE, _PLUGINS = "containernetworking-plugins", ("ptp", "host-local", "loopback")
_PLUGIN_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Host:
    """The questions a machine is asked."""

    platform: str
    user: int
    which: Callable[[str], str | None]
    plugin_folders: tuple[Path, ...]


def this_host() -> Host:
    """The machine we run on; programs are looked for where root finds them, whatever PATH says."""
    return Host(sys.platform, os.geteuid(), lambda name: shutil.which(name, path=PATH), _PLUGIN_FOLDERS)


def plugins(host: Host) -> Path | None:
    """The folder of CNI plugins, or None."""
    complete = (folder for folder in host.plugin_folders if all((folder / name).exists() for name in _PLUGINS))
    return next(complete, None)


def lacking(host: Host) -> tuple[str, ...]:
    """The Debian packages that hold what is not there."""
    absent = [package for package, names in PACKAGES.items() if not all(host.which(name) for name in names)]
    return (*absent, *([] if plugins(host) else [_PLUGINS_PACKAGE]))


def install_command(packages: Iterable[str]) -> str:
    """What a person types to install them."""
    return f"apt-get update && apt-get install -y {' '.join(packages)}"


def check(host: Host) -> None:
    """Raise EnvironmentFailed, naming what to run, unless a cluster can run here."""
    if host.platform != "linux":
        raise EnvironmentFailed(
            f"the test cluster runs on Linux only, and this is {host.platform}",
            hint="use a Linux machine or virtual machine, or name a cluster of yours by KUBECONFIG",
        )
    packages = lacking(host)
    if host.user:
        install = f"; before that: sudo sh -c '{install_command(packages)}'" if packages else ""
        raise EnvironmentFailed(
            "the test cluster makes a network namespace and runs containers, which only root may do",
            hint=f"run the same command with sudo -E{install}",
        )
    if packages:
        raise EnvironmentFailed(
            f"the test cluster needs Debian packages that are not installed: {', '.join(packages)}",
            hint=install_command(packages),
        )


def install(host: Host) -> None:
    """Install what is lacking by apt-get. Raises EnvironmentFailed when that fails or we are not root."""
    packages = lacking(host)
    if not packages or host.user:
        check(host)
        return
    sys.stderr.write(f"{install_command(packages)}\n")
    for arguments in (["update", "-q"], ["install", "-y", "-q", *packages]):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        if subprocess.run(["apt-get", *arguments], env=environment, stdout=sys.stderr).returncode:  # noqa: S607
            raise EnvironmentFailed(
                f"apt-get {arguments[0]} failed; its words are above", hint=install_command(packages)
            )
    check(host)
