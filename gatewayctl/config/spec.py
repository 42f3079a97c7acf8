"""What a gatewayctl.yaml says, as frozen values in domain terms."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gatewayctl.domain.apps import AppSpec


@dataclass(frozen=True, slots=True)
class RunnerSpec:
    """How Jobs of ours run in a cluster: an image with this gatewayctl, as a ServiceAccount."""

    image: str
    account: str


@dataclass(frozen=True, slots=True)
class PlatformSpec:
    """Where the release happens. `world` is the sandbox's description of itself, `context` one of the kubeconfig's."""

    kind: str
    runner: RunnerSpec
    namespace: str = ""
    context: str = ""
    world: Path | None = None


@dataclass(frozen=True, slots=True)
class GatewaySpec:
    """Which dialect, and where the gateway's replicas and files are.

    `selector` picks the gateway's Pods in `namespace`; `keys` of `config_map` are its files, or `routes` its HTTPRoutes
    as namespace/name; `traffic` and `admin` are container ports, `admin` 0 where there is none. `container` is the one
    that is told to load its files; empty for the first that has them.
    """

    kind: str
    namespace: str = ""
    selector: str = ""
    config_map: str = ""
    keys: tuple[str, ...] = ()
    traffic: int = 8000
    admin: int = 0
    routes: tuple[str, ...] = ()
    container: str = ""


@dataclass(frozen=True, slots=True)
class Spec:
    """A whole gatewayctl.yaml; `file` is where it was read from, relative paths start at its folder.

    `text` is the file as it was read: a journal in the cluster keeps it, so that anyone can act from anywhere.
    """

    file: Path
    text: str
    platform: PlatformSpec
    gateway: GatewaySpec
    apps: Mapping[str, AppSpec]

    @property
    def folder(self) -> Path:
        """The folder that relative paths and the state of a sandbox belong to."""
        return self.file.parent
