"""What a release does while something that it needs is away: it waits, says for what and since when, and tries again.

Steps are idempotent, so a whole step is repeated. How long that goes on depends on what is at stake: on the way in a
release that is given up costs work; on the way out it leaves a rule that sends to a canary nobody looks after.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from gatewayctl.domain.errors import Disturbed, EnvironmentFailed, Transient
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
_RUNS = 3  # runs of a suite or a load; where each is disturbed, the next one would be, too


def patience_of(phase: Phase) -> float:
    """Seconds for which a step of this phase is tried again."""
    return WAY_OUT_SECONDS if phase in WAY_OUT else WAY_IN_SECONDS


def retry_pauses(seed: str) -> Backoff:
    """The pauses between two tries; `seed` is another one for each release."""
    return Backoff(seed, _FIRST, _LONGEST)


@dataclass(slots=True)
class Outage:
    """Transient faults of one step. `tell` shows a text to a person.

    All of them are one trouble: a step that takes long before it fails has not come further for that. `since` is when
    it began, in monotonic seconds; None while there is none. `disturbed` counts the runs that proved nothing.
    """

    clock: Clock
    tell: Callable[[str], None]
    seed: str
    within: float
    since: float | None = field(default=None, init=False)
    tries: int = field(default=0, init=False)
    disturbed: int = field(default=0, init=False)

    def wait(self, fault: Transient, verify: Callable[[], None]) -> None:
        """Return when the step should be repeated: after a pause, and once `verify` succeeds.

        Raises EnvironmentFailed when the trouble has lasted too long, and what `verify` raises, except Transient.
        """
        since = self._begin(fault)
        while True:
            self._pause(fault, since)
            try:
                verify()
            except Transient as again:
                fault = again
            else:
                return

    def _begin(self, fault: Transient) -> float:
        """When the trouble began. Raises EnvironmentFailed when too many runs were disturbed."""
        now = self.clock.now()
        if isinstance(fault, Disturbed):
            self.disturbed += 1
            if self.disturbed >= _RUNS:
                raise EnvironmentFailed(f"{fault}; so it was in all of {self.disturbed} runs", hint=fault.hint)
            return now
        if self.since is None:
            self.since = now - fault.lasted
        return self.since

    def _pause(self, fault: Transient, since: float) -> None:
        lasted = self.clock.now() - since
        if lasted >= self.within:
            raise EnvironmentFailed(f"{fault}; tried again for {lasted:.0f} s", hint=fault.hint) from fault
        self.tries += 1
        self.tell(f"waiting for {lasted:.0f} s, trying again: {fault}")
        pause(retry_pauses(self.seed).pause(self.tries), self.clock)
