"""Whether the canary stands: ready, with the release's image, and long enough for every node to send to it.

One look at which its Pod is not ready is no verdict: a probe that took too long on a busy node is over a moment later.
"""

from dataclasses import dataclass

from gatewayctl.domain.verdicts import Judgement, Verdict
from gatewayctl.orchestration.context import StepContext
from gatewayctl.waiting import Pending, until

BLIP = 5.0  # seconds for which a canary that was ready may be found not ready


@dataclass(slots=True)
class CanaryHealth:
    """The canary over several looks; `ready_since` and `down_since` are monotonic seconds, None while it is not so."""

    context: StepContext
    ready_since: float | None = None
    down_since: float | None = None

    def look(self) -> float | Judgement | Pending:
        """For how many seconds it has been seen ready; a failure when it is lost, pending while it may come back."""
        release, now = self.context.release, self.context.ports.clock.now()
        found = self.context.ports.workloads.read(release.target.canary)
        if found.image != release.image:
            return Judgement(Verdict.FAIL, f"{found.name} was changed to {found.image} by someone else")
        if found.ready >= 1 and not found.trouble:
            self.ready_since, self.down_since = now if self.ready_since is None else self.ready_since, None
            return now - self.ready_since
        self.ready_since, self.down_since = None, now if self.down_since is None else self.down_since
        if found.trouble or now - self.down_since > BLIP:
            return Judgement(Verdict.FAIL, f"{found.name} is not ready any more: {found.trouble or 'no ready pod'}")
        return Pending(f"{found.name} is not ready at the moment")


def await_standing(context: StepContext, seconds: float) -> Judgement | None:
    """Wait until the canary has been seen ready for so long; None when it has, else why it never will be."""
    canary = CanaryHealth(context)

    def stands() -> bool | Judgement | Pending:
        seen = canary.look()
        if isinstance(seen, (Judgement, Pending)):
            return seen
        return seen >= seconds or Pending(f"{context.release.target.canary} is ready, every node is being told where")

    found = until(
        stands, "the canary to be reached from every node", context.deadline(context.release.trial.timings.ready)
    )
    return found if isinstance(found, Judgement) else None
