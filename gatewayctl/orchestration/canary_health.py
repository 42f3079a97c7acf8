"""Whether the canary is healthy: ready, with the release's image, and long enough for every node to send to it.

One look at which its Pod is not ready is no verdict: a probe that took too long on a busy node is over a moment later.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gatewayctl.domain.judgement import Judgement, Verdict
from gatewayctl.domain.platform import TroubleKind, Workload
from gatewayctl.domain.rollout import other_build
from gatewayctl.orchestration.context import StepContext
from gatewayctl.waiting import Pending, until

_LONGEST_GAP = 2.0  # seconds between two looks; in a longer gap nobody could look, and it may have been ready


@dataclass(slots=True)
class CanaryHealth:
    """The canary over several looks.

    `ready_since` is when it was first seen ready (monotonic seconds), None while it is not. `down` are the seconds for
    which it has been seen not ready, up to `looked`, the last such look; None while it is ready.
    """

    context: StepContext
    ready_since: float | None = None
    down: float = 0.0
    looked: float | None = None

    def look(self) -> float | Judgement | Pending:
        """Seconds for which it has been seen ready; a failure when it is lost, pending while it may come back."""
        seen = self._look(self.context.ports.workloads.read)
        # What was read may be late, so a failure is said only of what is read now.
        return self._look(self.context.ports.workloads.read_now) if isinstance(seen, Judgement) else seen

    def _look(self, read: Callable[[str], Workload]) -> float | Judgement | Pending:
        release, now = self.context.release, self.context.ports.clock.now()
        workloads = self.context.ports.workloads
        canary = read(release.target.canary)
        if not canary.runs(release.image):
            return Judgement(Verdict.CONFLICT, f"{canary.name} was changed to {canary.image} by someone else")
        other = other_build(canary, release.build)
        if other:
            return Judgement(Verdict.CONFLICT, other)
        trouble = canary.trouble
        is_hopeless = trouble is not None and trouble.kind is TroubleKind.FINAL
        if canary.ready >= 1 and not is_hopeless:
            self.ready_since = now if self.ready_since is None else self.ready_since
            self.down, self.looked = 0.0, None
            return now - self.ready_since
        self.down += 0.0 if self.looked is None else min(now - self.looked, _LONGEST_GAP)
        self.ready_since, self.looked = None, now
        if is_hopeless or self.down > workloads.readiness_gap:
            return Judgement(Verdict.FAIL, f"{canary.name} is not ready any more: {trouble or 'no ready pod'}")
        return Pending(f"{canary.name} is not ready at the moment")


def wait_for_canary(context: StepContext, seconds: float) -> Judgement | None:
    """Wait until the canary has been seen ready for so many seconds; None then, else a failure with its reason."""
    canary = CanaryHealth(context)

    def look() -> bool | Judgement | Pending:
        health = canary.look()
        if isinstance(health, (Judgement, Pending)):
            return health
        return health >= seconds or Pending(
            f"{context.release.target.canary} is ready, but not yet known to every node"
        )

    found = until(
        look, "the canary to be reached from every node", context.deadline(context.release.trial.timings.ready)
    )
    return found if isinstance(found, Judgement) else None
