"""The gateway's replicas, and how they were listed at any moment: a list may be late."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from gatewayctl.domain.platform import Replica

_KEPT = 20  # lists; more do not come about in the seconds by which one may be late


@dataclass(slots=True)
class Gate:
    """One gateway replica. `applied` numbers the files by which it answers, `configured` those that it shows.

    `started` is when its process started, `serving_since` when it last began to serve, `newest_at_start` the newest
    version when it did. `started_old` says that it started with an older one: until it has a newer one than
    `newest_at_start`, no release is to blame for what it runs. By canary: `rule_gone_at` is when its rule went away
    here, `last_answer_at` when the last request to it ends, and `rule_version` the version of the files with that rule.
    `asked` counts the requests that it was sent: of each hundred in a row, as many as its share says go to the canary.
    """

    name: str
    applied: int
    lag: float
    up: bool = True
    started: float = -1000.0
    serving_since: float = -1000.0
    newest_at_start: int = 0
    down_since: float = math.inf
    configured: int = 0
    rule_gone_at: dict[str, float] = field(default_factory=dict)
    last_answer_at: dict[str, float] = field(default_factory=dict)
    rule_version: dict[str, int] = field(default_factory=dict)
    started_old: bool = False
    asked: int = 0

    @property
    def is_stale(self) -> bool:
        """Whether it started with files that were old by then, and has not got beyond that."""
        return self.started_old and self.applied <= self.newest_at_start


class Listings:
    """The replicas as they were listed since each moment at which that changed."""

    def __init__(self) -> None:
        self._known: list[tuple[float, tuple[Replica, ...]]] = []

    def note(self, time: float, gates: Iterable[Gate]) -> None:
        """From now on they are listed like this."""
        self._known = [*self._known[-_KEPT:], (time, tuple(map(_listed, gates)))]

    def at(self, moment: float) -> tuple[Replica, ...]:
        """All replicas as they were at that moment."""
        return next((found for when, found in reversed(self._known) if when <= moment), self._known[0][1])


def _listed(gate: Gate) -> Replica:
    note, identity = "" if gate.up else "not ready", f"{gate.name} since {gate.started:g}"
    return Replica(gate.name, f"{gate.name}:8000", f"{gate.name}:9901", gate.up, note, identity)
