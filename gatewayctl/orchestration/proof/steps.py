"""Steps that prove: the rule is live on every replica, nothing leaks, and afterwards nothing of it is left."""

import json
from dataclasses import dataclass

from gatewayctl.domain.errors import DeadlineExceeded, EnvironmentFailed
from gatewayctl.domain.evidence import Answer, Attribution, LeakCase
from gatewayctl.domain.leaks import LeakProbe, leak_probes, neighbour_leaks
from gatewayctl.domain.platform import ConfigProof, Replica
from gatewayctl.domain.release import Outcome
from gatewayctl.domain.routing import rule_name
from gatewayctl.domain.verdicts import Judgement, Verdict
from gatewayctl.orchestration.canary_health import CanaryHealth
from gatewayctl.orchestration.context import StepContext
from gatewayctl.waiting import Pending, until

SETTLE = 1.0  # seconds after which whoever watches files or objects has heard of a write
ASTRAY = 20.0  # seconds after which a rule that is live and reaches no canary is not just early
GOING = 5.0  # seconds in which a replica that ends is taken out of the list
ROUNDS = 3  # probes in a row that must agree, each on a connection of its own


@dataclass(frozen=True, slots=True)
class Sighting:
    """One probe with its answer, as evidence; `fault` says why it counts as a leak, `silent` that no answer came."""

    replica: str
    case: str
    answered_by: str
    said: str
    fault: str = ""
    silent: bool = False


def prove_routed(context: StepContext) -> Judgement:
    """Every replica runs the rule, and answers marked requests from the canary; or it says so and backs out."""
    routes = _routes_expected(context)
    clock = context.ports.clock
    start = sound = clock.now()
    canary = CanaryHealth(context)

    def live() -> int | Judgement | Pending:
        nonlocal sound
        stands = canary.look()
        if isinstance(stands, (Judgement, Pending)):
            return stands
        replicas = context.replicas()
        if not replicas:
            raise EnvironmentFailed("the gateway has no replica")
        for replica in replicas:
            missing = _not_active(context, replica) or _not_routed(context, replica, routes)
            if missing:
                sound = sound if _goes_astray(context, replica) else clock.now()
                if clock.now() - sound > ASTRAY:
                    return Judgement(Verdict.FAIL, f"{replica.name} has run the rule for {ASTRAY:g} s, but {missing}")
                return Pending(f"{replica.name}: {missing}")
        return len(replicas)

    found = until(live, "every gateway replica to serve the rule", context.deadline(context.release.timings.live, 0.05))
    if isinstance(found, Judgement):
        return found
    return Judgement(
        Verdict.PASS, f"{found}/{found} gateway replicas serve it, {clock.now() - start:.1f} s after the write"
    )


def _routes_expected(context: StepContext) -> int:
    """How many routes of the files carry our rule."""
    files = context.ports.gateway.store.read().files
    name = context.release.rule.name
    return sum(1 for route in context.ports.gateway.dialect.routes(files) if route.name == name)


def _not_active(context: StepContext, replica: Replica) -> str:
    """Why a replica does not run the files of the store yet; one that is down loads them when it starts."""
    return context.ports.gateway.activation.activate(replica) if replica.ready else ""


def _not_routed(context: StepContext, replica: Replica, routes: int) -> str:
    """Why this replica does not serve the rule yet; empty when it does."""
    if routes < 1:
        return "the rule is not in the gateway's files"
    if not replica.ready:
        return replica.note or "not ready"
    proof = context.ports.gateway.readback.rule_of(replica, context.release.rule)
    if proof.asked and (proof.routes < routes or proof.mismatched):
        return f"{proof.routes} of {routes} routes carry the rule. {proof.detail}".strip()
    for _ in range(ROUNDS):
        answer = context.ports.gateway.prober.ask(replica, context.release.marked_probe)
        if context.release.attribution.attribute(answer) is not Attribution.CANARY:
            return f"a marked request was not answered by the canary ({context.release.attribution.explain(answer)})"
    return ""


