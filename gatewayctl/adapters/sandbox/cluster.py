"""Start a sandbox, stop it, and see whether it runs.

A second start in the same folder gives the same cluster: workloads and routes are as they were, because an interrupted
release continues with them. The images and the gateway's settings are read from the world file again, and an edit of
the route files and workloads is taken where the sandbox has changed nothing itself: see origin.py.
"""

import os
import re
import shutil
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from enum import Enum
from pathlib import Path
from signal import SIGKILL, SIGTERM
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Self

from gatewayctl.adapters.files.locking import hold_lock, replace_durably
from gatewayctl.adapters.files.processes import is_alive, read_start_time, read_tail, send_signal
from gatewayctl.adapters.sandbox.linux import require_linux
from gatewayctl.adapters.sandbox.objects import (
    STARTS_AGAIN,
    Folder,
    GatewayReplicasSpec,
    ReplicaStatus,
    RoutesSpec,
    SupervisorStatus,
    WorkloadSpec,
    WorkloadStatus,
    first_version,
    next_version,
)
from gatewayctl.adapters.sandbox.origin import Taken, take
from gatewayctl.adapters.sandbox.products import product
from gatewayctl.domain.errors import Busy, DeadlineExceeded, EnvironmentFailed, UsageFault
from gatewayctl.ports import Clock
from gatewayctl.waiting import Deadline, Pending, until, until_or_fail

if TYPE_CHECKING:
    from gatewayctl.adapters.sandbox.world import World

_EVERY = 0.03  # seconds between two looks
_TO_END = 15.0  # seconds for a supervisor to end everything in order
_TO_DIE = 5.0  # seconds for a killed supervisor to be gone
_SAFE_ROOT = re.compile(r"[\w./+~ -]+")  # characters that need no quotes in a configuration file


class Life(Enum):
    """How long a sandbox runs: as long as the process that started it, or until `down`."""

    OWNED = "owned"
    DETACHED = "detached"


class Sandbox:
    """A sandbox that this process started. An owned one ends with `close`, or when this process ends for any reason.

    `notes` tell a person what was taken from the world file, or kept, at a second start.
    """

    def __init__(self, root: Path, pid: int, lifeline: int | None, clock: Clock) -> None:
        self.root, self.pid, self.clock = root, pid, clock
        self.notes: tuple[str, ...] = ()
        self._lifeline = lifeline

    def close(self) -> None:
        """End an owned sandbox and all its processes; a detached one goes on."""
        if self._lifeline is None:
            return
        lifeline, self._lifeline = self._lifeline, None
        try:
            down(self.root, clock=self.clock)
        finally:
            os.close(lifeline)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def up(
    root: Path,
    world_file: Path,
    *,
    life: Life,
    clock: Clock,
    within: float = 60.0,
    twins: Mapping[str, str] = MappingProxyType({}),
) -> Sandbox:
    """Start the sandbox that `world_file` describes, with its state in `root`; return when it is ready.

    `twins` names stable by canary: a canary that the file leaves out is made like its stable.

    Raises WorldFault; Busy when one runs there already; EnvironmentFailed, or DeadlineExceeded after `within` seconds,
    with the end of the log.
    """
    from gatewayctl.adapters.sandbox.world_file import read_world

    require_linux()
    root = root.resolve()
    if not _SAFE_ROOT.fullmatch(str(root)):
        raise UsageFault(f"{root}: the path of a sandbox goes into configuration files; use simple characters in it")
    folder, world = Folder(root), read_world(world_file).with_twins(twins)
    product(world.gateway.kind).program()
    if (found := folder.supervisor()) and folder.running():
        raise Busy(
            f"the sandbox in {root} runs already (pid {found.pid})",
            hint="use it, or stop it first: gatewayctl sandbox down",
        )
    known = folder.routes() is not None
    notes = _install(folder, world)
    sandbox = _launch(folder, life, clock)
    sandbox.notes = notes
    with ExitStack() as undo:
        undo.callback(_abandon, sandbox)
        deadline = Deadline(clock, _ignore, within, _EVERY, hint=f"look into {folder.logs}")
        _wait(folder, sandbox.pid, known, deadline)
        undo.pop_all()
    return sandbox


