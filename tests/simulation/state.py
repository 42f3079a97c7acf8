"""What all processes of a schedule share."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gatewayctl.domain.release import Phase
from tests.fakes.world import Killed
from tests.simulation.draws import Draws
from tests.simulation.fences import Violation
from tests.simulation.observer import Observer
from tests.simulation.tally import Tally
from tests.simulation.world import SimWorld

if TYPE_CHECKING:
    from tests.simulation.process import Process

Start = float | tuple[str, Phase, float]  # a time, or so many seconds after a release of an application enters a phase


@dataclass(slots=True)
class ScheduleState:
    """What all processes of a schedule share. `seen` holds the last different answers to each read, for stale views."""

    world: SimWorld
    observer: Observer
    draws: Draws
    tally: Tally
    seen: dict[str, deque[object]] = field(default_factory=dict)
    processes: "list[Process]" = field(default_factory=list)
    broken: Violation | None = None

    def at(self, cue: Start, act: Callable[[], object]) -> None:
        """Let it happen when it is time, or when a release comes that far."""
        if isinstance(cue, float):
            self.world.loop.at(cue, act)
        else:
            app, phase, delay = cue
            self.observer.starts.setdefault((app, phase), []).append((delay, act))

    def look(self) -> None:
        """The observer's look, if something changed."""
        if not self.world.dirty or self.broken:
            return
        try:
            self.observer.check_now()
        except Violation as found:
            raise self.stop(found) from found

    def stop(self, found: Violation) -> Killed:
        """An invariant does not hold: nobody does anything any more."""
        if self.broken is None:
            self.broken = found
            self.tally.step(self.world.time, "the observer", "", f"✗ {found}")
        self.world.loop.halted = True
        for process in self.processes:
            process.dead = True
        return Killed(str(found))