def _goes_astray(context: StepContext, replica: Replica) -> bool:
    """The rule takes a marked request, and leads to something else than the canary: its Service is gone, or broken."""
    attribution = context.release.attribution
    answer = context.ports.gateway.prober.ask(replica, context.release.marked_probe)
    stamped = answer.headers.get(attribution.stamp_header) == attribution.stamp
    return stamped and attribution.attribute(answer) is not Attribution.CANARY


def prove_no_leak(context: StepContext) -> Judgement:
    """Every odd request, on every replica, several times: one answer from the canary fails the release.

    A replica that ends meanwhile breaks its connections off; that is no leak. Those that come meanwhile are asked, too.
    """
    found: dict[str, list[Sighting]] = {}

    def asked() -> tuple[Replica, ...] | Pending:
        replicas = context.replicas()
        for replica in replicas:
            if replica.name in found:
                continue
            if not replica.ready:
                return Pending(f"{replica.name}: {replica.note or 'not ready'}")
            context.tick(f"{replica.name}, {sum(map(len, found.values()))} probes so far")
            found[replica.name] = _ask_all(context, replica)
        return Pending("looking once more") if any(one.name not in found for one in context.replicas()) else replicas

    until(asked, "every gateway replica to be asked", context.deadline(context.release.timings.live))
    staying = _staying(context, {name for name, seen in found.items() if any(one.silent for one in seen)})
    sightings = [one for seen in found.values() for one in seen]
    faults = [one for one in sightings if one.fault and not (one.silent and one.replica not in staying)]
    context.keep("leaks.json", json.dumps([_as_dict(one) for one in sightings], indent=1))
    if faults:
        return Judgement(Verdict.FAIL, f"{len(faults)} leaks in {len(sightings)} probes; first: {faults[0].fault}")
    return Judgement(Verdict.PASS, f"0 in {len(sightings)} probes")


def _ask_all(context: StepContext, replica: Replica) -> list[Sighting]:
    """The whole matrix on one replica."""
    cases = (*leak_probes(context.release), *neighbour_leaks(context.release))
    ask = context.ports.gateway.prober.ask
    return [
        _judge_leak(context, replica, case, ask(replica, case.probe))
        for case in cases
        for _ in range(ROUNDS if case.case is not LeakCase.NEIGHBOUR else 1)
    ]


def _staying(context: StepContext, silent: set[str]) -> set[str]:
    """Those of `silent` that are still there after the time in which whoever ends is taken out of the list."""
    left = set(silent)

    def gone() -> bool | Pending:
        left.intersection_update(replica.name for replica in context.replicas())
        return Pending(f"{', '.join(sorted(left))} did not answer") if left else True

    try:
        until(gone, "replicas that broke off to be gone", context.deadline(GOING))
    except DeadlineExceeded:
        return left
    return set()


def prove_all(context: StepContext) -> Judgement:
    """Both proofs: hours may lie between the first ones and the promotion, and people edit gateways meanwhile."""
    routed = prove_routed(context)
    if routed.verdict is not Verdict.PASS:
        return routed
    leaks = prove_no_leak(context)
    return Judgement(leaks.verdict, f"{routed.text.partition(',')[0]}; leaks {leaks.text}")


def _judge_leak(context: StepContext, replica: Replica, case: LeakProbe, answer: Answer) -> Sighting:
    found = case.attribution.attribute(answer)
    said = case.attribution.explain(answer)
    if case.case is LeakCase.NEIGHBOUR:
        # The neighbour may have a rule of its own for this header: only our stamp or our canary's word is a leak.
        attribution = context.release.attribution
        stamped = answer.headers.get(attribution.stamp_header) == attribution.stamp
        ours = attribution.identity.who(attribution.identify.read(answer)) is Attribution.CANARY
        fine = bool(answer.status) and not stamped and not ours
    else:
        fine = found in context.ports.gateway.dialect.limits.allowed(case.case)
    fault = "" if fine else f"{replica.name}, {case.label}: {said}"
    return Sighting(replica.name, case.label, found, said, fault, silent=not answer.status)


