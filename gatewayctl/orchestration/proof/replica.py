"""Proof of one gateway replica: whether it serves a release's rule on every route, or is without it.

Each function looks once and returns a reason in words; nothing here waits, writes or judges a release.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from gatewayctl.domain.coverage import Coverage, Gap
from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.domain.evidence import Answer, Attribution
from gatewayctl.domain.platform import Replica, RuleProof
from gatewayctl.domain.release import Release
from gatewayctl.orchestration.context import Gateway
from gatewayctl.orchestration.proof.route import Asker, RouteState

ROUNDS = 3  # probes in a row that must agree, each on a connection of its own


@dataclass(frozen=True, slots=True)
class ReplicaProof:
    """What one look showed: `missing` is why the proof does not hold, empty when it does.

    `gaps` are routes whose request does not reach them; `unsure` those of which that is not certain yet. `asked` says
    that the replica told its configuration.
    """

    missing: str = ""
    asked: bool = False
    gaps: tuple[Gap, ...] = ()
    unsure: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a replica has to serve: `rules` routes of its configuration, and what `coverage` asks for."""

    rules: int
    coverage: Coverage = field(default_factory=Coverage)


def prove_served(
    gateway: Gateway, release: Release, replica: Replica, wanted: Wanted, tick: Callable[[str], None]
) -> ReplicaProof:
    """Whether the replica serves the rule on all routes. Raises EnvironmentFailed."""
    if wanted.rules < 1:
        return ReplicaProof("the rule is not in the gateway's files")
    if not replica.ready:
        return ReplicaProof(replica.note or "not ready")
    proof = gateway.readback.rule_of(replica, release.rule)
    if proof.asked and (proof.routes < wanted.rules or proof.mismatched):
        return ReplicaProof(f"{proof.routes} of {wanted.rules} routes carry the rule. {proof.detail}".strip())
    if proof.asked and release.rule.share and proof.shares < wanted.rules:
        shares = f"{proof.shares} of {wanted.rules} routes send {release.rule.share} % of the unmarked requests to it"
        return ReplicaProof(f"{shares}. {proof.detail}".strip())
    for _ in range(ROUNDS):
        answer = gateway.prober.ask(replica, release.marked_probe)
        if release.attribution.attribute(answer) is not Attribution.CANARY:
            said = release.attribution.explain(answer)
            return ReplicaProof(f"a marked request was not answered by the canary ({said})")
    asker = Asker(gateway.prober, release, replica, 1 if proof.asked else ROUNDS, tick)
    return _prove_routes(wanted.coverage, proof, asker.served)


def _prove_routes(coverage: Coverage, proof: RuleProof, ask: Callable[..., RouteState]) -> ReplicaProof:
    """Every request of `coverage`; the first one that contradicts ends the look."""
    gaps: list[Gap] = []
    unsure: list[Gap] = []
    for request in coverage.requests:
        state = ask(request)
        if state.missing:
            return ReplicaProof(f"{request.route}: {state.missing}", proof.asked)
        if state.gap:
            (gaps if state.certain else unsure).append(Gap(request.route, state.gap))
    return ReplicaProof("", proof.asked, tuple(gaps), tuple(unsure))


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


def prove_gone(
    gateway: Gateway, release: Release, replica: Replica, coverage: Coverage, tick: Callable[[str], None]
) -> ReplicaProof:
    """Whether the replica, which must be ready, is without the rule. Raises EnvironmentFailed."""
    proof = gateway.readback.rule_of(replica, release.rule)
    if proof.named:
        return ReplicaProof(f"{proof.named} routes named {release.rule.name}")
    for _ in range(ROUNDS):
        answer = gateway.prober.ask(replica, release.marked_probe)
        if not _is_without_rule(release, proof, answer):
            return ReplicaProof(f"a marked request was not answered by stable ({release.attribution.explain(answer)})")
    asker = Asker(gateway.prober, release, replica, 1 if proof.asked else ROUNDS, tick)
    return _prove_routes(coverage, proof, lambda request: asker.gone(request, asked=proof.asked))


def _is_without_rule(release: Release, proof: RuleProof, answer: Answer) -> bool:
    """Answered by stable; or, when stable itself is in trouble, at least provably not by the canary's rule."""
    attribution = release.attribution
    if attribution.attribute(answer) is Attribution.STABLE:
        return True
    is_ours = attribution.is_stamped(answer) or attribution.word_of(answer) is Attribution.CANARY
    return proof.asked and bool(answer.status) and not is_ours


def explain_replicas(gateway: Gateway, release: Release, wanted: Wanted) -> dict[str, str]:
    """Each replica's name with why it does not serve the rule; empty text where it does. Raises EnvironmentFailed."""
    return {replica.name: _explain(gateway, release, replica, wanted) for replica in gateway.replicas.list()}


def _explain(gateway: Gateway, release: Release, replica: Replica, wanted: Wanted) -> str:
    try:
        return prove_served(gateway, release, replica, wanted, lambda _: None).missing
    except EnvironmentFailed as fault:
        return str(fault)
