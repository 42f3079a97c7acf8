"""The content of a world file, which describes a sandbox: images, workloads and the gateway.

An image is a name for a command. Everything else would be in a team's manifests in a cluster.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}
_KEY = re.compile(r"[-_a-zA-Z0-9][-._a-zA-Z0-9]*")  # a valid key of a ConfigMap


def _parse_seconds(value: object) -> object:
    """Seconds from a text such as `250ms`, `10s` or `5m`, else ValueError; a value that is no text stays as it is."""
    if isinstance(value, str):
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m)", value.strip())
        if not match:
            raise ValueError("expected a duration such as 300ms or 10s")
        return float(match[1]) * _UNITS[match[2]]
    return value


Seconds = Annotated[float, BeforeValidator(_parse_seconds), Field(ge=0, le=600)]
Port = Annotated[int, Field(ge=1, le=65535)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?$")]
ImageName = Annotated[str, Field(pattern=r"^[a-z0-9][A-Za-z0-9._/:@-]{0,200}$")]
UrlPath = Annotated[str, Field(pattern=r"^/[!-~]*$")]


class StrictWorldModel(BaseModel):
    """Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Image(StrictWorldModel):
    """The command that an image's name stands for. `python` as first word is the interpreter that runs the sandbox."""

    command: tuple[str, ...] = Field(min_length=1)
    env: dict[str, str] = Field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Identifies the command and its environment, as an image's digest identifies its layers."""
        content = json.dumps([self.command, sorted(self.env.items())])
        return "sha256:" + hashlib.sha256(content.encode()).hexdigest()


class WorkloadModel(StrictWorldModel):
    """A Deployment and its Service of the same name. `grace` is how long a pod may take to stop, in seconds."""

    image: ImageName
    replicas: int = Field(default=1, ge=0, le=20)
    port: Port = 8080
    ready: UrlPath = "/healthz"
    grace: Seconds = 10.0


class WorldGateway(StrictWorldModel):
    """The gateway's replicas. `files` maps the key of each file in the store to the file with its first content.

    `mount` is the folder in which the bootstrap expects the store's files. A change reaches the first replica after
    `sync_delay` seconds, and each further one `sync_skew` seconds later.
    """

    kind: Literal["envoy", "nginx", "spring-cloud-gateway"] = "envoy"
    replicas: int = Field(default=2, ge=1, le=8)
    bootstrap: str
    mount: str = Field(default="/etc/gateway", pattern=r"^(/[A-Za-z0-9._-]+)+$")
    files: dict[str, str] = Field(min_length=1)
    sync_delay: Seconds = 0.3
    sync_skew: Seconds = 0.1
    traffic: Port = 8000
    admin: Port = 9901

    @field_validator("files")
    @classmethod
    def _keys_fit_a_config_map(cls, files: dict[str, str]) -> dict[str, str]:
        for key in files:
            if not _KEY.fullmatch(key):
                raise ValueError(f"{key!r} cannot be a file's key: letters, digits, dots, hyphens and underscores only")
        return files

    @model_validator(mode="after")
    def _ports_differ(self) -> "WorldGateway":
        if self.traffic == self.admin:
            raise ValueError("traffic and admin need different ports")
        return self


class World(StrictWorldModel):
    """A whole world file. `folder` is the folder that it is in: relative file names and commands start there."""

    version: Literal[1]
    gateway: WorldGateway
    images: dict[ImageName, Image] = Field(min_length=1)
    workloads: dict[Name, WorkloadModel] = Field(min_length=1, max_length=40)
    folder: str = ""

    @model_validator(mode="after")
    def _images_are_known(self) -> "World":
        for name, workload in self.workloads.items():
            if workload.image not in self.images:
                raise ValueError(f"workloads.{name}.image: {workload.image} is not in images")
        return self

    def with_twins(self, twins: Mapping[str, str]) -> "World":
        """With a workload for each canary in `twins` that is missing: as the stable one of its value, at 0 replicas."""
        known = self.workloads
        made = {
            canary: known[stable].model_copy(update={"replicas": 0})
            for canary, stable in twins.items()
            if canary not in known and stable in known
        }
        return self.model_copy(update={"workloads": {**known, **made}})

    def path(self, name: str) -> Path:
        """The path of a file that the world file names."""
        return Path(self.folder, name)
