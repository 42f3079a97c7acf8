"""Proof of one gateway replica: whether it serves a release's rule, or is without it. Needs a gateway and a release.

Each function looks once and returns a reason in words; nothing here waits, writes or judges a release.
"""

from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.evidence import Answer, Attribution
from gatewayctl.domain.platform import Replica, RuleProof
from gatewayctl.domain.release import Release
from gatewayctl.orchestration.context import Gateway

ROUNDS = 3  # probes in a row that must agree, each on a connection of its own


def why_not_served(gateway: Gateway, release: Release, replica: Replica, routes: int) -> str:
    """Why the replica does not serve the rule on all of its `routes`; empty when it does."""
    if routes < 1:
        return "the rule is not in the gateway's files"
    if not replica.ready:
        return replica.note or "not ready"
    proof = gateway.readback.rule_of(replica, release.rule)
    if proof.asked and (proof.routes < routes or proof.mismatched):
        return f"{proof.routes} of {routes} routes carry the rule. {proof.detail}".strip()
    for _ in range(ROUNDS):
        answer = gateway.prober.ask(replica, release.marked_probe)
        if release.attribution.attribute(answer) is not Attribution.CANARY:
            return f"a marked request was not answered by the canary ({release.attribution.explain(answer)})"
    return ""


def sends_elsewhere(gateway: Gateway, release: Release, replica: Replica, routes: int) -> bool:
    """Whether the rule takes a marked request, but the canary does not answer: its Service is gone, or broken.

    Where the gateway cannot stamp, read-back has to say that all `routes` carry the rule; without it nobody knows.
    """
    answer, attribution = gateway.prober.ask(replica, release.marked_probe), release.attribution
    if not answer.status or attribution.attribute(answer) is Attribution.CANARY:
        return False
    if attribution.stamps:
        return attribution.is_stamped(answer)
    proof = gateway.readback.rule_of(replica, release.rule)
    return proof.asked and 0 < routes <= proof.routes and not proof.mismatched


def why_not_gone(gateway: Gateway, release: Release, replica: Replica) -> str:
    """Why the replica, which must be ready, still has the rule; empty when it has none."""
    proof = gateway.readback.rule_of(replica, release.rule)
    if proof.named:
        return f"{proof.named} routes named {release.rule.name}"
    for _ in range(ROUNDS):
        answer = gateway.prober.ask(replica, release.marked_probe)
        if not _is_without_rule(release, proof, answer):
            return f"a marked request was not answered by stable ({release.attribution.explain(answer)})"
    return ""


def _is_without_rule(release: Release, proof: RuleProof, answer: Answer) -> bool:
    """Answered by stable; or, when stable itself is in trouble, at least provably not by the canary's rule."""
    attribution = release.attribution
    if attribution.attribute(answer) is Attribution.STABLE:
        return True
    is_ours = attribution.is_stamped(answer) or attribution.word_of(answer) is Attribution.CANARY
    return proof.asked and bool(answer.status) and not is_ours


def explain_replicas(gateway: Gateway, release: Release) -> dict[str, str]:
    """Each replica's name with why it does not serve the rule; empty text where it does. Raises EnvironmentFailed."""
    routes = len(gateway.own_routes(release.app))
    return {replica.name: _explain(gateway, release, replica, routes) for replica in gateway.replicas.list()}


def _explain(gateway: Gateway, release: Release, replica: Replica, routes: int) -> str:
    try:
        return why_not_served(gateway, release, replica, routes)
    except EnvironmentFailed as fault:
        return str(fault)
