"""Every port of a world in memory; a process dies before or after a write, as the world's fuse has it."""

from dataclasses import dataclass, field

from gatewayctl.domain.errors import Busy, EnvironmentFailed, Missing, StaleWrite, Transient
from gatewayctl.domain.evidence import Answer
from gatewayctl.domain.platform import (
    Holder,
    Probe,
    Replica,
    RuleProof,
    Trouble,
    TroubleKind,
    UpstreamProof,
    VersionedFiles,
    Workload,
)
from gatewayctl.domain.release import Record, Release
from gatewayctl.domain.routing import CanaryRule, Files
from gatewayctl.ports import Clock
from tests.fakes.toy import proof_of
from tests.fakes.world import Deployment, World, unknown

KEPT, TTL = 20, 60.0  # ended releases in history; seconds a silent holder keeps a lease


class MemoryWorkloadReader:
    """ports.WorkloadReader; `lag` is set by tests that are about it."""

    lag = 0.0
    readiness_gap = 5.0
    staleness = 0.0

    def __init__(self, world: World) -> None:
        self.world = world

    def read(self, name: str) -> Workload:
        asked = self.world.deployments.get(name)
        if asked is None:
            raise Missing(f"there is no Deployment {name}")
        ready = sum(pod.image == asked.image and self.world.is_ready(pod) for pod in asked.pods)
        return Workload(
            name,
            asked.image,
            asked.replicas,
            ready,
            str(asked.version),
            pods=tuple(pod.name for pod in asked.pods),
            ending=sum(pod.ending is not None for pod in asked.pods),
            updated=sum(pod.image == asked.image and pod.ending is None for pod in asked.pods),
            available=ready,
            others=sum(pod.image != asked.image and pod.ending is None for pod in asked.pods),
            trouble=self._trouble(name, asked),
            digest=_common_build(asked),
        )

    def read_now(self, name: str) -> Workload:
        return self.read(name)

    def _trouble(self, name: str, asked: Deployment) -> Trouble | None:
        if asked.replicas and unknown(asked.image):
            return Trouble(f"{name}: image {asked.image} cannot be had", TroubleKind.FINAL)
        crashed = [
            pod
            for pod in asked.pods
            if pod.image == asked.image and pod.image.endswith("-crash") and self.world.time >= pod.born + 1.0
        ]
        if not crashed:
            return None
        return Trouble(f"{crashed[0].name}: exited 1 three times", TroubleKind.RETRIED)

    def logs(self, name: str, lines: int = 20) -> str:
        return f"last words of {name}"


class MemoryWorkloadWriter:
    """ports.WorkloadWriter on the same Deployments."""

    def __init__(self, world: World) -> None:
        self.world, self.reader = world, MemoryWorkloadReader(world)

    def change(self, expected: Workload, *, image: str | None = None, replicas: int | None = None) -> Workload:
        world, name = self.world, expected.name
        world.burn(f"before change {name} {image} {replicas}")
        with world.lock:
            asked = world.deployments[name]
            if str(asked.version) != expected.version:
                raise StaleWrite(f"{name} was changed meanwhile")
            asked.image = image or asked.image
            asked.replicas = asked.replicas if replicas is None else replicas
            asked.version += 1
            asked.since = world.time
            world.reconcile(name)
            changed = self.reader.read(name)
        world.look()
        world.burn(f"after change {name}")
        return changed


def _common_build(asked: Deployment) -> str:
    """The digest that all its Pods run; empty when they differ."""
    builds = {pod.build for pod in asked.pods if pod.ending is None}
    return builds.pop() if len(builds) == 1 else ""


class MemoryRouteStore:
    """ports.RouteStore."""

    watch_delay = 1.0

    def __init__(self, world: World) -> None:
        self.world = world

    def read(self) -> VersionedFiles:
        return VersionedFiles(self.world.published[-1][1], str(self.world.store_version))

    def write(self, files: Files, expected: VersionedFiles) -> VersionedFiles:
        world = self.world
        world.burn("before write " + (", ".join(file.name for file in files) or "nothing"))
        with world.lock:
            if str(world.store_version) != expected.version:
                raise StaleWrite("the routes were changed meanwhile")
            texts = {file.name: file for file in world.published[-1][1]}
            for file in files:
                if file.name not in texts:
                    raise EnvironmentFailed(f"the gateway has no file {file.name}")
                texts[file.name] = file
            world.published.append((world.time, tuple(texts.values())))
            world.store_version += 1
            written = self.read()
        world.look()
        world.burn("after write")
        return written

    def announce(self) -> None:
        """Nothing: the replicas look by themselves."""


