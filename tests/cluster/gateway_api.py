"""The Gateway API's own definitions of its kinds, from its Go module: fetched once, checked against a pinned sum.

Tests bring them into a cluster; they are not part of this project.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

from gatewayctl.domain.errors import EnvironmentFailed
from tests.cluster import toolchain
from tests.cluster.programs import cache

VERSION = "v1.6.3"
_MODULE = f"sigs.k8s.io/gateway-api@{VERSION}"
_SUM = "h1:lKpJa5bGlraC/QeACvCpsHLdmO6y0iKfzVl6gzaFEYc="
_CHANNEL = Path("config") / "crd" / "standard"
_KINDS = (
    "gatewayclasses",
    "gateways",
    "httproutes",
    "grpcroutes",
    "tlsroutes",
    "tcproutes",
    "udproutes",
    "listenersets",
    "referencegrants",
    "backendtlspolicies",
)


def definitions() -> tuple[Path, ...]:
    """The files of the kinds that a gateway asks for at its start; fetched when they are not in the cache."""
    folder = cache() / f"gateway-api-{VERSION}"
    if not folder.exists():
        unfinished = folder.with_suffix(f".{os.getpid()}")
        shutil.copytree(_fetched() / _CHANNEL, unfinished)
        try:
            unfinished.rename(folder)
        except OSError:  # another process was faster
            shutil.rmtree(unfinished)
    return tuple(folder / f"gateway.networking.k8s.io_{kind}.yaml" for kind in _KINDS)


def _fetched() -> Path:
    """The module's folder. Raises EnvironmentFailed when it cannot be had, or is not what was pinned."""
    environment = {**os.environ, "GOWORK": "off", "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GO111MODULE": "on"}
    command = [str(toolchain.find(cache())), "mod", "download", "-json", _MODULE]
    done = subprocess.run(command, cwd=cache(), env=environment, capture_output=True, text=True)
    if done.returncode:
        raise EnvironmentFailed(f"cannot fetch {_MODULE}: {done.stdout.strip()[-500:] or done.stderr.strip()[-500:]}")
    found = json.loads(done.stdout)
    if found["Sum"] != _SUM:
        raise EnvironmentFailed(f"{_MODULE} has the sum {found['Sum']}, and {_SUM} was pinned")
    return Path(found["Dir"])