def down(root: Path, *, clock: Clock) -> bool:
    """Stop a sandbox and all its processes; False when none runs there. Raises DeadlineExceeded."""
    folder = Folder(root.resolve())
    found = folder.supervisor()
    if found is None or not is_alive(found.pid, found.started):
        _reap_child(found)
        return False

    def has_ended() -> bool | Pending:
        return Pending("it still runs") if is_alive(found.pid, found.started) else True

    what = f"the sandbox in {root} (pid {found.pid}) to end"
    send_signal(found.pid, found.started, SIGTERM)
    try:
        until(has_ended, what, Deadline(clock, _ignore, _TO_END, _EVERY))
    except DeadlineExceeded:
        send_signal(found.pid, found.started, SIGKILL)  # its children end with it
        until(has_ended, what, Deadline(clock, _ignore, _TO_DIE, _EVERY))
    _reap_child(found)
    return True


def running(root: Path) -> bool:
    """Whether a sandbox runs with its state in `root`."""
    return Folder(root.resolve()).running()


def forget(root: Path) -> None:
    """Remove workloads, routes and logs of a stopped sandbox; journal and evidence stay. Raises Busy when it runs."""
    folder = Folder(root.resolve())
    if folder.running():
        raise Busy(f"the sandbox in {root} is running", hint="stop it first: gatewayctl sandbox down")
    for name in ("spec", "status", "replicas", "logs"):
        shutil.rmtree(folder.root / name, ignore_errors=True)


def _install(folder: Folder, world: "World") -> tuple[str, ...]:
    """Write the specs; returns what to tell about a folder that had specs already."""
    gateway = world.gateway
    with hold_lock(folder.root):
        origin = folder.origin()
        replace_durably(folder.world, world.model_dump_json())
        folder.write_gateway_spec(GatewayReplicasSpec(gateway.sync_delay, gateway.sync_skew))
        workloads = _install_workloads(folder, world, origin.get("workloads", {}))
        files = _install_routes(folder, world, origin.get("files", {}))
        folder.write_origin({"workloads": workloads.origin, "files": files.origin})
    return (*files.notes, *workloads.notes)


def _install_workloads(folder: Folder, world: "World", origin: dict[str, str]) -> Taken:
    before = {name: spec for name in folder.workloads() if (spec := folder.workload(name))}
    given = {name: f"{model.image} {model.replicas}" for name, model in world.workloads.items()}
    taken = take(given, {name: f"{spec.image} {spec.replicas}" for name, spec in before.items()}, origin)
    for name, model in world.workloads.items():
        old = before.get(name)
        if old is None or (
            taken.values[name] == given[name] and (old.image, old.replicas) != (model.image, model.replicas)
        ):
            version = next_version(old.version) if old else first_version()
            folder.write_spec(folder.workload_file(name), WorkloadSpec(model.image, model.replicas, version))
    for name in set(before) - set(world.workloads):
        folder.workload_file(name).unlink()
    return taken


def _install_routes(folder: Folder, world: "World", origin: dict[str, str]) -> Taken:
    from gatewayctl.adapters.sandbox.world_file import read_bounded

    before = folder.routes()
    given = {key: read_bounded(world.path(name)) for key, name in world.gateway.files.items()}
    taken = take(given, before.files if before else {}, origin)
    if before is None or before.files != taken.values:
        version = next_version(before.version) if before else first_version()
        folder.write_spec(folder.routes_file, RoutesSpec(taken.values, version))
    return taken


