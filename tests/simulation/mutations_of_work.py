"""Deliberately wrong work and decisions: what a proof leaves out, what is not waited for, what a command may not do."""

from collections.abc import Callable, Mapping

from gatewayctl.domain.lifecycle import Effect
from gatewayctl.domain.release import Phase, Release
from gatewayctl.orchestration import suites
from gatewayctl.orchestration.driver import Driver
from gatewayctl.orchestration.proof import leaks
from gatewayctl.orchestration.proof import steps as proof
from tests.simulation import wrong_commands as commands
from tests.simulation import wrong_parts
from tests.simulation import wrong_steps as steps
from tests.simulation.commands import Variant
from tests.simulation.faults import Fault, WorldEvent
from tests.simulation.mutation import Mutation
from tests.simulation.troubles import Trouble

# Two releases of one application look at the same moment, and find none in progress.
_TWO_AT_ONCE = {
    "orders / more commands #1": 1,
    "orders / more commands 0 #1": "release",
    "orders / more commands 0 / starts at a time #1": False,
    "orders / more commands 0 / starts in #1": Phase.WARM,
}

_HOTFIX = {"hotfix / is there #1": True, "hotfix / image #1": "shop/orders:1.0.1"}


def _down_in(phase: Phase) -> dict[str, object]:
    """A replica goes down in this phase, for longer than the release waits for it."""
    return {
        "faults / events #1": 1,
        "event 0 / what #1": WorldEvent.GATE_RESTARTS,
        "event 0 / starts at a time #1": False,
        "event 0 / starts in #1": phase,
        "event 0 / start after #1": 0.05,
        f"{WorldEvent.GATE_RESTARTS} / which replica #1": 0.0,
        "gw-0 / away #1": 29.0,
    }


# One that sleeps is followed by another one, and is told of it late.
_LATE_NEWS = {
    f"trouble / {Trouble.LATE_NEWS} #1": True,
    "journal / moved is late #1": 4.9,
    "faults / only sleeps #1": False,
    "faults / focus #1": "look at the journal",
    **{f"faults / {fault} #1": fault is Fault.PAUSED for fault in Fault},
}


def _doing(
    caught_by: tuple[str, ...], *effects: tuple[Effect, steps.Performer], forced: Mapping[str, object] | None = None
) -> Mutation:
    return Mutation(caught_by, Variant(performers=dict(effects)), forced or {})


def _deciding(caught_by: tuple[str, ...], driver: type[Driver], forced: Mapping[str, object] | None = None) -> Mutation:
    return Mutation(caught_by, Variant(driver=driver), forced or {})


def _writing(caught_by: tuple[str, ...], change: Callable[[Release, Release], Release]) -> Mutation:
    return Mutation(caught_by, Variant(commands.rewriting(change)))


