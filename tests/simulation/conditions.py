"""The troubles of a seed at work: when the API is away, the disk full, a replica silent; what readers are told."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gatewayctl.domain.errors import EnvironmentFailed, Transient
from gatewayctl.domain.platform import Trouble, TroubleKind, Workload
from tests.simulation.faults import Kind
from tests.simulation.troubles import Trouble as WorldTrouble

if TYPE_CHECKING:
    from tests.simulation.world import SimWorld

MOVED_LAG = 5.0  # seconds by which the word that a journal has moved may be late
LIST_LAG = 2.0  # seconds by which a list of the gateway's replicas may be late
READ_LAG = 2.0  # seconds by which a read of a Deployment may be late
# These begin at some moment, and end.
TIMED = (WorldTrouble.OUTAGE, WorldTrouble.FULL_DISK, WorldTrouble.HANGING, WorldTrouble.SILENT)
SECONDS: dict[WorldTrouble, tuple[float, ...]] = {
    WorldTrouble.OUTAGE: (2.0, 8.0, 15.0),
    WorldTrouble.FULL_DISK: (5.0, 30.0, 1000.0),
    WorldTrouble.SILENT: (5.0, 30.0, 100.0),
    WorldTrouble.HANGING: (2.0, 4.0, 8.0),  # well below `live`, the 20 s in which each replica has to answer
}
_TRAFFIC = (Kind.ASK,)  # what does not go through the API server


@dataclass(slots=True)
class Conditions:
    """What troubles a world now. Times in seconds; `until` is when each trouble ends."""

    world: "SimWorld"
    until: dict[WorldTrouble, float] = field(default_factory=dict)
    _moves: dict[str, list[tuple[float, int]]] = field(default_factory=lambda: defaultdict(list))
    _reads: dict[str, list[tuple[float, Workload]]] = field(default_factory=lambda: defaultdict(list))

    def begin(self, trouble: WorldTrouble, seconds: float) -> None:
        """It begins now."""
        self.until[trouble] = self.world.time + seconds

    def lasts(self, trouble: WorldTrouble) -> bool:
        """Whether there is this trouble now."""
        return self.world.time < self.until.get(trouble, 0.0) and not self.world.plan.quiet

    def check_api(self, kind: Kind, effect: str) -> None:
        """Raises Transient while the API is away: for every process, and for every kind of object."""
        if kind not in _TRAFFIC and self.lasts(WorldTrouble.OUTAGE):
            raise Transient(f"{effect}: connection refused")

    def check_disk(self, name: str) -> None:
        """Raises EnvironmentFailed while evidence cannot be written."""
        if self.lasts(WorldTrouble.FULL_DISK):
            raise EnvironmentFailed(f"{name}: no space left on device")

    # -- what is known late ---------------------------------------------------------------------------------------

    def note_move(self, app: str, version: int) -> None:
        """A journal is at another version from now on."""
        self._moves[app].append((self.world.time, version))

    def known_move(self, app: str) -> int:
        """The newest version of a journal that everybody has been told of."""
        moment = self.world.time - self.world.plan.moved_lag
        return max((version for when, version in self._moves[app] if when <= moment), default=0)

    def read_late(self, name: str, read: Callable[[], Workload]) -> Workload:
        """A Deployment as it is, or as somebody saw it a moment ago."""
        now = read()
        seen = self._reads[name]
        seen.append((self.world.time, now))
        lag = READ_LAG * self.world.draws.number(f"{name} / how late it is read")
        late = [one for when, one in seen if when <= self.world.time - lag]
        del seen[:-20]
        return late[-1] if late and late[-1].version == now.version else now

    def tell(self, found: Workload) -> Workload:
        """What the platform says of a Deployment, beyond what it is."""
        world = self.world
        deployment = world.deployments[found.name]
        ghosts = tuple(pod.name for pod in deployment.pods if pod.name in world.ghosts)
        available = sum(world.is_available(pod) and pod.image == found.image for pod in deployment.pods)
        found = replace(
            found,
            pods=tuple(name for name in found.pods if name not in ghosts),
            ending=found.ending - len(ghosts),
            ghosts=ghosts,
            available=available,
        )
        if any(world.time < world.no_node_until.get(pod.name, 0.0) for pod in deployment.pods):
            detail = f"{found.name}: 0/3 nodes are available: insufficient cpu"
            return replace(found, trouble=Trouble(detail, TroubleKind.PASSING))
        return found
