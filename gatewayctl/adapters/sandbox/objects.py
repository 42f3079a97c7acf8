"""The files in a sandbox's folder: what should be (spec) and what is (status).

Only the command line writes specs and only the supervisor writes statuses, so neither overwrites the other's files.
"""

import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from gatewayctl.adapters.files.locking import read_json, replace_durably, replace_text
from gatewayctl.adapters.files.processes import is_alive
from gatewayctl.domain.errors import EnvironmentFailed

NOT_RUNNING = "the sandbox is not running"
START = "gatewayctl sandbox up"
STARTS_AGAIN = "starting again"


@dataclass(frozen=True, slots=True)
class WorkloadSpec:
    """How a workload should be. Each write gives it a new `version`."""

    image: str
    replicas: int
    version: str


@dataclass(frozen=True, slots=True)
class RoutesSpec:
    """The gateway's route files: exact text by name. Each write gives them a new `version`."""

    files: dict[str, str]
    version: str


@dataclass(frozen=True, slots=True)
class GatewayReplicasSpec:
    """Files reach replica i after `delay` + i × `skew` seconds. The replicas in `held` must not run."""

    delay: float
    skew: float
    held: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PodStatus:
    """One pod. `pid` is 0 when it has no process now; `started` is when the process started, as pids are used again.

    `digest` identifies the command that the image's name stood for. `answered` is True once a probe got any answer.
    """

    name: str
    image: str
    address: str
    digest: str
    pid: int = 0
    started: str = ""
    ready: bool = False
    ending: bool = False
    restarts: int = 0
    answered: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class WorkloadStatus:
    """The status of a workload after a round with the spec of version `observed`. `trouble`: why it cannot be ready."""

    observed: str = ""
    pods: tuple[PodStatus, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class ReplicaStatus:
    """One gateway replica. `synced` is the version of the route files in its folder.

    `synced_at` is when they came, in seconds since boot; `started` is when the process started, in clock ticks since
    boot. `note` says why it is not ready, `trouble` why it can never be with the files it has.
    """

    name: str
    traffic: str
    admin: str
    ready: bool = False
    note: str = ""
    pid: int = 0
    started: str = ""
    synced: str = ""
    synced_at: float = 0.0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class SupervisorStatus:
    """The supervisor's process, block of addresses, the addresses of Services by name, and in `note` why it ended."""

    pid: int
    started: str
    block: str = ""
    running: bool = True
    note: str = ""
    services: dict[str, str] = field(default_factory=dict)


Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class Folder:
    """The files below `root`. Each read raises EnvironmentFailed for a file that this version cannot have written."""

    root: Path
    logs: Path = field(init=False)
    replicas: Path = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "logs", self.root / "logs")
        object.__setattr__(self, "replicas", self.root / "replicas")

    @property
    def world(self) -> Path:
        """The path of the installed world, as JSON."""
        return self.root / "spec" / "world.json"

    @property
    def routes_file(self) -> Path:
        """The path of the route files' spec."""
        return self.root / "spec" / "routes.json"

    def workloads(self) -> tuple[str, ...]:
        """The names of all workloads, sorted."""
        return tuple(sorted(path.stem for path in (self.root / "spec" / "workloads").glob("[!.]*.json")))

    def logs_of(self, name: str) -> list[Path]:
        """The logs of a workload's pods, oldest first. The suffix is exact: orders gets no logs of orders-canary."""
        return sorted(self.logs.glob(f"{name}-{'[0-9a-f]' * 5}.log"), key=lambda log: log.stat().st_mtime)

    def workload_file(self, name: str) -> Path:
        """The path of one workload's spec."""
        return self.root / "spec" / "workloads" / f"{name}.json"

    def workload(self, name: str) -> WorkloadSpec | None:
        """The spec of one workload; None when there is no such workload."""
        return _read(self.workload_file(name), WorkloadSpec)

    def routes(self) -> RoutesSpec | None:
        """The spec of the route files; None when there is no sandbox in this folder."""
        return _read(self.routes_file, RoutesSpec)

    def gateway(self) -> GatewayReplicasSpec:
        """The spec of the gateway's replicas, with defaults when it was never written."""
        return _read(self.root / "spec" / "gateway.json", GatewayReplicasSpec) or GatewayReplicasSpec(0.3, 0.1)

    def write_spec(self, path: Path, spec: WorkloadSpec | RoutesSpec) -> None:
        """Write one spec to `path`."""
        replace_durably(path, json.dumps(asdict(spec)))

    def write_gateway_spec(self, spec: GatewayReplicasSpec) -> None:
        """Write the spec of the gateway's replicas."""
        replace_durably(self.root / "spec" / "gateway.json", json.dumps(asdict(spec)))

    def origin(self) -> dict[str, dict[str, str]]:
        """What was taken from the world file at the last start, by kind and name; nothing where nobody remembered."""
        return read_json(self.root / "spec" / "origin.json") or {}

    def write_origin(self, origin: dict[str, dict[str, str]]) -> None:
        """Remember what was taken from the world file."""
        replace_durably(self.root / "spec" / "origin.json", json.dumps(origin))

    def workload_status(self, name: str) -> WorkloadStatus:
        """The status of one workload."""
        content = read_json(self.root / "status" / "workloads" / f"{name}.json")
        if content is None:
            return WorkloadStatus()
        content["pods"] = tuple(_build(self.root, PodStatus, pod) for pod in content.get("pods", ()))
        return _build(self.root, WorkloadStatus, content)

    def replica_statuses(self) -> tuple[ReplicaStatus, ...]:
        """The statuses of the gateway's replicas."""
        content = read_json(self.root / "status" / "replicas.json") or {}
        return tuple(_build(self.root, ReplicaStatus, one) for one in content.get("replicas", ()))

    def supervisor(self) -> SupervisorStatus | None:
        """The status of the last supervisor, also when it does not run any more."""
        return _read(self.root / "status" / "supervisor.json", SupervisorStatus)

    def publish_workload(self, name: str, status: WorkloadStatus) -> None:
        """Write the status of one workload."""
        replace_text(self.root / "status" / "workloads" / f"{name}.json", json.dumps(asdict(status)))

    def publish_replicas(self, statuses: tuple[ReplicaStatus, ...]) -> None:
        """Write the statuses of the gateway's replicas."""
        text = json.dumps({"replicas": [asdict(one) for one in statuses]})
        replace_text(self.root / "status" / "replicas.json", text)

    def publish_supervisor(self, status: SupervisorStatus) -> None:
        """Write the status of the supervisor."""
        replace_text(self.root / "status" / "supervisor.json", json.dumps(asdict(status)))

    def remove_statuses(self) -> None:
        """Remove what an earlier supervisor wrote of its pods and replicas: it is not true any more."""
        status = self.root / "status"
        for path in (status / "replicas.json", *status.glob("workloads/[!.]*.json")):
            path.unlink(missing_ok=True)

    def running(self) -> bool:
        """Whether a supervisor runs and has not begun to end."""
        supervisor = self.supervisor()
        return supervisor is not None and supervisor.running and is_alive(supervisor.pid, supervisor.started)


def _read(path: Path, kind: type[Kind]) -> Kind | None:
    content = read_json(path)
    return None if content is None else _build(path, kind, content)


def _build(path: Path, kind: type[Kind], fields: dict[str, Any]) -> Kind:
    try:
        return kind(**fields)
    except TypeError as fault:
        raise EnvironmentFailed(f"{path}: not what this version writes: {fault}", hint="remove the folder") from fault


def first_version() -> str:
    """A version that no earlier object with the same name had."""
    return f"{secrets.token_hex(3)}.1"


def next_version(version: str) -> str:
    """The version after `version`."""
    prefix, _, count = version.rpartition(".")
    return f"{prefix}.{int(count) + 1}"
