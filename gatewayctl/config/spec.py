"""The content of a gatewayctl.yaml, as frozen values in domain terms."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gatewayctl.domain.apps import AppSpec
from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.prometheus import PrometheusSpec


@dataclass(frozen=True, slots=True)
class RunnerSpec:
    """How our Jobs run in a cluster: the image with gatewayctl, and the ServiceAccount."""

    image: str
    account: str


@dataclass(frozen=True, slots=True)
class PlatformSpec:
    """Where releases happen. `world` is the world file of a sandbox, `context` a context of the kubeconfig."""

    kind: str
    runner: RunnerSpec
    namespace: str = ""
    context: str = ""
    world: Path | None = None


@dataclass(frozen=True, slots=True)
class RegistrySpec:
    """Where a gateway looks up services that register themselves.

    `url`, `namespace` and `group` as the kind of registry means them. The last two name the environment variables that
    hold user and password; empty where none are needed.
    """

    kind: str
    url: str = ""
    namespace: str = ""
    group: str = ""
    user_variable: str = ""
    password_variable: str = ""


@dataclass(frozen=True, slots=True)
class GatewaySpec:
    """The gateway product, and where its replicas and files are.

    `selector` picks the gateway's Pods in `namespace`. `keys` of `config_map` are its files, or `routes` its API
    objects as namespace/name. `traffic` and `admin` are container ports, `admin` 0 where there is none. `container` is
    the container in which the reload command runs; empty for the first one that mounts the files.
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
    registry: RegistrySpec | None = None


@dataclass(frozen=True, slots=True)
class Spec:
    """A whole gatewayctl.yaml, or only one of its gateways with the applications behind it: see `behind` and `each`.

    Relative paths start at the folder of `file`. `text` is the content of the file: a journal in the cluster keeps it,
    so that people without the file can continue a release. It has no values of `smoke.pytest.env`.
    If a file has one gateway, its name may be empty.
    """

    file: Path
    text: str
    platform: PlatformSpec
    gateways: Mapping[str, GatewaySpec]
    apps: Mapping[str, AppSpec]
    prometheus: PrometheusSpec | None = None

    @property
    def gateway(self) -> GatewaySpec:
        """The only gateway. Raises UsageFault when there are several."""
        if len(self.gateways) != 1:
            raise UsageFault(f"{self.file} has {len(self.gateways)} gateways", hint=f"{', '.join(self.gateways)}")
        return next(iter(self.gateways.values()))

    def app(self, name: str) -> AppSpec:
        """The application `name`. Raises UsageFault, with the names of all, when there is none of that name."""
        app = self.apps.get(name)
        if app is None:
            raise UsageFault(f"{self.file} has no application {name}", hint=f"it has {', '.join(self.apps)}")
        return app

    def behind(self, app: str) -> "Spec":
        """The part with the gateway of application `app`, and all applications behind it. Raises UsageFault."""
        return self._part(self.app(app).gateway)

    def each(self) -> tuple["Spec", ...]:
        """One part for each gateway that has applications behind it."""
        return tuple(
            self._part(name) for name in self.gateways if any(app.gateway == name for app in self.apps.values())
        )

    def _part(self, gateway: str) -> "Spec":
        apps = {name: app for name, app in self.apps.items() if app.gateway == gateway}
        return replace(self, gateways={gateway: self.gateways[gateway]}, apps=apps)

    @property
    def folder(self) -> Path:
        """The folder of the file: relative paths start here, and a sandbox keeps its state here."""
        return self.file.parent
