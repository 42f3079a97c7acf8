"""Watch both versions under real traffic for the time of a ramp's step."""

from gatewayctl.domain.judgement import Judgement, Verdict
from gatewayctl.domain.plan_lines import duration
from gatewayctl.orchestration.canary_health import CanaryHealth
from gatewayctl.orchestration.context import StepContext
from gatewayctl.waiting import Pending, until

_KEPT_EVERY = 10.0  # seconds, after which what was found is journaled: a process that takes over goes on from there
_EVERY = 1.0  # seconds between two looks


def observe(context: StepContext) -> Judgement:
    """Passes when the step's time is over and the canary was there all the while; before that it goes on."""
    release, clock = context.release, context.ports.clock
    step = release.trial.ramp.steps[release.step]
    start, canary = clock.now(), CanaryHealth(context)
    left = release.step_began + step.seconds - clock.wall()

    def look() -> Judgement | Pending:
        health = canary.look()
        if isinstance(health, Judgement | Pending):
            return health
        waited = clock.now() - start
        if waited < min(left, _KEPT_EVERY):
            return Pending(f"{step.share} % of real traffic, {duration(max(0.0, round(left - waited)))} left")
        return Judgement(Verdict.PASS, f"{step.share} % for {duration(step.seconds)}", more=left > _KEPT_EVERY)

    deadline = context.deadline(_KEPT_EVERY + release.trial.timings.ready, _EVERY)
    return until(look, "the canary to be ready while it is observed", deadline)
