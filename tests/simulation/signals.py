"""What a source says of both versions in the simulated world: both are good, and sometimes nobody says anything."""

from gatewayctl.domain.judge.settings import ERRORS, Settings
from gatewayctl.domain.ramp import Judging, Undecided
from gatewayctl.domain.release import Release
from gatewayctl.domain.signals import Counters, Snapshot, Version
from tests.simulation.process import Process
from tests.simulation.reasons import LASTING
from tests.simulation.troubles import Trouble

NAME = "simulated"
_PER_SECOND = 5000.0  # requests to each version: enough to decide within some seconds
_EVERY = 2.0  # seconds between two reads


def judging(undecided: Undecided) -> Judging:
    """A judge of errors alone, who is patient for some seconds."""
    return Judging(NAME, Settings(signals=(ERRORS,), observe=2.0, warm_up=0.0), undecided, patience=40.0)


class SimSignals:
    """ports.SignalSource: no request of either version fails."""

    name, every = NAME, _EVERY

    def __init__(self, process: Process) -> None:
        self.process = process

    def read(self, release: Release) -> Snapshot:
        world, state = self.process.world, self.process.state
        if world.conditions.lasts(Trouble.SILENT):
            state.observer.judge.note_event(LASTING)
            state.tally.add("a source of signals said nothing")
            return Snapshot(self.process.wall(), faults=("the source does not answer",))
        counted = Counters(round(_PER_SECOND * (world.time + 1000.0)), 0.0)
        return Snapshot(self.process.wall(), {("gw", version): counted for version in Version})
