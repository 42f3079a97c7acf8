"""Steps that wait for a proof and judge it: the rule is live on every replica, and at the end gone from each."""

import json
from dataclasses import dataclass, replace

from gatewayctl.domain.errors import Transient
from gatewayctl.domain.judgement import Judgement, Verdict
from gatewayctl.domain.platform import Replica
from gatewayctl.domain.release import Outcome
from gatewayctl.orchestration.canary_health import CanaryHealth
from gatewayctl.orchestration.context import StepContext
from gatewayctl.orchestration.proof.covered import CoveredRoutes, find_covered
from gatewayctl.orchestration.proof.latecomers import find_unproven
from gatewayctl.orchestration.proof.leaks import prove_no_leak
from gatewayctl.orchestration.proof.replica import (
    ReplicaProof,
    Wanted,
    prove_gone,
    prove_served,
    sends_elsewhere,
)
from gatewayctl.waiting import InProportion, Pending, until

_EVERY = InProportion(0.05)  # seconds between two looks at the replicas; each asks all of them for their configuration
_SOON = 2.0  # seconds in which every thread of a gateway serves what its configuration says


def prove_routed(context: StepContext) -> Judgement:
    """Every replica runs the rule, and answers marked requests from the canary; else the reason why one does not."""
    served = _wait_until_served(context)
    return served.judgement(f", {served.seconds:.1f} s after the write")


def prove_all(context: StepContext) -> Judgement:
    """Both proofs: hours may lie between the first ones and the promotion, and people edit gateways meanwhile."""
    served = _wait_until_served(context)
    if served.fault:
        return served.fault
    leaks = prove_no_leak(context)
    return Judgement(leaks.verdict, f"{served.judgement().text}; leaks {leaks.text}")


@dataclass(frozen=True, slots=True)
class _Served:
    """What the wait for all replicas found: a `fault`, or in words what is served, what is not proven, and when."""

    fault: Judgement | None = None
    text: str = ""
    open: str = ""
    seconds: float = 0.0

    def judgement(self, detail: str = "") -> Judgement:
        """The verdict of the step; `detail` comes after what is served."""
        gaps = f"; {self.open}" if self.open else ""
        return self.fault or Judgement(Verdict.PASS, f"{self.text}{detail}{gaps}")


def _wait_until_served(context: StepContext) -> _Served:
    """Wait until all replicas serve the rule; a failure when they cannot because of the canary.

    A replica may have the rule before it knows the addresses of the canary's Service. If the rule still reaches no
    canary after the time in which a gateway learns them, the Service is gone or broken, and waiting does not help.
    Raises Conflict when a route of the application has no rule.
    """
    gateway, release, clock = context.ports.gateway, context.release, context.ports.clock
    start = elsewhere_since = clock.now()
    covered = find_covered(gateway, release)
    covered.require_all(release)
    wanted = Wanted(covered.rules, covered.coverage)
    canary = CanaryHealth(context)

    def look() -> _Served | Pending:
        nonlocal elsewhere_since
        health = canary.look()
        if isinstance(health, Pending):
            return health
        if isinstance(health, Judgement):
            return _Served(health)
        replicas = context.replicas()
        if not replicas:
            raise Transient("the gateway has no replica")
        proofs = []
        for replica in replicas:
            proof = _prove_replica(context, replica, wanted)
            if not proof.missing:
                proofs.append(proof)
                continue
            if not sends_elsewhere(gateway, release, replica, wanted.rules):
                elsewhere_since = clock.now()
            limit = gateway.replicas.endpoint_delay
            if clock.now() - elsewhere_since > limit:
                said = f"{replica.name} has run the rule for {limit:g} s, but {proof.missing}"
                return _Served(Judgement(Verdict.FAIL, said))
            return Pending(f"{replica.name}: {proof.missing}")
        seconds = clock.now() - start
        open_look = _wait_for_sure(context, proofs, seconds) or find_unproven(context, replicas)
        return open_look or _describe_served(context, covered, proofs, seconds)

    deadline = context.deadline(release.trial.timings.live, _EVERY)
    return until(look, "every gateway replica to serve the rule", deadline)


