"""What a release does while something that it needs is away: it waits, says for what and since when, and tries again.

Steps are idempotent, so a whole step is repeated. How long that goes on depends on what is at stake: on the way in a
release that is given up costs work; on the way out it leaves a rule that sends to a canary nobody looks after.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from gatewayctl.domain.errors import EnvironmentFailed, Transient
from gatewayctl.domain.lifecycle import WAY_OUT
from gatewayctl.domain.release import Phase
from gatewayctl.ports import Clock
from gatewayctl.waiting import Backoff, pause

WAY_IN_SECONDS = 300.0
"""A control plane that is upgraded, or a node that is replaced, is back within that. Else the release fails."""

WAY_OUT_SECONDS = 3600.0
"""Nothing is left to go back to: for an hour, as long as a person needs to be called and to come. The wait ends earlier
when another process takes the release over."""

_FIRST, _LONGEST = 1.0, 5.0  # seconds; the longest pause after the first fault, and after any: an abort is heard then
_CALM = 60.0  # seconds of work after which a fault is a new trouble, and no longer the same one


def patience_of(phase: Phase) -> float:
    """Seconds for which a step of this phase is tried again."""
    return WAY_OUT_SECONDS if phase in WAY_OUT else WAY_IN_SECONDS


def retry_pauses(seed: str) -> Backoff:
    """The pauses between two tries; `seed` is another one for each release."""
    return Backoff(seed, _FIRST, _LONGEST)


@dataclass(slots=True)
class Outage:
    """Transient faults of one step, which may follow each other. `tell` shows a text to a person.

    `since` is when the trouble began, in monotonic seconds; None while there is none.
    """

    clock: Clock
    tell: Callable[[str], None]
    seed: str
    within: float
    since: float | None = field(default=None, init=False)
    tries: int = field(default=0, init=False)

    def wait(self, fault: Transient, begun: float, verify: Callable[[], None]) -> None:
        """Return when the step that was `begun` then should be repeated: after a pause, and once `verify` succeeds.

        Raises EnvironmentFailed when the trouble has lasted too long, and what `verify` raises, except Transient.
        """
        start = self.clock.now() - fault.lasted
        if self.since is None or start - begun > _CALM:
            self.since, self.tries = start, 0
        while True:
            self._pause(fault, self.since)
            try:
                verify()
            except Transient as again:
                fault = again
            else:
                return

    def _pause(self, fault: Transient, since: float) -> None:
        lasted = self.clock.now() - since
        if lasted >= self.within:
            raise EnvironmentFailed(f"{fault}; tried again for {lasted:.0f} s", hint=fault.hint) from fault
        self.tries += 1
        self.tell(f"waiting for {lasted:.0f} s, trying again: {fault}")
        pause(retry_pauses(self.seed).pause(self.tries), self.clock)
