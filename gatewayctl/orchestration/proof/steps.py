"""Steps that wait for a proof and judge it: the rule is live on every replica, and at the end gone from each."""

from gatewayctl.domain.errors import Transient
from gatewayctl.domain.platform import Replica
from gatewayctl.domain.release import Outcome
from gatewayctl.domain.verdicts import Judgement, Verdict
from gatewayctl.orchestration.canary_health import CanaryHealth
from gatewayctl.orchestration.context import StepContext
from gatewayctl.orchestration.proof.leaks import prove_no_leak
from gatewayctl.orchestration.proof.replica import sends_elsewhere, why_not_gone, why_not_served
from gatewayctl.waiting import Pending, until

_EVERY = 0.05  # seconds between two looks at the replicas


def prove_routed(context: StepContext) -> Judgement:
    """Every replica runs the rule, and answers marked requests from the canary; else the reason why one does not."""
    clock = context.ports.clock
    start = clock.now()
    served = _wait_until_served(context)
    if served.verdict is not Verdict.PASS:
        return served
    return Judgement(Verdict.PASS, f"{served.text}, {clock.now() - start:.1f} s after the write")


def prove_all(context: StepContext) -> Judgement:
    """Both proofs: hours may lie between the first ones and the promotion, and people edit gateways meanwhile."""
    served = _wait_until_served(context)
    if served.verdict is not Verdict.PASS:
        return served
    leaks = prove_no_leak(context)
    return Judgement(leaks.verdict, f"{served.text}; leaks {leaks.text}")


def _wait_until_served(context: StepContext) -> Judgement:
    """Wait until all replicas serve the rule; a failure when they cannot because of the canary.

    A replica may have the rule before it knows the addresses of the canary's Service. If the rule still reaches no
    canary after the time in which a gateway learns them, the Service is gone or broken, and waiting does not help.
    """
    gateway, release, clock = context.ports.gateway, context.release, context.ports.clock
    routes = len(gateway.own_routes(release.app))
    elsewhere_since = clock.now()
    canary = CanaryHealth(context)

    def look() -> Judgement | Pending:
        nonlocal elsewhere_since
        health = canary.look()
        if isinstance(health, (Judgement, Pending)):
            return health
        replicas = context.replicas()
        if not replicas:
            raise Transient("the gateway has no replica")
        for replica in replicas:
            missing = why_not_active(context, replica) or why_not_served(gateway, release, replica, routes)
            if not missing:
                continue
            if not sends_elsewhere(gateway, release, replica, routes):
                elsewhere_since = clock.now()
            limit = gateway.replicas.endpoint_delay
            if clock.now() - elsewhere_since > limit:
                return Judgement(Verdict.FAIL, f"{replica.name} has run the rule for {limit:g} s, but {missing}")
            return Pending(f"{replica.name}: {missing}")
        return Judgement(Verdict.PASS, f"{len(replicas)}/{len(replicas)} gateway replicas serve it")

    deadline = context.deadline(release.trial.timings.live, _EVERY)
    return until(look, "every gateway replica to serve the rule", deadline)


def why_not_active(context: StepContext, replica: Replica) -> str:
    """Why a replica does not run the files of the store yet; one that is down loads them when it starts."""
    return context.ports.gateway.activation.activate(replica) if replica.ready else ""


def prove_cleared(context: StepContext) -> Judgement:
    """No running replica has the rule any more; one that is down serves no requests, and starts with the new files.

    If not every replica was seen with the rule, a replica without it may still get it: its kubelet may be about to sync
    the write that inserted the rule, and not yet the one that removed it. So all are checked again after the time in
    which every kubelet has seen the removal.
    """
    if context.release.outcome is not Outcome.PROMOTED:
        return prove_settled(context)
    return _wait_until_gone(context)


def prove_settled(context: StepContext) -> Judgement:
    """No running replica has the rule, and none can get it later: each had the time to see the removal."""
    _wait_until_gone(context)
    context.pause(context.ports.gateway.store.watch_delay, "looking once more")
    return _wait_until_gone(context)


def _wait_until_gone(context: StepContext) -> Judgement:
    """Wait until no ready replica has the rule."""

    def look() -> Judgement | Pending:
        replicas = context.replicas()
        left = why_still_routed(context, replicas)
        return Pending(left) if left else _count_cleared(replicas)

    deadline = context.deadline(context.release.trial.timings.live, _EVERY)
    return until(look, "every gateway replica to be without the rule", deadline)


def _count_cleared(replicas: tuple[Replica, ...]) -> Judgement:
    ready, wanted = sum(1 for one in replicas if one.ready), len(replicas)
    down = f", {wanted - ready} down" if ready < wanted else ""
    return Judgement(Verdict.PASS, f"gone from {ready}/{wanted} gateway replicas{down}")


def why_still_routed(context: StepContext, replicas: tuple[Replica, ...]) -> str:
    """Why one of the ready `replicas` is not without the rule; empty when all are."""
    gateway, release = context.ports.gateway, context.release
    for replica in replicas:
        if not replica.ready:
            continue
        left = why_not_active(context, replica) or why_not_gone(gateway, release, replica)
        if left:
            return f"{replica.name}: {left}"
    return ""