PROOFS: dict[str, Mutation] = {
    "nobody looks for leaks": _doing(
        ("I6",), (Effect.PROVE_NO_LEAK, steps.skip), (Effect.PROVE_ALL, steps.confirm_only_routed)
    ),
    "nobody looks for leaks before the promotion": _doing(("I6",), (Effect.PROVE_ALL, steps.confirm_only_routed)),
    "leaks are looked for on one replica": _doing(
        ("I6",), (Effect.PROVE_NO_LEAK, steps.on_gateway(leaks.prove_no_leak, steps.first_replica_only))
    ),
    "leaks are not looked for at the neighbours": _doing(
        ("I6",), (Effect.PROVE_NO_LEAK, steps.without_neighbours(leaks.prove_no_leak))
    ),
    "confirmed without the rule": _doing(("I6", "I2"), (Effect.PROVE_ALL, steps.confirm_only_leaks)),
    "routed is said by the configuration": _doing(
        ("I6", "I2"), (Effect.PROVE_ROUTED, steps.by_configuration_only(proof.prove_routed, canary=True))
    ),
    "routed is said whatever is answered": _doing(
        ("I2",), (Effect.PROVE_ROUTED, steps.by_configuration_only(proof.prove_routed, canary=True, asking=True))
    ),
    "routed is said by the traffic": _doing(
        ("I6", "I2"), (Effect.PROVE_ROUTED, steps.by_traffic_only(proof.prove_routed))
    ),
    "routed is said without replicas that are not ready": _doing(
        ("I2",),
        (Effect.PROVE_ROUTED, steps.in_ready_replicas(proof.prove_routed)),
        (Effect.PROVE_ALL, steps.in_ready_replicas(proof.prove_all)),
        forced=_down_in(Phase.PROVE),
    ),
    "tests are believed although a replica was lost": _doing(
        ("I11",),
        (Effect.RUN_SUITE, steps.on_gateway(suites.run_suite, steps.without_news)),
        (Effect.RUN_LOAD, steps.on_gateway(suites.run_load, steps.without_news)),
        forced=_down_in(Phase.SMOKE),
    ),
    "gone is said by the configuration": _doing(
        ("I6", "I3"), (Effect.PROVE_CLEARED, steps.by_configuration_only(proof.prove_cleared, canary=False))
    ),
    "gone is said by the traffic": _doing(
        ("I6", "I3"), (Effect.PROVE_CLEARED, steps.by_traffic_only(proof.prove_cleared))
    ),
}
ROLLOUTS: dict[str, Mutation] = {
    "a promotion does not wait for its rollout": _doing(
        ("rollout",), (Effect.PROMOTE_STABLE, steps.promote_without_waiting)
    ),
    "a restore does not wait for its rollout": _doing(
        ("rollout",), (Effect.RESTORE_STABLE, steps.restore_without_waiting)
    ),
    "nothing is restored": _doing(("rollout", "I5"), (Effect.RESTORE_STABLE, steps.skip)),
    "a promotion overwrites a hotfix": _doing(
        ("I7",), (Effect.PROMOTE_STABLE, steps.promote_over_others), forced=_HOTFIX
    ),
    "a promotion scales stable": _doing(("I9",), (Effect.PROMOTE_STABLE, steps.promote_one_replica)),
    "the rule goes before stable is promoted": _doing(
        ("I2", "I5"), (Effect.PROMOTE_STABLE, steps.unroute_then_promote)
    ),
    "the canary keeps what was tried": _doing(("I5",), (Effect.STOP_CANARY, steps.stop_without_restoring)),
    "the canary gets its old image back after a promotion": _doing(
        ("I5",), (Effect.STOP_CANARY, steps.stop_with_old_image)
    ),
    "the upstreams of a rule stay": _doing(("I5",), (Effect.STOP_CANARY, steps.stop_and_leave_upstreams)),
    "the canary gets two replicas": _doing(("I9",), (Effect.START_CANARY, steps.start_two)),
    "requests in flight get no time": _doing(("I3",), (Effect.DRAIN, steps.drain_for_no_time)),
}
DECISIONS: dict[str, Mutation] = {
    "a glance stands in for the guard": _deciding(("fencing", "I9", "lease", "I5"), commands.GlancingGuard, _LATE_NEWS),
    "a driver that waits does not hear an abort": _deciding(("abort",), commands.DeafDriver),
    "a lease is taken from whoever has it": Mutation(("lease",), Variant(wrong_parts.with_grabbed_leases)),
    "a command acts with the configuration of another gateway": _deciding(("I10",), commands.AnyGateway),
    "an expired release is promoted": _deciding(("expiry",), commands.PromotesExpired),
    "a resume promotes": _deciding(("order",), commands.PromotesOnResume),
    "an open release is replaced": _deciding(("I7",), commands.ReplacesOpenRelease, _TWO_AT_ONCE),
    "an abort only says so": _deciding(("exit codes",), commands.AbortsInWords),
    "the lease is given back before the way out": Mutation(
        ("lease", "fencing"), Variant(commands.with_lease_given_back_early)
    ),
    "sweep ignores who holds the lease": Mutation(
        ("lease",), Variant(driver=commands.AbortsWhatItSweeps, look=commands.look_past_holder)
    ),
    "an abort leaves stable promoted": _writing(("order",), commands.without_restore),
    "a release does not wait for its decision": _writing(("order",), commands.without_wait),
    "a release is not confirmed": _writing(("order",), commands.without_confirm),
    "notes are lost": _writing(("audit",), commands.without_notes),
    "whoever works on a release gives it more time": _writing(("I10",), commands.renewed_expiry),
    "the image before is forgotten": _writing(("I10",), commands.new_image_is_old),
    "an abort blames the canary": _writing(("I11",), commands.aborted_is_rejected),
}
