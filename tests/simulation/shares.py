"""Judges shares: no unmarked request reaches a canary beyond what the journal says, and its Pods are there first."""

from gatewayctl.domain.ramp import Promotion
from gatewayctl.domain.release import Phase, Release
from tests.fakes.toy import ToyRoute
from tests.simulation.fences import Violation
from tests.simulation.world import SimWorld

# Phases in which the journal says that the rule is live on every replica.
_RAMP = (Phase.SHIFT, Phase.SHARE, Phase.OBSERVE, Phase.PAUSED)
ROUTED = frozenset(
    {Phase.LEAKS, Phase.SMOKE, Phase.LOAD, *_RAMP, Phase.WAIT, Phase.CONFIRM, Phase.CARRY, Phase.PROMOTE}
)
WRITES_RULE = (Phase.ROUTE, Phase.SHIFT, Phase.CARRY, Phase.RETURN, Phase.UNROUTE)
# A pause is only journaled: a write that is under way arrives after it, and the share that is journaled stays.
_WRITES_SHARE = (Phase.SHIFT, Phase.PAUSED, Phase.CARRY, Phase.RETURN, Phase.UNROUTE)


def is_steered(release: Release) -> bool:
    """Whether stable rolls without traffic."""
    return release.trial.promotion is Promotion.STEERED


def check_share(world: SimWorld, who: str, app: str, shares: tuple[ToyRoute, ...]) -> None:
    """I1: no more than the journal says, as long as it does."""
    record = world.records.get(app)
    journaled = record.release.share if record and not record.release.ended else 0
    most = max(int(one.share) for one in shares)
    if most > journaled:
        raise Violation("I1", f"{who} sends {most} % of unmarked requests to {app}-canary, {journaled} % journaled")


def check_carried(world: SimWorld, release: Release, since: float) -> None:
    """I1: while stable rolls, no replica that was there when all traffic was shifted sends it an unmarked request.

    So no answers of old and new are mixed.
    """
    app = release.app
    for gate in world.gates.values():
        if not gate.up or gate.is_stale or gate.serving_since >= since - world.list_lag:
            continue
        running = world.files_run_by(gate)
        if [one.share for one in running.shares.get(app, ())].count("100") < running.plain.get(app, 0):
            raise Violation("I1", f"{gate.name} sends unmarked requests to {app}, which rolls")


def check_share_write(world: SimWorld, release: Release, shares: tuple[ToyRoute, ...], *, undisturbed: bool) -> None:
    """I1, and the Pods that take the requests are there first, unless something else took them away."""
    if not shares and release.phase is Phase.COOL:
        return  # somebody put the whole rule back
    if release.phase not in _WRITES_SHARE:
        raise Violation("I5", f"{release.id} wrote a share in phase {release.phase}")
    if not shares:
        return
    check_share(world, f"{release.id}, as written,", release.app, shares)
    ready, wanted = world.ready(release.target.canary), _canary_size(world, release)
    if release.phase in (Phase.SHIFT, Phase.CARRY) and undisturbed and ready < wanted:
        raise Violation("I3", f"{release.id} writes a share for {wanted} canary Pods, of which {ready} are ready")


def canary_sizes(world: SimWorld, release: Release) -> set[int]:
    """How many Pods the canary may get; a write for a step may come late, when the release is on its way out."""
    carrying = {world.deployments[release.target.stable].replicas} if is_steered(release) else set()
    return carrying | {step.replicas for step in release.trial.ramp.steps if step.replicas}


def _canary_size(world: SimWorld, release: Release) -> int:
    """The Pods that the canary has in this step of its ramp, or to carry all traffic."""
    if release.phase is Phase.CARRY:
        return world.deployments[release.target.stable].replicas
    return max([1, *(step.replicas for step in release.trial.ramp.steps[: release.step + 1])])
