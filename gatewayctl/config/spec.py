"""What a gatewayctl.yaml says, as frozen values in domain terms."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gatewayctl.domain.apps import AppSpec


@dataclass(frozen=True, slots=True)
class PlatformSpec:
    """Where the release happens. `world` is the sandbox's description of itself."""

    kind: str
    namespace: str = ""
    world: Path | None = None


@dataclass(frozen=True, slots=True)
class GatewaySpec:
    """Which dialect, and where the gateway's replicas and files are."""

    kind: str


@dataclass(frozen=True, slots=True)
class Spec:
    """A whole gatewayctl.yaml; `file` is where it was read from, relative paths start at its folder."""

    file: Path
    platform: PlatformSpec
    gateway: GatewaySpec
    apps: Mapping[str, AppSpec]

    @property
    def folder(self) -> Path:
        """The folder that relative paths and the state of a sandbox belong to."""
        return self.file.parent
