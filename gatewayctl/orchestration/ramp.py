"""Steps that give the canary a share of real traffic, more of it, all of it, and none of it again."""

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.judgement import Judgement, Verdict
from gatewayctl.domain.routing import Change
from gatewayctl.orchestration import routes, workloads
from gatewayctl.orchestration.context import StepContext
from gatewayctl.orchestration.proof.share import prove_returned, prove_share
from gatewayctl.orchestration.retries import retry_on_conflict


def shift_share(context: StepContext) -> Judgement:
    """The canary has the Pods of this step; then the rule has its share."""
    replicas = context.release.trial.ramp.steps[context.release.step].replicas
    if replicas:
        scaled = workloads.scale_canary(context, replicas)
        if scaled.verdict is not Verdict.PASS:
            return scaled
    return routes.publish(context)


def carry_all(context: StepContext) -> Judgement:
    """The canary is as large as stable, and every replica sends all unmarked requests to it: stable can roll."""
    size = context.ports.workloads.read_now(context.release.target.stable).replicas
    scaled = workloads.scale_canary(context, max(size, 1))
    if scaled.verdict is not Verdict.PASS:
        return scaled
    published = routes.publish(context)
    if published.verdict is not Verdict.PASS:
        return published
    shared = prove_share(context)
    return Judgement(shared.verdict, f"{scaled.text}; {shared.text}")


def return_share(context: StepContext) -> Judgement:
    """Stable gets all unmarked requests again; then no replica sends one to the canary. Marked ones stay as they are.

    Where the rule cannot be written without its share, because somebody changed the files, the whole rule goes.
    """
    retry_on_conflict(context, lambda: _take_share_away(context))
    return prove_returned(context)


def _take_share_away(context: StepContext) -> bool:
    gateway, release = context.ports.gateway, context.release
    stored = gateway.store.read()
    change = Change(())
    if any(release.rule.name in file.text for file in stored.files):
        try:
            change = gateway.dialect.insert(stored.files, release.rule)
        except Refused:
            change = gateway.dialect.remove(stored.files, release.app)
    for stage in change.stages or ((),):  # written even when nothing differs: see routes.remove
        stored = context.write(stage, stored)
    return bool(change.stages)
