"""Which function performs which effect."""

from collections.abc import Callable, Mapping

from gatewayctl.domain.lifecycle import Effect
from gatewayctl.domain.verdicts import Judgement
from gatewayctl.orchestration import routes, suites, workloads
from gatewayctl.orchestration.context import StepContext
from gatewayctl.orchestration.proof import leaks
from gatewayctl.orchestration.proof import steps as proof

Performers = Mapping[Effect, Callable[[StepContext], Judgement]]

PERFORMERS: Performers = {
    Effect.START_CANARY: workloads.start_canary,
    Effect.PUBLISH_RULE: routes.publish,
    Effect.PROVE_ROUTED: proof.prove_routed,
    Effect.PROVE_NO_LEAK: leaks.prove_no_leak,
    Effect.PROVE_ALL: proof.prove_all,
    Effect.RUN_SUITE: suites.run_suite,
    Effect.RUN_LOAD: suites.run_load,
    Effect.PROMOTE_STABLE: workloads.promote_stable,
    Effect.RESTORE_STABLE: workloads.restore_stable,
    Effect.REMOVE_RULE: routes.remove,
    Effect.PROVE_CLEARED: proof.prove_cleared,
    Effect.DRAIN: routes.drain,
    Effect.STOP_CANARY: workloads.stop_canary,
}


def perform(effect: Effect, context: StepContext, performers: Performers = PERFORMERS) -> Judgement:
    """Do one effect. Raises GatewayctlError when it could not be done or judged."""
    return performers[effect](context)