def _as_dict(sighting: Sighting) -> dict[str, str]:
    return {
        "replica": sighting.replica,
        "case": sighting.case,
        "answered_by": sighting.answered_by,
        "detail": sighting.said,
    }


def prove_cleared(context: StepContext) -> Judgement:
    """No running replica has the rule any more; one that is down serves nobody, and starts with the new files.

    Unless every replica was seen with the rule, one without it may not have got it *yet*: its kubelet has heard of the
    write that brought it, and not of the one that took it away. So it is looked at again once that must be over.
    """
    if context.release.outcome is not Outcome.PROMOTED:
        return prove_settled(context)
    return _gone(*_until_gone(context))


def prove_settled(context: StepContext) -> Judgement:
    """The same, and none can still get it: whoever wrote it last, every replica has heard of its removal by now."""
    _until_gone(context)
    _settle(context)
    return _gone(*_until_gone(context))


def _gone(ready: int, wanted: int) -> Judgement:
    down = f", {wanted - ready} down" if ready < wanted else ""
    return Judgement(Verdict.PASS, f"gone from {ready}/{wanted} gateway replicas{down}")


def _until_gone(context: StepContext) -> tuple[int, int]:
    """How many replicas are ready and how many there are, once no ready one has the rule."""

    def gone() -> tuple[int, int] | Pending:
        replicas = context.replicas()
        left = still_routed(context, replicas)
        return Pending(left) if left else (sum(1 for one in replicas if one.ready), len(replicas))

    return until(
        gone, "every gateway replica to be without the rule", context.deadline(context.release.timings.live, 0.05)
    )


def _settle(context: StepContext) -> None:
    clock = context.ports.clock
    over = clock.now() + SETTLE

    def settled() -> bool | Pending:
        return clock.now() >= over or Pending("looking once more")

    until(settled, "late files to arrive", context.deadline(2 * SETTLE))


def still_routed(context: StepContext, replicas: tuple[Replica, ...] | None = None) -> str:
    """Why a ready replica is not without the rule; empty when all are."""
    for replica in context.replicas() if replicas is None else replicas:
        left = (_not_active(context, replica) or _still_routed(context, replica)) if replica.ready else ""
        if left:
            return f"{replica.name}: {left}"
    return ""


def _still_routed(context: StepContext, replica: Replica) -> str:
    proof = context.ports.gateway.readback.rule_of(replica, context.release.rule)
    if proof.named:
        return f"{proof.named} routes named {rule_name(context.release.app)}"
    for _ in range(ROUNDS):
        answer = context.ports.gateway.prober.ask(replica, context.release.marked_probe)
        if not _is_cleared(context, proof, answer):
            return f"a marked request was not answered by stable ({context.release.attribution.explain(answer)})"
    return ""


def _is_cleared(context: StepContext, proof: ConfigProof, answer: Answer) -> bool:
    """Answered by stable; or, when stable itself is in trouble, at least provably not by the canary's rule."""
    attribution = context.release.attribution
    if attribution.attribute(answer) is Attribution.STABLE:
        return True
    word = attribution.identity.who(attribution.identify.read(answer))
    stamped = answer.headers.get(attribution.stamp_header) == attribution.stamp
    return proof.asked and bool(answer.status) and not stamped and word is not Attribution.CANARY


def routed_now(context: StepContext) -> tuple[tuple[str, str], ...]:
    """For `status` and `route verify`: each replica with why it does not serve the rule; empty when it does."""
    routes = _routes_expected(context)
    found = []
    for replica in context.replicas():
        try:
            found.append((replica.name, _not_routed(context, replica, routes)))
        except (EnvironmentFailed, DeadlineExceeded) as fault:
            found.append((replica.name, str(fault)))
    return tuple(found)