class MemoryGateway:
    """ports.Replicas, ports.Prober and ports.Readback of the toy product."""

    removal_delay = 5.0
    endpoint_delay = 20.0
    staleness = 0.0

    def __init__(self, world: World) -> None:
        self.world = world

    def list(self) -> tuple[Replica, ...]:
        names = [f"gw-{index}" for index in range(len(self.world.lags)) if f"gw-{index}" not in self.world.gone]
        return tuple(self._replica(name) for name in names)

    def _replica(self, name: str) -> Replica:
        is_up, identity = name not in self.world.down, f"{name} since {self.world.started.get(name, 0.0):g}"
        return Replica(name, f"{name}:8000", f"{name}:9901", is_up, "held down", identity)

    def list_now(self) -> tuple[Replica, ...]:
        return self.list()

    def ask(self, replica: Replica, probe: Probe) -> Answer:
        if replica.name in self.world.down | self.world.gone:
            return Answer(0, {}, error="connection refused")
        return self.world.answer(int(replica.name.removeprefix("gw-")), probe)

    def rule_of(self, replica: Replica, rule: CanaryRule) -> RuleProof:
        if replica.name in self.world.down:
            raise Transient(f"{replica.name} does not answer")
        return proof_of(self.world.live(int(replica.name.removeprefix("gw-"))), rule, stamps=self.world.stamps)

    def upstream_ready(self, replica: Replica, upstream: str) -> UpstreamProof:
        known = upstream in self.world.deployments
        detail = "" if known else f"{upstream} is unknown"
        return UpstreamProof(asked=True, endpoints=int(known), detail=detail, known=known)

    def in_flight(self, replica: Replica, upstream: str) -> int | None:
        return 1 if self.world.time < self.world.in_flight_until else 0


class MemoryJournal:
    """ports.Journal; dies before or after a write like everything else."""

    staleness = 0.0

    def __init__(self, world: World) -> None:
        self.world = world

    def load(self, app: str) -> Record | None:
        return self.world.records.get(app)

    def save(self, app: str, release: Release, expected: int) -> Record:
        world = self.world
        world.burn(f"before journal {release.phase}")
        with world.lock:
            current = world.records.get(app)
            if (current.version if current else 0) != expected:
                raise StaleWrite(f"the journal of {app} was moved on")
            record = Record(release, expected + 1)
            world.records[app] = record
        if release.ended:
            older = [one for one in world.ended.get(app, []) if one.id != release.id]
            world.ended[app] = [release, *older]
        world.burn(f"after journal {release.phase}")
        return record

    def has_moved(self, app: str, version: int) -> bool:
        record = self.load(app)
        return record is None or record.version != version

    def history(self, app: str) -> tuple[Release, ...]:
        return tuple(self.world.ended.get(app, ()))[:KEPT]


class MemoryLeases:
    """ports.Leases; a holder whose pid is in `world.dead` is provably gone."""

    safe_time = TTL

    def __init__(self, world: World) -> None:
        self.world = world

    def acquire(self, app: str, holder: Holder) -> None:
        self._take(app, holder)

    def renew(self, app: str, holder: Holder) -> None:
        self._take(app, holder)

    def _take(self, app: str, holder: Holder) -> None:
        held = self.holder(app)
        if held and held != holder:
            raise Busy(f"{app} is held by {held}")
        self.world.holders[app] = holder
        self.world.heard[app] = self.world.wall()

    def release(self, app: str, holder: Holder) -> None:
        if self.world.holders.get(app) == holder:
            del self.world.holders[app]

    def holder(self, app: str) -> Holder | None:
        held = self.world.holders.get(app)
        gone = held is not None and (held.pid in self.world.dead or self.world.wall() > self.world.heard[app] + TTL)
        return None if gone else held


class MemoryTurns:
    """ports.Turns of a world; its tickets age by `clock`, where that is not the world's own."""

    def __init__(self, world: World, clock: Clock | None = None) -> None:
        self.world, self.clock = world, clock or world

    def has_line(self) -> bool:
        return bool(self.world.line.alive(self.clock.now()).tickets)

    def place(self, app: str, release: str) -> int:
        with self.world.lock:
            now = self.clock.now()
            self.world.line = self.world.line.alive(now).stand(app, release, now)
            return self.world.line.place(release)

    def leave(self, release: str) -> None:
        with self.world.lock:
            self.world.line = self.world.line.leave(release)


class MemoryEvidence:
    """ports.Evidence."""

    def __init__(self, world: World) -> None:
        self.world = world

    def put(self, release: str, name: str, text: str) -> None:
        self.world.documents[release, name] = text

    def get(self, release: str, name: str) -> str | None:
        return self.world.documents.get((release, name))

    def names(self, release: str) -> tuple[str, ...]:
        return tuple(sorted(name for owner, name in self.world.documents if owner == release))

    def folder(self, release: str) -> str:
        return f"/evidence/{release}"


@dataclass
class Silent:
    """ports.ProgressListener that remembers."""

    lines: list[str] = field(default_factory=list)

    def started(self, step: str) -> None:
        self.lines.append(f"… {step}")

    def progress(self, step: str, text: str) -> None:
        self.lines.append(f"  {step}: {text}")

    def ended(self, step: str, mark: str, text: str, seconds: float) -> None:
        self.lines.append(f"{mark} {step}: {text}")
