"""Which function performs which effect."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from gatewayctl.domain.bounds import LONGEST, shorten
from gatewayctl.domain.errors import Conflict, EnvironmentFailed, GatewayctlError, Transient
from gatewayctl.domain.judgement import Judgement, Verdict
from gatewayctl.domain.lifecycle import WAY_OUT, Effect
from gatewayctl.orchestration import observe, ramp, routes, suites, workloads
from gatewayctl.orchestration.context import StepContext
from gatewayctl.orchestration.proof import leaks
from gatewayctl.orchestration.proof import share as proof_of_share
from gatewayctl.orchestration.proof import steps as proof
from gatewayctl.orchestration.rollouts import keep_logs

Performers = Mapping[Effect, Callable[[StepContext], Judgement]]

PERFORMERS: Performers = {
    Effect.START_CANARY: workloads.start_canary,
    Effect.PUBLISH_RULE: routes.publish,
    Effect.PROVE_ROUTED: proof.prove_routed,
    Effect.PROVE_NO_LEAK: leaks.prove_no_leak,
    Effect.PROVE_ALL: proof.prove_all,
    Effect.RUN_SUITE: suites.run_suite,
    Effect.RUN_LOAD: suites.run_load,
    Effect.SHIFT_SHARE: ramp.shift_share,
    Effect.PROVE_SHARE: proof_of_share.prove_share,
    Effect.OBSERVE: observe.observe,
    Effect.CARRY_ALL: ramp.carry_all,
    Effect.RETURN_SHARE: ramp.return_share,
    Effect.PROMOTE_STABLE: workloads.promote_stable,
    Effect.RESTORE_STABLE: workloads.restore_stable,
    Effect.REMOVE_RULE: routes.remove,
    Effect.PROVE_CLEARED: proof.prove_cleared,
    Effect.DRAIN: routes.drain,
    Effect.STOP_CANARY: workloads.stop_canary,
}


def perform(effect: Effect, context: StepContext, performers: Performers = PERFORMERS) -> Judgement:
    """Do one effect. Raises GatewayctlError when it could not be done or judged.

    A reason that is too long for the journal is kept whole in the evidence. So are the logs of the canary when a step
    fails on the way in: on the way out its Pods go, and their logs with them.
    """
    try:
        judgement = performers[effect](context)
    except GatewayctlError as fault:
        _keep_whole(context, str(fault))
        if not isinstance(fault, Transient | Conflict):  # it is tried again, or is the doing of somebody else
            _keep_canary_logs(effect, context)
        raise
    _keep_whole(context, judgement.text)
    if judgement.verdict is not Verdict.PASS:
        _keep_canary_logs(effect, context)
    return replace(judgement, text=shorten(judgement.text))


def _keep_canary_logs(effect: Effect, context: StepContext) -> None:
    """Keep what the canary logged. A start that fails has kept it already, at the moment of the failure."""
    if effect is not Effect.START_CANARY and context.release.phase not in WAY_OUT:
        keep_logs(context, context.release.target.canary)


def _keep_whole(context: StepContext, text: str) -> None:
    if len(text.encode(errors="replace")) > LONGEST:
        with suppress(EnvironmentFailed):  # what cannot be kept stops no release
            context.keep(f"whole-reasons/{context.release.phase}.txt", text)