def _launch(folder: Folder, life: Life, clock: Clock) -> Sandbox:
    """Start the supervisor in a new session, so that Ctrl-C in the terminal reaches only its owner."""
    command = [sys.executable, "-m", "gatewayctl.adapters.sandbox.supervisor", str(folder.root)]
    log = folder.logs / "supervisor.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions: list[tuple[object, ...]] = [(os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o600)]
    actions.append((os.POSIX_SPAWN_DUP2, 1, 2))
    with ExitStack() as opened:
        lifeline = None
        if life is Life.OWNED:
            ours, lifeline = os.pipe()
            opened.callback(os.close, ours)
            actions.append((os.POSIX_SPAWN_DUP2, ours, 0))
            command += ["--owner-fd", "0"]
        else:
            actions.append((os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0))
        pid = os.posix_spawn(sys.executable, command, os.environ, file_actions=actions, setsid=True)
    return Sandbox(folder.root, pid, lifeline, clock)


def _wait(folder: Folder, pid: int, known: bool, deadline: Deadline) -> None:  # noqa: FBT001 (read from the folder)
    def has_come_up() -> bool | Pending:
        if not read_start_time(pid):
            last = read_tail(folder.logs / "supervisor.log", 15)
            raise EnvironmentFailed(f"the sandbox did not start; the log of its supervisor:\n{last}")
        found = folder.supervisor()
        if found is None or found.pid != pid:
            return Pending("the supervisor is starting")
        missing = _not_ready(folder, known=known)
        return Pending(missing) if missing else True

    until_or_fail(has_come_up, f"the sandbox in {folder.root}", deadline)


def _not_ready(folder: Folder, *, known: bool) -> str:
    """What is not ready yet, in words; empty when all is. Raises EnvironmentFailed when it can never be ready."""
    replicas = folder.replica_statuses()
    if trouble := next((one.trouble for one in replicas if one.trouble), ""):
        raise EnvironmentFailed(f"the sandbox does not come up: {trouble}", hint=f"look into {folder.logs}")
    waiting = [f"{one.name}: {one.note} {_tail_log(folder, one)}" for one in replicas if not one.ready]
    for name in folder.workloads():
        spec, status = folder.workload(name), folder.workload_status(name)
        if spec is None or status.observed != spec.version:
            waiting.append(f"{name}: the supervisor has not read its spec yet")
        elif not known and status.trouble:
            raise EnvironmentFailed(f"the sandbox does not come up: {status.trouble}", hint=f"look into {folder.logs}")
        else:
            waiting += _describe_unready_pods(spec, status, known=known)
    return "; ".join(waiting) if replicas else "no gateway replica yet"


def _tail_log(folder: Folder, replica: ReplicaStatus) -> str:
    return read_tail(folder.replicas / replica.name / "gateway.log", 5) if replica.note.endswith(STARTS_AGAIN) else ""


def _describe_unready_pods(spec: WorkloadSpec, status: WorkloadStatus, *, known: bool) -> list[str]:
    """The pods to wait for. After an interrupted release (`known`) a pod may be one that never gets ready."""
    hopeless = known and (status.trouble or all(pod.ready or pod.answered for pod in status.pods))
    pods = [pod for pod in status.pods if pod.image == spec.image]
    if hopeless and (pods or status.trouble):
        return []
    missing = [f"{pod.name}: {pod.note}" for pod in pods if not pod.ready]
    return missing if len(pods) >= spec.replicas else [*missing, f"{spec.replicas - len(pods)} pods to start"]


def _abandon(sandbox: Sandbox) -> None:
    """End a sandbox whose start failed, also a detached one."""
    found = Folder(sandbox.root).supervisor()
    if found is not None and found.pid == sandbox.pid:
        down(sandbox.root, clock=sandbox.clock)
    else:  # it has not written its status, so it has started no process yet
        send_signal(sandbox.pid, read_start_time(sandbox.pid), SIGKILL)
    sandbox.close()


def _reap_child(found: SupervisorStatus | None) -> None:
    """Read the exit status of a supervisor that was our child, so that no zombie stays."""
    if found is None:
        return
    try:
        os.waitpid(found.pid, os.WNOHANG)
    except ChildProcessError:
        return


def _ignore(_detail: str) -> None:
    """A tick that shows nothing."""
