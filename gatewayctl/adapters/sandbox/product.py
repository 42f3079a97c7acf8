"""What the sandbox has to know to run a gateway product: one value of this kind per product."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Launch:
    """What one replica needs to know: its first file, its folder, address and admin port, and who resolves names."""

    bootstrap: Path
    address: str
    admin: int
    resolver: str
    resolver_port: int


def unchanged(text: str, names: Mapping[str, str], beside: str) -> str:  # noqa: ARG001 (the field's signature)
    """For products that ask the sandbox's own name server."""
    return text


def nothing_amiss(text: str, path: str) -> str:  # noqa: ARG001 (the field's signature)
    """For products that are told when to read their files."""
    return ""


@dataclass(frozen=True, slots=True)
class SandboxProduct:
    """One gateway product.

    `file` is the first file's name; `ready_path`, on the admin port, answers 200 once it is live (empty: taking
    connections is all there is to see); `local` puts Services' addresses into a text whose names it cannot have
    resolved, `beside` being all texts together; `farewell` is what the kernel sends when its parent dies;
    `reload_trouble` tells why a text does not read a mounted file anew.
    """

    file: str
    ready_path: str
    program: Callable[[], Path]
    command: Callable[[Launch], tuple[str, ...]]
    local: Callable[[str, Mapping[str, str], str], str] = unchanged
    stop_signal: signal.Signals = field(default=signal.SIGKILL)
    reload_trouble: Callable[[str, str], str] = nothing_amiss


def product(kind: str) -> SandboxProduct:
    """The product called `kind` in a world file, which has been checked."""
    return _PRODUCTS[kind]()


def _envoy() -> SandboxProduct:
    from gatewayctl.adapters.sandbox.envoy import PRODUCT

    return PRODUCT


def _nginx() -> SandboxProduct:
    from gatewayctl.adapters.sandbox.nginx import PRODUCT

    return PRODUCT


def _spring_cloud() -> SandboxProduct:
    from gatewayctl.adapters.sandbox.springcloud import PRODUCT

    return PRODUCT


_PRODUCTS: dict[str, Callable[[], SandboxProduct]] = {
    "envoy": _envoy,
    "nginx": _nginx,
    "spring-cloud-gateway": _spring_cloud,
}