def _prove_replica(context: StepContext, replica: Replica, wanted: Wanted) -> ReplicaProof:
    missing = why_not_active(context, replica)
    if missing:
        return ReplicaProof(missing)
    return prove_served(context.ports.gateway, context.release, replica, wanted, context.tick)


def _wait_for_sure(context: StepContext, proofs: list[ReplicaProof], seconds: float) -> Pending | None:
    """Pending while a request that names nobody may still come to its route; None once that is unlikely.

    A gateway that told its configuration has the rule: there the request only has to reach it. Elsewhere the rule may
    still be on its way.
    """
    unsure = [(gap, proof.asked) for proof in proofs for gap in proof.unsure]
    patience = context.ports.gateway.replicas.endpoint_delay
    waiting = [gap for gap, asked in unsure if seconds < (min(_SOON, patience) if asked else patience)]
    return Pending(str(waiting[0])) if waiting else None


def _describe_served(
    context: StepContext, covered: CoveredRoutes, proofs: list[ReplicaProof], seconds: float
) -> _Served:
    gaps = tuple(gap for proof in proofs for gap in (*proof.gaps, *proof.unsure))
    routes, gap_text = covered.coverage.describe(gaps, asked=all(proof.asked for proof in proofs))
    context.keep("routes.json", json.dumps(covered.coverage.data(gaps), indent=1))
    count = len(proofs)
    return _Served(None, f"{count}/{count} gateway replicas serve it {routes}", gap_text, seconds)


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
    covered = find_covered(context.ports.gateway, context.release)

    def look() -> Judgement | Pending:
        replicas = context.replicas()
        ready = tuple(one for one in replicas if one.ready)
        proofs = []
        for replica in ready:
            proofs.append(_prove_gone(context, replica, covered))
            if proofs[-1].missing:
                return Pending(proofs[-1].missing)
        return find_unproven(context, ready, ready_only=True) or _describe_gone(covered, replicas, proofs)

    deadline = context.deadline(context.release.trial.timings.live, _EVERY)
    return until(look, "every gateway replica to be without the rule", deadline)


def _describe_gone(covered: CoveredRoutes, replicas: tuple[Replica, ...], proofs: list[ReplicaProof]) -> Judgement:
    ready, wanted = len(proofs), len(replicas)
    down = f", {wanted - ready} down," if ready < wanted else ""
    gaps = tuple(gap for proof in proofs for gap in (*proof.gaps, *proof.unsure))
    routes, gap_text = covered.coverage.describe(gaps, asked=all(proof.asked for proof in proofs))
    if covered.fault:
        routes, gap_text = "on its probe path", f"nobody knows its other routes: {covered.fault}"
    rest = f"; {gap_text}" if gap_text else ""
    return Judgement(Verdict.PASS, f"gone from {ready}/{wanted} gateway replicas{down} {routes}{rest}")


def _prove_gone(context: StepContext, replica: Replica, covered: CoveredRoutes) -> ReplicaProof:
    """The proof of one ready replica; its `missing` names the replica."""
    missing = why_not_active(context, replica)
    if missing:
        return ReplicaProof(f"{replica.name}: {missing}")
    proof = prove_gone(context.ports.gateway, context.release, replica, covered.coverage, context.tick)
    return replace(proof, missing=f"{replica.name}: {proof.missing}") if proof.missing else proof


def why_still_routed(context: StepContext, replicas: tuple[Replica, ...]) -> str:
    """Why one of the ready `replicas` is not without the rule; empty when all are."""
    covered = find_covered(context.ports.gateway, context.release)
    proofs = (_prove_gone(context, replica, covered) for replica in replicas if replica.ready)
    return next((proof.missing for proof in proofs if proof.missing), "")
