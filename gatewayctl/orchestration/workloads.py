"""Steps that change Deployments: warm the canary, promote or restore stable, stop the canary."""

from collections.abc import Callable

from gatewayctl.domain.errors import DeadlineExceeded, EnvironmentFailed, Missing, StaleWrite
from gatewayctl.domain.judgement import Judgement, Verdict
from gatewayctl.domain.platform import Workload
from gatewayctl.domain.release import Outcome
from gatewayctl.domain.rollout import Rollout, ghost_note
from gatewayctl.orchestration.canary_health import wait_for_canary
from gatewayctl.orchestration.context import StepContext
from gatewayctl.orchestration.proof.steps import prove_settled, why_still_routed
from gatewayctl.orchestration.rollouts import wait_for_rollout
from gatewayctl.orchestration.routes import drain, remove_upstreams
from gatewayctl.waiting import Backoff, Pending, until

_RETURNS = 5  # removals of the rule; if it is back after each of them, somebody inserts it
_TRIES = 20  # writes; if others change the object before each of them, they do it on purpose


def start_canary(context: StepContext) -> Judgement:
    """The canary runs the new image with one replica, where every node can reach it; else it is rejected with why."""
    release = context.release
    name = release.target.canary

    def is_done(now: Workload) -> bool:
        return now.runs(release.image) and now.replicas == 1

    _set(context, name, is_done, image=release.image, replicas=1)
    ready = wait_for_rollout(context, name, Rollout(release.image, release.trial.timings.ready))
    if ready.verdict is not Verdict.PASS:
        return ready
    return wait_for_canary(context, context.ports.workloads.lag) or ready


def scale_canary(context: StepContext, replicas: int) -> Judgement:
    """The canary has so many Pods of the release's image, and every node can reach them; else it is rejected."""
    release = context.release
    name = release.target.canary

    def is_done(now: Workload) -> bool | Judgement:
        if not now.runs(release.image):
            return Judgement(Verdict.CONFLICT, f"{name} was changed to {now.image} by someone else")
        return now.replicas == replicas

    rollout = Rollout(release.image, release.trial.timings.ready, replicas=replicas, build=release.build)
    ready = _set(context, name, is_done, replicas=replicas) or wait_for_rollout(context, name, rollout)
    if ready.verdict is not Verdict.PASS:
        return ready
    return wait_for_canary(context, context.ports.workloads.lag) or ready


def promote_stable(context: StepContext) -> Judgement:
    """Stable runs the new image. Someone else's image is not overwritten."""
    release = context.release
    name = release.target.stable

    def is_done(now: Workload) -> bool | Judgement:
        if now.image == release.before:  # asked first: a webhook may have given the old image the new one's name
            return False
        return now.runs(release.image) or Judgement(
            Verdict.CONFLICT, f"{name} was changed to {now.image} by someone else while {release.id} was being tried"
        )

    rollout = Rollout(release.image, release.trial.timings.ready, build=release.build)
    return _set(context, name, is_done, image=release.image) or wait_for_rollout(context, name, rollout)


def hold_stable(context: StepContext) -> str:
    """The image of stable. The old one is written once more: what another process read before cannot be replaced then.

    Raises StaleWrite.
    """
    release, seen = context.release, ""

    def is_done(now: Workload) -> bool:
        nonlocal seen
        seen = now.image
        return seen != release.before

    _set(context, release.target.stable, is_done, image=release.before)
    return seen


def restore_stable(context: StepContext) -> Judgement:
    """Stable runs the image it had. Someone else's image is left alone."""
    release = context.release
    name = release.target.stable

    def is_done(now: Workload) -> bool | Judgement:
        if not (now.runs(release.before) or now.runs(release.image)):
            return Judgement(Verdict.PASS, f"{name} runs {now.image}, set by someone else; left alone")
        return False  # written even when it is there: a promotion that is still under way can then no longer write

    # Somebody may have scaled stable to 0 meanwhile: the image is all that we changed, and all that we take back.
    rollout = Rollout(release.before, release.trial.timings.ready, may_be_empty=True)
    return _set(context, name, is_done, image=release.before) or wait_for_rollout(context, name, rollout)


def stop_canary(context: StepContext) -> Judgement:
    """No canary pod is left; the image is the promoted one, or what it was before."""
    release = context.release
    name = release.target.canary
    if not release.keeps_rule:
        _clear_leftovers(context)
    image = release.image if release.outcome is Outcome.PROMOTED else release.canary_before
    try:
        # Always written, even when all is there: a process that was paused before it scaled up can then not write.
        _set(context, name, lambda _: False, image=image, replicas=0)
        left = _wait_for_no_pod(context, name)
    except Missing as fault:  # somebody deleted the Deployment: nothing is left to stop
        return Judgement(Verdict.PASS, f"{fault}: someone took it away")
    return Judgement(Verdict.PASS, f"{name} 0/0, image {image}{left}")


def _wait_for_no_pod(context: StepContext, name: str) -> str:
    """Wait until no Pod is left; what to say of those that are, but to which nothing sends any more.

    Raises DeadlineExceeded when Pods are left that nobody ends.
    """

    def look() -> Workload | Pending:
        now = context.ports.workloads.read(name)
        if now.replicas or now.pods:
            return Pending(f"{name} still has {len(now.pods)} pods, {now.replicas} wanted")
        return now

    try:
        now = until(look, f"{name} to have no pod", context.deadline(context.release.trial.timings.ready, 0.05))
    except DeadlineExceeded:
        now = context.ports.workloads.read(name)
        if now.replicas or len(now.pods) > now.ending:
            raise
    ending = f"; {now.ending} of its Pods are still ending, and get no requests" if now.pods else ""
    return f"{ending}; {ghost_note(now)}" if now.ghosts else ending


def _clear_leftovers(context: StepContext) -> None:
    """Right before the canary stops: the rule may be back, by a manual edit, or on a replica with older files.

    A rule that comes back while the last requests end is found, too. Raises EnvironmentFailed when it is always back.
    """
    left = ""
    for _ in range(_RETURNS):
        left = "in the files" if remove_upstreams(context) else _why_still_routed(context)
        if not left:
            return
        prove_settled(context)
        drain(context)
    raise EnvironmentFailed(
        f"the rule of {context.release.app} came back {_RETURNS} times in a row; the last time: {left}",
        hint=f"find out who brings it back, then gatewayctl resume {context.release.app}",
    )


def _why_still_routed(context: StepContext) -> str:
    """Why a replica is not without the rule. Nothing looks again after this, so no list that may be late."""
    return why_still_routed(context, context.ports.gateway.replicas.list_now())


def _set(
    context: StepContext,
    name: str,
    is_done: Callable[[Workload], bool | Judgement],
    *,
    image: str | None = None,
    replicas: int | None = None,
) -> Judgement | None:
    """Write image, replicas or both if they differ; read again if someone else wrote in between.

    `is_done` looks at what the write would replace: True when nothing has to be written, a Judgement when it must not.
    None when the Deployment is as it should be. Raises StaleWrite.
    """
    for number in range(1, _TRIES + 1):
        now = context.ports.workloads.read(name)
        done = is_done(now)
        if done:
            return done if isinstance(done, Judgement) else None
        try:
            context.change(now, image=image, replicas=replicas)
        except StaleWrite as fault:
            context.pause(Backoff(context.release.id, 0.1, 2.0).pause(number), str(fault))
            continue
        return None
    raise StaleWrite(f"{name} was changed by others {_TRIES} times in a row while it was being written")
