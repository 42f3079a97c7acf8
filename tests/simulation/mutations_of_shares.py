"""Deliberately wrong ramps: a share that goes too late, comes too early, or for which the canary is too small."""

from dataclasses import replace

from gatewayctl.domain.judgement import Judgement, Verdict
from gatewayctl.domain.lifecycle import Effect
from gatewayctl.domain.release import Phase, Release
from gatewayctl.orchestration import ramp, routes
from gatewayctl.orchestration.context import StepContext
from tests.simulation import wrong_commands as commands
from tests.simulation import wrong_steps as steps
from tests.simulation.commands import Variant
from tests.simulation.mutation import Mutation

_CLIMBS = {"orders / has a ramp #1": True, "orders / quality #1": "", "orders / suites are good #1": True}
_GROWS = {**_CLIMBS, "orders / canary replicas of the last step #1": 2}
_STEERED = {**_CLIMBS, "orders / has a ramp #1": False, "orders / promotion is steered #1": True}


def _return_without_proof(context: StepContext) -> Judgement:
    """The files have no share any more; whether a replica has is not asked."""
    ramp._take_share_away(context)
    return Judgement(Verdict.PASS, "returned")


def _remove_instead_of_return(context: StepContext) -> Judgement:
    """The whole rule goes from the files, and no replica is asked whether its share is gone."""
    return routes.remove(context)


def _return_on_first_replica(context: StepContext) -> Judgement:
    return steps.on_gateway(ramp.return_share, steps.first_replica_only)(context)


def _publish_then_scale(context: StepContext) -> Judgement:
    """The share, then the Pods for it."""
    published = routes.publish(context)
    return published if published.verdict is not Verdict.PASS else ramp.shift_share(context)


def _publish_next_share(context: StepContext) -> Judgement:
    """The share of the step after this one, which the journal does not say yet."""
    all_steps, number = context.release.trial.ramp.steps, context.release.step
    share = all_steps[min(number + 1, len(all_steps) - 1)].share
    return ramp.shift_share(replace(context, release=replace(context.release, share=share)))


def _carry_without_proof(context: StepContext) -> Judgement:
    """Published; that every replica has it is believed."""
    return routes.publish(context)


def _shift_without_journal(_old: Release, new: Release) -> Release:
    """The journal says nothing of a share when its step begins."""
    return replace(new, share=0) if new.phase is Phase.SHIFT else new


def _observe_nothing(_old: Release, new: Release) -> Release:
    """From the proof of the share to the next step."""
    return new.at(Phase.CONFIRM) if new.phase is Phase.OBSERVE else new


SHARES: dict[str, Mutation] = {
    "the rule is removed before its share is returned": Mutation(
        ("I1", "I6"), Variant(performers={Effect.RETURN_SHARE: _remove_instead_of_return}), _CLIMBS
    ),
    "nobody proves that a share is gone": Mutation(
        ("I1", "I6"), Variant(performers={Effect.RETURN_SHARE: _return_without_proof}), _CLIMBS
    ),
    "a share is gone when one replica has none": Mutation(
        ("I1", "I6"), Variant(performers={Effect.RETURN_SHARE: _return_on_first_replica}), _CLIMBS
    ),
    "a share is published before the journal has it": Mutation(
        ("I1",), Variant(performers={Effect.SHIFT_SHARE: _publish_next_share}), _CLIMBS
    ),
    "the journal does not say a share": Mutation(
        ("order", "I1"), Variant(commands.rewriting(_shift_without_journal)), _CLIMBS
    ),
    "the canary is scaled after its share": Mutation(
        ("I3",), Variant(performers={Effect.SHIFT_SHARE: _publish_then_scale}), _GROWS
    ),
    "nobody counts what share arrives": Mutation(
        ("I6",), Variant(performers={Effect.PROVE_SHARE: steps.skip}), _CLIMBS
    ),
    "stable rolls before the canary carries all": Mutation(
        ("I1", "I3", "I6"), Variant(performers={Effect.CARRY_ALL: _carry_without_proof}), _STEERED
    ),
    "a step of a ramp is not observed": Mutation(("order",), Variant(commands.rewriting(_observe_nothing)), _CLIMBS),
}
