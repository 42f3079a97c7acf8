"""The Gateway API's own definitions of its kinds, from its Go module: fetched once, checked against a pinned sum.

Tests bring them into a cluster; they are not part of this project.
"""

from pathlib import Path

from gatewayctl.domain.errors import EnvironmentFailed
from tests.cluster import modules
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
    folder = modules.kept(f"gateway-api-{VERSION}", lambda: _fetched() / _CHANNEL)
    return tuple(folder / f"gateway.networking.k8s.io_{kind}.yaml" for kind in _KINDS)


def _fetched() -> Path:
    """The module's folder. Raises EnvironmentFailed when it cannot be had, or is not what was pinned."""
    found = modules.downloaded(_MODULE, cache(), "-mod=mod")
    if found["Sum"] != _SUM:
        raise EnvironmentFailed(f"{_MODULE} has the sum {found['Sum']}, and {_SUM} was pinned")
    return Path(found["Dir"])
