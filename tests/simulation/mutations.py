"""Deliberately wrong orchestrations, each breaking one rule of order; the simulation must notice each.

Each is passed in as a Variant: other ports, another driver, another function for an effect. No source is patched, and
no table that the right orchestration reads is changed.
"""

from collections.abc import Callable
from dataclasses import replace

from gatewayctl.domain.judgement import Judgement, Verdict
from gatewayctl.domain.lifecycle import Effect
from gatewayctl.domain.release import Phase
from gatewayctl.orchestration import routes, workloads
from gatewayctl.orchestration.context import StepContext
from gatewayctl.orchestration.proof import steps as proof
from tests.simulation import wrong_parts
from tests.simulation.commands import Variant
from tests.simulation.faults import WorldEvent
from tests.simulation.mutation import Mutation
from tests.simulation.mutations_of_shares import SHARES
from tests.simulation.mutations_of_work import DECISIONS, PROOFS, ROLLOUTS

Performer = Callable[[StepContext], Judgement]


def _skip(_work: StepContext) -> Judgement:
    return Judgement(Verdict.PASS, "not looked at")


def _stop_at_once(context: StepContext) -> Judgement:
    """Scale to 0 although replicas may still send requests there."""
    canary = context.ports.workloads.read(context.release.target.canary)
    context.change(canary, image=context.release.canary_before, replicas=0)
    return Judgement(Verdict.PASS, "stopped")


def _stop_without_looking(context: StepContext) -> Judgement:
    """As it should be done, but no replica is asked again."""
    gateway = replace(context.ports.gateway, replicas=wrong_parts.NoReplicas(context.ports.gateway.replicas))
    return workloads.stop_canary(replace(context, ports=replace(context.ports, gateway=gateway)))


def _stop_unless_stopped(context: StepContext) -> Judgement:
    """As it should be done, but nothing is written when it is all there already."""
    canary = context.ports.workloads.read(context.release.target.canary)
    there = canary.replicas == 0 and not canary.pods and canary.image == context.release.canary_before
    return Judgement(Verdict.PASS, "was stopped") if there else workloads.stop_canary(context)


def _start_without_waiting(context: StepContext) -> Judgement:
    canary = context.ports.workloads.read(context.release.target.canary)
    context.change(canary, image=context.release.image, replicas=1)
    return Judgement(Verdict.PASS, "started")


def _publish_blindly(context: StepContext) -> Judgement:
    """Publish to a canary that is believed to be ready."""
    ports = replace(context.ports, workloads=wrong_parts.AlwaysReady(context.ports.workloads, context.release.image))
    return routes.publish(replace(context, ports=ports))


def _first_replica_only(step: Performer) -> Performer:
    def performer(context: StepContext) -> Judgement:
        gateway = replace(context.ports.gateway, replicas=wrong_parts.FirstReplicaOnly(context.ports.gateway.replicas))
        return step(replace(context, ports=replace(context.ports, gateway=gateway)))

    return performer


def _clear_at_first_sight(context: StepContext) -> Judgement:
    """Gone now is gone for good."""
    proof._wait_until_gone(context)
    return Judgement(Verdict.PASS, "gone")


def _restore_what_was_tried(context: StepContext) -> Judgement:
    return workloads.restore_stable(replace(context, release=replace(context.release, before=context.release.image)))


def _restore_unless_restored(context: StepContext) -> Judgement:
    """Nothing is written when stable has its image; a promotion that is still under way then comes after it."""
    stable = context.ports.workloads.read(context.release.target.stable)
    there = stable.image == context.release.before
    return Judgement(Verdict.PASS, "was restored") if there else workloads.restore_stable(context)


