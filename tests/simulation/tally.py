"""What happened in schedules: counts of everything worth counting, and the steps of one when they are wanted."""

from collections import Counter
from dataclasses import dataclass, field

from gatewayctl.domain.errors import ExitCode
from gatewayctl.domain.release import Outcome, Phase
from tests.simulation.faults import Fault, WorldEvent
from tests.simulation.troubles import OFF, Trouble

_NEVER = (ExitCode.BUG,)
_EXPECTED = (
    *(f"fault: {fault}" for fault in Fault),
    *(f"turn: {turn}" for turn in WorldEvent),
    *(f"trouble: {trouble}" for trouble in Trouble if trouble not in OFF),
    "requests refused while the API is away",
    *(f"outcome: {outcome}" for outcome in Outcome if outcome is not Outcome.OPEN),
    *(f"exit {int(code)}" for code in ExitCode if code not in _NEVER),
    *(f"died in {phase}" for phase in Phase),
    *(f"command: {name}" for name in ("release", "smoke", "promote", "abort", "resume", "ramp", "pause", "skip")),
    *("steered: pause", "steered: skip", "a source of signals said nothing"),
    *(f"last {name}" for name in ("promote", "abort", "resume")),
    *(f"outsider: {what} routes" for what in ("edit", "overwrite", "revert")),
    *("outsider: gives a canary an image", "outsider: gives stable an image"),
    *("edits started over by a person", "rules disturbed by outsiders", "taken up by the person on call"),
    *(
        "takeovers",
        "stood in line",
        "objects written one after the other",
        "refused: another gateway",
        "waited in line",
        "late writes refused",
        "late writes that took effect",
        "swept: expired release",
    ),
)


@dataclass(slots=True)
class Tally:
    """`steps` is None where they are not wanted: to keep them takes longer than to play the schedule."""

    counts: Counter[str] = field(default_factory=Counter)
    steps: list[str] | None = None
    step_count: int = 0

    def add(self, what: str, times: int = 1) -> None:
        """Count it."""
        self.counts[what] += times

    def step(self, time: float, who: str, effect: str, what: str) -> None:
        """One call of one process, or one event of the world."""
        if self.steps is not None:
            self.steps.append(f"{time:9.3f}  {who:<18} {effect}{'  ' + what if what else ''}")

    def find_missing(self) -> list[str]:
        """What did not happen. In a thousand schedules all of it must: otherwise they prove too little."""
        return [what for what in _EXPECTED if not self.counts[what]]
