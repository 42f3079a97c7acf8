"""What a gatewayctl.yaml says, as frozen values in domain terms."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gatewayctl.domain.apps import AppSpec
from gatewayctl.domain.errors import UsageFault


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

    `selector` picks the gateway's Pods in `namespace`. `keys` of `config_map` are its files, or `routes` its API
    objects as namespace/name. `traffic` and `admin` are container ports, `admin` 0 where there is none. `container` is
    the one that is told to load its files; empty for the first that has them.
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
    """A whole gatewayctl.yaml, or the part of it that is about one gateway: see `behind` and `each`.

    `file` is where it was read from, relative paths start at its folder. `text` is the file as it was read: a journal
    in the cluster keeps it, so that anyone can act from anywhere. The only gateway of a file may have no name.
    """

    file: Path
    text: str
    platform: PlatformSpec
    gateways: Mapping[str, GatewaySpec]
    apps: Mapping[str, AppSpec]

    @property
    def gateway(self) -> GatewaySpec:
        """The only gateway. Raises UsageFault where there are several."""
        if len(self.gateways) != 1:
            raise UsageFault(f"{self.file} has {len(self.gateways)} gateways", hint=f"{', '.join(self.gateways)}")
        return next(iter(self.gateways.values()))

    def app(self, name: str) -> AppSpec:
        """One application. Raises UsageFault with the names there are."""
        found = self.apps.get(name)
        if found is None:
            raise UsageFault(f"{self.file} has no application {name}", hint=f"it has {', '.join(self.apps)}")
        return found

    def behind(self, app: str) -> "Spec":
        """The part about the gateway of one application, and all that are behind it. Raises UsageFault."""
        return self._part(self.app(app).gateway)

    def each(self) -> tuple["Spec", ...]:
        """One part per gateway, those left out that no application is behind."""
        return tuple(
            self._part(name) for name in self.gateways if any(app.gateway == name for app in self.apps.values())
        )

    def _part(self, gateway: str) -> "Spec":
        apps = {name: app for name, app in self.apps.items() if app.gateway == gateway}
        return replace(self, gateways={gateway: self.gateways[gateway]}, apps=apps)

    @property
    def folder(self) -> Path:
        """The folder that relative paths and the state of a sandbox belong to."""
        return self.file.parent
