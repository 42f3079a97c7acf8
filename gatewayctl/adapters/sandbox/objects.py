"""What the sandbox's folder holds: what is wanted (spec) and what is (status), each in files of its own.

Only the command line writes specs, only the supervisor writes statuses; so neither can undo what the other said.
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
STARTS_AGAIN = "starting again"


@dataclass(frozen=True, slots=True)
class WorkloadSpec:
    """How a workload should be. `version` moves with every write."""

    image: str
    replicas: int
    version: str


@dataclass(frozen=True, slots=True)
class RoutesSpec:
    """The gateway's route files: name to exact text."""

    files: dict[str, str]
    version: str


@dataclass(frozen=True, slots=True)
class GatewaySpec:
    """Files reach the replicas after `delay` seconds, replica i another i × `skew` later; `held` ones stay down."""

    delay: float
    skew: float
    held: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PodStatus:
    """One pod. `pid` 0: no process now. `started` tells a reused pid apart; `digest` is what the image name meant."""

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
    """What has been made of the spec with version `observed`."""

    observed: str = ""
    pods: tuple[PodStatus, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class ReplicaStatus:
    """One gateway process. `synced` is the version of the route files in its folder.

    `synced_at` is when they came, `started` when the process did, both by the clock that starts with the machine.
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


@dataclass(frozen=True, slots=True)
class SupervisorStatus:
    """Who keeps the sandbox alive, on which addresses, those of its Services by name, and how that ended."""

    pid: int
    started: str
    block: str = ""
    running: bool = True
    note: str = ""
    services: dict[str, str] = field(default_factory=dict)


Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class Folder:
    """Where everything is. All reads answer from files; a file that does not fit raises EnvironmentFailed."""

    root: Path
    logs: Path = field(init=False)
    replicas: Path = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "logs", self.root / "logs")
        object.__setattr__(self, "replicas", self.root / "replicas")

    @property
    def world(self) -> Path:
        """The world as it was parsed."""
        return self.root / "spec" / "world.json"

    @property
    def routes_file(self) -> Path:
        """The route store."""
        return self.root / "spec" / "routes.json"

    def workloads(self) -> tuple[str, ...]:
        """Names of all workloads, in order."""
        return tuple(sorted(path.stem for path in (self.root / "spec" / "workloads").glob("[!.]*.json")))

    def logs_of(self, name: str) -> list[Path]:
        """Logs of a workload's pods, oldest first; the suffix is exact, so orders does not get orders-canary's."""
        return sorted(self.logs.glob(f"{name}-{'[0-9a-f]' * 5}.log"), key=lambda log: log.stat().st_mtime)

    def workload_file(self, name: str) -> Path:
        """The spec of one workload."""
        return self.root / "spec" / "workloads" / f"{name}.json"

    def workload(self, name: str) -> WorkloadSpec | None:
        """What is wanted of one workload."""
        return _read(self.workload_file(name), WorkloadSpec)

    def routes(self) -> RoutesSpec | None:
        """What the gateway's files should be."""
        return _read(self.routes_file, RoutesSpec)

    def gateway(self) -> GatewaySpec:
        """How replicas should behave."""
        return _read(self.root / "spec" / "gateway.json", GatewaySpec) or GatewaySpec(0.3, 0.1)

    def want(self, path: Path, spec: WorkloadSpec | RoutesSpec) -> None:
        """Write one spec."""
        replace_durably(path, json.dumps(asdict(spec)))

    def want_gateway(self, spec: GatewaySpec) -> None:
        """Write how replicas should behave."""
        replace_durably(self.root / "spec" / "gateway.json", json.dumps(asdict(spec)))

    def workload_status(self, name: str) -> WorkloadStatus:
        """What is known of one workload."""
        found = read_json(self.root / "status" / "workloads" / f"{name}.json")
        if found is None:
            return WorkloadStatus()
        found["pods"] = tuple(_build(self.root, PodStatus, pod) for pod in found.get("pods", ()))
        return _build(self.root, WorkloadStatus, found)

    def replica_statuses(self) -> tuple[ReplicaStatus, ...]:
        """What is known of the gateway's replicas."""
        found = read_json(self.root / "status" / "replicas.json") or {}
        return tuple(_build(self.root, ReplicaStatus, one) for one in found.get("replicas", ()))

    def supervisor(self) -> SupervisorStatus | None:
        """The last supervisor, whether it lives or not."""
        return _read(self.root / "status" / "supervisor.json", SupervisorStatus)

    def tell_workload(self, name: str, status: WorkloadStatus) -> None:
        """Publish what is known of one workload."""
        replace_text(self.root / "status" / "workloads" / f"{name}.json", json.dumps(asdict(status)))

    def tell_replicas(self, statuses: tuple[ReplicaStatus, ...]) -> None:
        """Publish what is known of the gateway's replicas."""
        text = json.dumps({"replicas": [asdict(one) for one in statuses]})
        replace_text(self.root / "status" / "replicas.json", text)

    def tell_supervisor(self, status: SupervisorStatus) -> None:
        """Publish who keeps the sandbox alive."""
        replace_text(self.root / "status" / "supervisor.json", json.dumps(asdict(status)))

    def forget_statuses(self) -> None:
        """What an earlier supervisor said of its pods and replicas is not true any more."""
        status = self.root / "status"
        for path in (status / "replicas.json", *status.glob("workloads/[!.]*.json")):
            path.unlink(missing_ok=True)

    def running(self) -> bool:
        """Whether a supervisor is alive and at work."""
        found = self.supervisor()
        return found is not None and found.running and is_alive(found.pid, found.started)


def _read(path: Path, kind: type[Kind]) -> Kind | None:
    found = read_json(path)
    return None if found is None else _build(path, kind, found)


def _build(path: Path, kind: type[Kind], fields: dict[str, Any]) -> Kind:
    try:
        return kind(**fields)
    except TypeError as fault:
        raise EnvironmentFailed(f"{path}: not what this version writes: {fault}", hint="remove the folder") from fault


def first_version() -> str:
    """A version that no earlier object of the same name had."""
    return f"{secrets.token_hex(3)}.1"


def next_version(version: str) -> str:
    """The version after `version`."""
    life, _, count = version.rpartition(".")
    return f"{life}.{int(count) + 1}"
