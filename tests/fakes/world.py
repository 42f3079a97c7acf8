"""A cluster and a gateway in memory, on a virtual clock: every port, every delay, and a fuse to die at any write.

The invariants are looked at whenever anything is written and whenever time passes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock

from gatewayctl.domain.evidence import Answer
from gatewayctl.domain.platform import Holder, Probe
from gatewayctl.domain.release import Record, Release
from gatewayctl.domain.routing import STAMP_HEADER, Files, SourceFile
from gatewayctl.domain.turns import Line
from tests.fakes.toy import ToyRoute, parse

ROUTES = "# the team's routes\n/api/orders -> orders\n/api/orders-admin -> orders\n/api/payments -> payments\n"


class Killed(BaseException):
    """The process died here."""


class Broken(AssertionError):
    """An invariant does not hold."""


@dataclass
class Pod:
    """One pod; `ending` is when it was told to stop, `build` the digest of what it runs, if known."""

    name: str
    image: str
    born: float
    ending: float | None = None
    build: str = ""


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
    """Everything outside gatewayctl. Delays in seconds; `fuse` counts writes until death, -1 is immortal.

    `stamps` says whether its gateway can stamp answers, `builds` which digest a tag names at present.
    """

    ready_delay: float = 2.0
    stop_delay: float = 1.0
    lags: tuple[float, ...] = (0.2, 0.9)
    time: float = 0.0
    fuse: int = -1
    writes: int = 0
    standing: bool = False
    stamps: bool = True
    deployments: dict[str, Deployment] = field(default_factory=dict)
    published: list[tuple[float, Files]] = field(default_factory=list)
    store_version: int = 1
    down: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    started: dict[str, float] = field(default_factory=dict)  # when a replica that was down was last down
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
    line: Line = field(default_factory=Line)
    builds: dict[str, str] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)
    asked: int = 0

    def __post_init__(self) -> None:
        for app in ("orders", "payments"):
            image = f"shop/{app}:1.0"
            pods = [Pod(f"{app}-{number}", image, -1000.0) for number in ("1", "2")]
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
            self.started |= dict.fromkeys(self.down, self.time)
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
            self._look_for_unmarked(index)
            if self.standing:
                continue
            for route in self.live(index):
                if route.name and route.to not in self.lost and self.ready(route.to) < 1:
                    raise Broken(f"I3: gw-{index} routes to {route.to}, which is not ready, at {self.time:.1f}")
        if self.deployments["orders"].replicas != 2:
            raise Broken("I9: stable's replicas were changed")

    def _look_for_unmarked(self, index: int) -> None:
        """I1: unmarked requests reach the canary only in the share that the journal says."""
        journaled = self.records["orders"].release.share if "orders" in self.records else 0
        for route in self.live(index):
            if route.share and int(route.share) > journaled:
                raise Broken(f"I1: gw-{index} sends {route.share} % to {route.to}, the journal says {journaled} %")
        unmarked = self.answer(index, Probe("shop", "/api/orders"))
        if "canary" in unmarked.headers.get("x-served-by", "") and not journaled:
            raise Broken(f"I1: unmarked traffic reached {unmarked.headers['x-served-by']}")

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
            build = self.builds.get(asked.image, "")
            asked.pods.append(Pod(f"{name}-{self.born:05x}", asked.image, self.time, build=build))
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
        self.asked += 1
        for route in routes:
            values = [value for name, value in probe.headers if name == route.header]
            is_asked = route.value in values if route.header else self._is_in_share(route)
            if probe.path.startswith(route.path) and is_asked:
                stamp = {STAMP_HEADER: route.stamp} if route.stamp else {}
                pods = () if route.to in self.lost else self.deployments[route.to].pods
                pod = next((pod for pod in pods if self.is_ready(pod)), None)
                if pod is None:
                    return Answer(503, stamp, "no healthy upstream")
                return Answer(200, {**stamp, "x-served-by": pod.name})
        return Answer(404, {})

    def _is_in_share(self, route: ToyRoute) -> bool:
        """Whether a route takes this request: all of them, or as many of each hundred as its share says."""
        return not route.share or self.asked * 37 % 100 < int(route.share)


def unknown(image: str) -> bool:
    """An image that no registry has."""
    return image.endswith(":0.0")
