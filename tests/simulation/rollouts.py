"""Whether a rollout is really complete when a release says so, and whether a release was due when it was promoted."""

import math
from dataclasses import dataclass

from gatewayctl.domain.release import Outcome, Phase, Release
from tests.simulation.transitions import Mover
from tests.simulation.world import SimWorld

_LATEST = 5.0  # seconds from the look at a release to the journal write that decides on it, without faults


@dataclass(frozen=True, slots=True)
class Looked:
    """When a process last read a Deployment, and when something else last happened to its Pods. Seconds."""

    read: float
    disturbed: float


def why_incomplete(world: SimWorld, name: str, image: str, looked: Looked) -> str:
    """What is missing from this rollout; empty when nothing is, or when something else happened since that read."""
    deployment = world.deployments[name]
    if looked.disturbed >= looked.read or deployment.image != image:
        return ""
    good = sum(world.is_available(pod) and pod.image == image for pod in deployment.pods)
    others = [pod for pod in deployment.pods if pod.image != image and pod.name not in world.ghosts]
    if others:
        return f"{name} still has {others[0].name} of {others[0].image}"
    return "" if good >= max(1, deployment.replicas) else f"{name} has {good} of {deployment.replicas} pods of {image}"


def rolled_out(old: Release, new: Release) -> tuple[str, str] | None:
    """The Deployment and the image whose rollout this move says is complete."""
    if old.phase is Phase.WARM and new.phase is Phase.ROUTE:
        return new.target.canary, new.image
    if old.phase is Phase.PROMOTE and new.outcome is Outcome.PROMOTED:
        return new.target.stable, new.image
    if old.phase is Phase.RESTORE and new.phase is not old.phase:
        return new.target.stable, new.before
    return None


def why_too_late(old: Release, new: Release, mover: Mover, *, strict: bool) -> str:
    """Nothing is promoted that was proven too long ago, by the clock of whoever promotes it.

    Not strictly judged, a process that met a fault may be late, and so may proofs and tests after the decision.
    """
    if old.phase is new.phase or new.phase not in (Phase.CONFIRM, Phase.PROMOTE):
        return ""
    over = mover.wall - new.expires
    lenient = mover.hindered or old.phase is not Phase.WAIT
    allowed = 0.0 if strict else math.inf if lenient else _LATEST
    return f"{new.id} goes to {new.phase} {over:.0f} s after it expired" if over > allowed else ""