# A replica starts with the rule right before the canary is stopped: some 0.3 seconds in a release of minutes.
_OLD_FILES_AT_THE_END = {
    "faults / events #1": 1,
    "event 0 / what #1": WorldEvent.GATE_NEW_STALE,
    "event 0 / starts on the way out #1": True,
    "event 0 / starts in #1": Phase.COOL,
    "event 0 / start after #1": 0.02,
}
MUTATIONS: dict[str, Mutation] = {
    "the canary is stopped before the rule is gone": Mutation(
        ("I3", "I6"),
        Variant(performers={Effect.REMOVE_RULE: _stop_at_once, Effect.STOP_CANARY: routes.remove}),
    ),
    "the rule is written before the canary is ready": Mutation(
        ("I3", "rollout"),
        Variant(performers={Effect.START_CANARY: _start_without_waiting, Effect.PUBLISH_RULE: _publish_blindly}),
    ),
    "routes are written before what they name": Mutation(("I3",), Variant(wrong_parts.with_routes_first)),
    "nobody proves that the rule is gone": Mutation(
        ("I3", "I5", "I6"), Variant(performers={Effect.PROVE_CLEARED: _skip, Effect.STOP_CANARY: _stop_without_looking})
    ),
    "a rule is gone at first sight": Mutation(
        ("I3", "I5"), Variant(performers={Effect.PROVE_CLEARED: _clear_at_first_sight})
    ),
    "nobody looks again before the canary goes": Mutation(
        ("I3", "I5", "I6"), Variant(performers={Effect.STOP_CANARY: _stop_without_looking}), _OLD_FILES_AT_THE_END
    ),
    "requests in flight are not waited for": Mutation(("I3",), Variant(performers={Effect.DRAIN: _skip})),
    "the rule needs no header": Mutation(("I1",), Variant(wrong_parts.without_header)),
    "routed is said after one replica": Mutation(
        ("I2", "I6"),
        Variant(
            performers={
                Effect.PROVE_ROUTED: _first_replica_only(proof.prove_routed),
                Effect.PROVE_ALL: _first_replica_only(proof.prove_all),
            }
        ),
    ),
    "promoted without being proven once more": Mutation(("I2", "I6"), Variant(performers={Effect.PROVE_ALL: _skip})),
    "a suite that says nothing has passed": Mutation(("I6",), Variant(performers={Effect.RUN_SUITE: _skip})),
    "routes are written whatever is there": Mutation(("I7", "fencing", "I5"), Variant(wrong_parts.with_blind_routes)),
    "Deployments are written whatever is there": Mutation(
        ("I7", "fencing", "I5", "I9"), Variant(wrong_parts.with_blind_deployments)
    ),
    "the journal is written whatever is there": Mutation(
        ("fencing", "I5", "I7", "I9", "exit codes"), Variant(wrong_parts.with_blind_journal)
    ),
    "a rule's removal takes the neighbours' rules with it": Mutation(("I7",), Variant(wrong_parts.with_wide_removal)),
    "the journal is written after the effect": Mutation(
        ("I9", "I5", "fencing", "I6"), Variant(wrong_parts.with_delayed_journal)
    ),
    "a paused process writes when it wakes up": Mutation(
        ("fencing", "I9", "lease"), Variant(driver=wrong_parts.UnverifiedWrites)
    ),
    "who takes over does not move the journal": Mutation(("fencing",), Variant(driver=wrong_parts.SilentTakeover)),
    "an abort does not take the lease": Mutation(("I5", "fencing"), Variant(driver=wrong_parts.LeaselessAbort)),
    "the lease is not renewed": Mutation(("lease",), Variant(wrong_parts.without_renewal)),
    "stable gets back what was tried": Mutation(
        ("I5", "I9"), Variant(performers={Effect.RESTORE_STABLE: _restore_what_was_tried})
    ),
    "a restore writes nothing where nothing differs": Mutation(
        ("I9", "I5", "fencing", "rollout"), Variant(performers={Effect.RESTORE_STABLE: _restore_unless_restored})
    ),
    "a stop writes nothing where nothing differs": Mutation(
        ("fencing", "I5", "I6"), Variant(performers={Effect.STOP_CANARY: _stop_unless_stopped})
    ),
    "a lost answer is taken for a conflict": Mutation(
        ("exit codes",), Variant(driver=wrong_parts.ConflictOnLostAnswer)
    ),
    **PROOFS,
    **ROLLOUTS,
    **DECISIONS,
    **SHARES,
}
