"""A cluster and a gateway in memory, on a virtual clock: every port, every delay, and a fuse to die at any write.

The invariants are looked at whenever anything is written and whenever time passes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock

from gatewayctl.domain.errors import Busy, EnvironmentFailed, Missing, StaleWrite
from gatewayctl.domain.evidence import Answer
from gatewayctl.domain.platform import ConfigProof, Holder, Probe, Replica, VersionedFiles, Workload
from gatewayctl.domain.release import Record, Release
from gatewayctl.domain.routing import STAMP_HEADER, CanaryRule, Files, SourceFile
from tests.fakes.toy import ToyRoute, parse

ROUTES = "# the team's routes\n/api/orders -> orders\n/api/orders-admin -> orders\n/api/payments -> payments\n"


KEPT, TTL = 20, 60.0  # ended releases in history; seconds a silent holder keeps a lease


class Killed(BaseException):
    """The process died here."""


class Broken(AssertionError):
    """An invariant does not hold."""


@dataclass
class Pod:
    """One pod; `ending` is when it was told to stop."""

    name: str
    image: str
    born: float
    ending: float | None = None


@dataclass
class Deployment:
    """What was asked for, and the pods there are."""

    image: str
    replicas: int
    version: int = 1
    since: float = -1000.0
    pods: list[Pod] = field(default_factory=list)


@dataclass
class World:
    """Everything outside gatewayctl. Delays in seconds; `fuse` counts writes until death, -1 is immortal."""

    ready_delay: float = 2.0
    stop_delay: float = 1.0
    lags: tuple[float, ...] = (0.2, 0.9)
    time: float = 0.0
    fuse: int = -1
    writes: int = 0
    standing: bool = False
    deployments: dict[str, Deployment] = field(default_factory=dict)
    published: list[tuple[float, Files]] = field(default_factory=list)
    store_version: int = 1
    down: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)  # Services that somebody took away
    records: dict[str, Record] = field(default_factory=dict)
    ended: dict[str, list[Release]] = field(default_factory=dict)
    holders: dict[str, Holder] = field(default_factory=dict)
    heard: dict[str, float] = field(default_factory=dict)
    dead: set[int] = field(default_factory=set)
    documents: dict[tuple[str, str], str] = field(default_factory=dict)
    in_flight_until: float = 0.0
    log: list[str] = field(default_factory=list)
    born: int = 0
    lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        for app in ("orders", "payments"):
            image = f"shop/{app}:1.0"
            pods = [Pod(f"{app}-{number}", image, -1000.0) for number in ("a", "b")]
            self.deployments.setdefault(app, Deployment(image, 2, pods=pods))
            self.deployments.setdefault(f"{app}-canary", Deployment(image, 0))
        if not self.published:
            self.published.append((-1000.0, (SourceFile("routes.txt", ROUTES),)))

    # -- time, and death ------------------------------------------------------------------------------------------

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        return 1_700_000_000.0 + self.time

    def sleep(self, seconds: float) -> None:
        steps = max(1, round(seconds / 0.1))
        for _ in range(steps):
            self.time += seconds / steps
            for name in self.deployments:
                self.reconcile(name)
            self.look()

    def burn(self, what: str) -> None:
        """A point at which the process may die."""
        self.writes += 1
        self.log.append(what)
        if self.fuse >= 0 and self.writes > self.fuse:
            raise Killed(what)

    # -- invariants -----------------------------------------------------------------------------------------------

    def look(self) -> None:
        """I1, I3 and I9 as they are this instant, seen from outside."""
        for index in (index for index in range(len(self.lags)) if f"gw-{index}" not in self.down):
            unmarked = self.answer(index, Probe("shop", "/api/orders"))
            if "canary" in unmarked.headers.get("x-served-by", ""):
                raise Broken(f"I1: unmarked traffic reached {unmarked.headers['x-served-by']}")
            if self.standing:
                continue
            for route in self.live(index):
                if route.name and route.to not in self.lost and self.ready(route.to) < 1:
                    raise Broken(f"I3: gw-{index} routes to {route.to}, which is not ready, at {self.time:.1f}")
        if self.deployments["orders"].replicas != 2:
            raise Broken("I9: stable's replicas were changed")

    # -- Deployments ----------------------------------------------------------------------------------------------

    def is_ready(self, pod: Pod) -> bool:
        """Whether a pod takes requests."""
        good = not pod.image.endswith(("-crash", "-unready"))
        return good and pod.ending is None and self.time >= pod.born + self.ready_delay

    def ready(self, name: str) -> int:
        """How many pods answer now, of whatever image."""
        return sum(self.is_ready(pod) for pod in self.deployments[name].pods)

    def reconcile(self, name: str) -> None:
        """Maximal surge one, nothing unavailable; an image that cannot be had gets no pod that runs."""
        asked = self.deployments[name]
        asked.pods = [pod for pod in asked.pods if pod.ending is None or self.time < pod.ending + self.stop_delay]
        staying = [pod for pod in asked.pods if pod.ending is None]
        new = [pod for pod in staying if pod.image == asked.image]
        old = [pod for pod in staying if pod.image != asked.image]
        if len(new) < asked.replicas and len(staying) <= asked.replicas and not unknown(asked.image):
            self.born += 1
            asked.pods.append(Pod(f"{name}-{self.born:05x}", asked.image, self.time))
        spare = self.ready(name) - asked.replicas
        for pod in (*old, *new):
            if not self.is_ready(pod) and pod in old:
                pod.ending = self.time
            elif spare > 0 or (pod in new and len(new) > asked.replicas):
                pod.ending = self.time
                spare -= 1
                new = [one for one in new if one is not pod]

    # -- the gateway ----------------------------------------------------------------------------------------------

    def live(self, index: int) -> list[ToyRoute]:
        """What replica `index` runs now: like a kubelet it comes `lag` after a write and takes what is newest."""
        came = max(since + self.lags[index] for since, _ in self.published if since + self.lags[index] <= self.time)
        newest = [files for since, files in self.published if since <= came][-1]
        return [route for file in newest for _, route in parse(file)]

    def answer(self, index: int, probe: Probe) -> Answer:
        """How replica `index` answers."""
        return self.reply(self.live(index), probe)

    def reply(self, routes: Iterable[ToyRoute], probe: Probe) -> Answer:
        """How a replica that runs `routes` answers: the first route that matches decides."""
        for route in routes:
            values = [value for name, value in probe.headers if name == route.header]
            if probe.path.startswith(route.path) and (not route.header or route.value in values):
                stamp = {STAMP_HEADER: route.stamp} if route.stamp else {}
                pods = () if route.to in self.lost else self.deployments[route.to].pods
                pod = next((pod for pod in pods if self.is_ready(pod)), None)
                if pod is None:
                    return Answer(503, stamp, "no healthy upstream")
                return Answer(200, {**stamp, "x-served-by": pod.name})
        return Answer(404, {})


def unknown(image: str) -> bool:
    """An image that no registry has."""
    return image.endswith(":0.0")


class MemoryWorkloads:
    """ports.Workloads; `lag` is set by tests that are about it."""

    lag = 0.0

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
            settled=ready == asked.replicas == len(asked.pods),
            trouble=self._trouble(name, asked),
        )

    def _trouble(self, name: str, asked: Deployment) -> str:
        if asked.replicas and unknown(asked.image):
            return f"{name}: image {asked.image} cannot be had"
        crashed = [
            pod
            for pod in asked.pods
            if pod.image == asked.image and pod.image.endswith("-crash") and self.world.time >= pod.born + 1.0
        ]
        return f"{crashed[0].name}: exited 1 three times" if crashed else ""

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
            changed = self.read(name)
        world.look()
        world.burn(f"after change {name}")
        return changed

    def logs(self, name: str, lines: int = 20) -> str:
        return f"last words of {name}"


class MemoryRouteStore:
    """ports.RouteStore."""

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


class MemoryGateway:
    """ports.Replicas, ports.Prober and ports.Readback of the toy product."""

    def __init__(self, world: World) -> None:
        self.world = world

    def list(self) -> tuple[Replica, ...]:
        names = [f"gw-{index}" for index in range(len(self.world.lags)) if f"gw-{index}" not in self.world.gone]
        return tuple(
            Replica(name, f"{name}:8000", f"{name}:9901", name not in self.world.down, "held down") for name in names
        )

    def ask(self, replica: Replica, probe: Probe) -> Answer:
        if replica.name in self.world.down | self.world.gone:
            return Answer(0, {}, error="connection refused")
        return self.world.answer(int(replica.name.removeprefix("gw-")), probe)

    def rule_of(self, replica: Replica, rule: CanaryRule) -> ConfigProof:
        if replica.name in self.world.down:
            raise EnvironmentFailed(f"{replica.name} does not answer")
        ours = [route for route in self.world.live(int(replica.name.removeprefix("gw-"))) if route.name == rule.name]
        same = [
            route
            for route in ours
            if (route.header, route.value, route.stamp) == (rule.header.name, rule.header.value, rule.stamp)
        ]
        return ConfigProof(asked=True, routes=len(same), mismatched=len(ours) - len(same))

    def upstream_ready(self, replica: Replica, upstream: str) -> ConfigProof:
        known = upstream in self.world.deployments
        detail = "" if known else f"{upstream} is unknown"
        return ConfigProof(asked=True, routes=int(known), detail=detail, known=known)

    def in_flight(self, replica: Replica, upstream: str) -> int | None:
        return 1 if self.world.time < self.world.in_flight_until else 0


class MemoryJournal:
    """ports.Journal; dies before or after a write like everything else."""

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

    def moved(self, app: str, version: int) -> bool:
        record = self.load(app)
        return record is None or record.version != version

    def history(self, app: str) -> tuple[Release, ...]:
        return tuple(self.world.ended.get(app, ()))[:KEPT]


class MemoryLeases:
    """ports.Leases; a holder whose pid is in `world.dead` is provably gone."""

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
