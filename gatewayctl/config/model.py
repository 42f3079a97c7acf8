"""The keys of gatewayctl.yaml, checked by pydantic: unknown keys are faults, and all faults are found together."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from gatewayctl import __version__
from gatewayctl.config.fields import Seconds, StrictConfigModel, is_kept
from gatewayctl.config.metrics_model import MetricsModel
from gatewayctl.config.ramp_model import RampModel
from gatewayctl.config.registry_model import RegistryModel
from gatewayctl.config.smoke_model import SmokeModel
from gatewayctl.domain.header_names import why_unusable
from gatewayctl.domain.routing import CANARY_URI
from gatewayctl.gateways.registry import GATEWAYS, gateway
from gatewayctl.gateways.resource import RouteResource

Container = Annotated[str, Field(pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)?$")]
RouteName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?/[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
GatewayName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
AppName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$")]


class RunnerModel(StrictConfigModel):
    """`platform.runner:`"""

    image: str = Field(default=f"gatewayctl:{__version__}", pattern=r"^\S+$")
    account: str = Field(default="gatewayctl", pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")


class PlatformModel(StrictConfigModel):
    """`platform:`"""

    kind: Literal["kubernetes", "sandbox"]
    namespace: str = Field(default="", pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)?$")
    context: str = ""
    world: str = "sandbox.yaml"
    runner: RunnerModel = RunnerModel()


class ReplicasModel(StrictConfigModel):
    """`replicas:` of a gateway"""

    selector: str = Field(min_length=1)


class StoreModel(StrictConfigModel):
    """`config:` of a gateway"""

    config_map: str = Field(alias="configMap")
    key: str = ""
    keys: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _names_its_files(self) -> "StoreModel":
        if bool(self.key) == bool(self.keys):
            raise ValueError("expected exactly one of key and keys")
        return self


class GatewayModel(StrictConfigModel):
    """`gateway:`, or one of `gateways:`"""

    kind: str
    namespace: str = ""
    replicas: ReplicasModel | None = None
    config: StoreModel | None = None
    traffic: int = Field(default=8000, ge=1, le=65535)
    admin: int | None = Field(default=None, ge=1, le=65535)
    container: Container = ""
    routes: tuple[RouteName, ...] = ()
    registry: RegistryModel | None = None

    @model_validator(mode="after")
    def _routes_are_in_one_place(self) -> "GatewayModel":
        resource = _resource_of(self.kind)
        if self.routes and (self.config or resource is None):
            kinds = {kind: one.kind for kind in sorted(GATEWAYS) if (one := _resource_of(kind))}
            objects = " or ".join(kinds.values())
            among = " or ".join(kinds)
            raise ValueError(f"routes names {objects} objects: it goes with kind {among}, and without config")
        if resource and len(set(self.routes)) < len(self.routes):
            raise ValueError(f"the same {resource.kind} is named twice under routes")
        if self.config and resource:
            raise ValueError(
                f"expected routes, as namespace/name: {resource.kind} objects hold the rules, no ConfigMap"
            )
        return self

    def missing_keys(self) -> tuple[str, ...]:
        """The keys that a gateway in a cluster needs, and that are missing."""
        place = ("routes", self.routes) if _resource_of(self.kind) else ("config.configMap", self.config)
        return tuple(key for key, given in (("replicas.selector", self.replicas), place) if not given)


def _resource_of(kind: str) -> RouteResource | None:
    """The API object that holds the rules of this kind of gateway; None for files and for an unknown kind."""
    return gateway(kind).resource if kind in GATEWAYS else None


class HeaderModel(StrictConfigModel):
    """`apps.NAME.header:`"""

    name: str = Field(default="x-canary", pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")
    value: str = Field(default="per-release", pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")

    @field_validator("name")
    @classmethod
    def _can_mark_requests(cls, name: str, info: ValidationInfo) -> str:
        if (why := why_unusable(name)) and not is_kept(info):
            raise ValueError(f"cannot mark requests: {why}; use one of your own, such as x-canary")
        return name


class IdentifyModel(StrictConfigModel):
    """`apps.NAME.identify:` one of the two."""

    header: str = ""
    pointer: str = Field(default="", pattern=r"^(/.*)?$")

    @model_validator(mode="after")
    def _one(self) -> "IdentifyModel":
        if bool(self.header) == bool(self.pointer):
            raise ValueError("expected exactly one of header and pointer")
        return self


TLS_FILES = ("ca", "certificate", "key")
"""The keys of `probe:` that name PEM files."""


class ProbeModel(StrictConfigModel):
    """`apps.NAME.probe:`"""

    host: str = Field(min_length=1, pattern=r"^[A-Za-z0-9.:\[\]*-]+$")
    path: str = Field(default="/", pattern=r"^/\S*$")
    paths: tuple[Annotated[str, Field(pattern=r"^/\S*$")], ...] = ()
    headers: dict[str, str] = Field(default_factory=dict)
    scheme: Literal["http", "https"] = "http"
    ca: str = ""
    certificate: str = ""
    key: str = ""

    @model_validator(mode="after")
    def _files_go_with_tls(self) -> "ProbeModel":
        given = [name for name in TLS_FILES if getattr(self, name)]
        if given and self.scheme != "https":
            raise ValueError(f"{given[0]} needs scheme: https")
        for one, other in (("certificate", "key"), ("key", "certificate")):
            if one in given and other not in given:
                raise ValueError(f"{one} needs {other} beside it")
        return self


class TimingsModel(StrictConfigModel):
    """`apps.NAME.timings:`"""

    ready: Seconds = 120.0
    live: Seconds = 120.0
    drain: Seconds = 30.0
    time_to_live: Seconds = 3600.0


class AppModel(StrictConfigModel):
    """`apps.NAME:`"""

    stable: str = ""
    canary: str = ""
    service: str = ""
    canary_service: str = ""
    canary_host: str = ""
    canary_uri: str = Field(default="", pattern=rf"^({CANARY_URI})?$")
    container: Container = ""
    gateway: str = ""
    fallback: Literal["none", "stable"] = "none"
    header: HeaderModel = HeaderModel()
    route: Literal["per-release", "standing"] = "per-release"
    identify: IdentifyModel = IdentifyModel(header="x-served-by")
    probe: ProbeModel
    smoke: SmokeModel = SmokeModel()
    ramp: RampModel | None = None
    promote: Literal["rolling", "steered"] = "rolling"
    timings: TimingsModel = TimingsModel()

    @field_validator("smoke", mode="before")
    @classmethod
    def _none_is_no_test(cls, smoke: object) -> object:
        return {} if smoke == "none" else smoke

    @model_validator(mode="after")
    def _a_ramp_comes_after_tests(self) -> "AppModel":
        if self.ramp and "smoke" not in self.model_fields_set:
            raise ValueError("a ramp comes after the tests under smoke; write smoke: none where there are none")
        return self

    @model_validator(mode="after")
    def _has_one_address(self) -> "AppModel":
        if self.canary_host and self.canary_uri:
            raise ValueError("expected at most one of canary_host and canary_uri")
        return self

    @model_validator(mode="after")
    def _standing_needs_a_fixed_value(self) -> "AppModel":
        if self.route == "standing" and self.header.value == "per-release":
            raise ValueError("a standing rule needs a fixed header value, for example header: {value: always}")
        return self


class FileModel(StrictConfigModel):
    """gatewayctl.yaml"""

    version: Literal[1]
    platform: PlatformModel
    gateway: GatewayModel | None = None
    gateways: dict[GatewayName, GatewayModel] = Field(default_factory=dict)
    metrics: MetricsModel | None = None
    apps: dict[AppName, AppModel] = Field(min_length=1)

    @property
    def every_gateway(self) -> dict[str, GatewayModel]:
        """By name; the one that is given as `gateway` has none."""
        return {"": self.gateway} if self.gateway else dict(self.gateways)

    @model_validator(mode="after")
    def _has_a_gateway(self) -> "FileModel":
        if bool(self.gateway) == bool(self.gateways):
            raise ValueError("expected exactly one of gateway and gateways")
        if len(self.gateways) > 1 and self.platform.kind == "sandbox":
            raise ValueError("a sandbox has one gateway: rehearse each with a gatewayctl.yaml of its own")
        return self

    @model_validator(mode="after")
    def _a_cluster_has_its_keys(self) -> "FileModel":
        if self.platform.kind == "kubernetes":
            missing = [] if self.platform.namespace else ["platform.namespace"]
            for name, gateway in self.every_gateway.items():
                missing += [f"{f'gateways.{name}' if name else 'gateway'}.{key}" for key in gateway.missing_keys()]
            if missing:
                raise ValueError(f"platform kubernetes needs {', '.join(missing)}")
        return self

    @field_validator("apps")
    @classmethod
    def _names_do_not_collide(cls, apps: dict[str, AppModel]) -> dict[str, AppModel]:
        for name in apps:
            if name.endswith("-canary") and name.removesuffix("-canary") in apps:
                raise ValueError(f"{name} is the canary of {name.removesuffix('-canary')}, not an application")
        return apps
