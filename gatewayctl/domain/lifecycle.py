"""What happens next: `advance(release, event) -> (release, effects)`, pure, for every phase and every event.

On the way in the canary is ready before the rule sends to it. On the way out the rule is gone from every replica and
the requests in flight have ended before the canary stops. A phase has one effect, which can be repeated, so that a
resume asks for it again. An event of another phase than the one a release is in came late or twice: it changes nothing.

What is particular to a phase is in the table of phases.py; here is what holds for all of them.
"""

from dataclasses import replace

from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.events import (
    AbortAsked,
    Cause,
    Event,
    Failed,
    Passed,
    PauseAsked,
    PromoteAsked,
    RampAsked,
    Resumed,
    SkipAsked,
    SmokeAsked,
    at_time,
    event_of,
)
from gatewayctl.domain.phases import (
    ROWS,
    begin_step,
    begin_tests,
    has_tests,
    leave,
    needs_ramp,
    phases_of,
    skip_step,
)
from gatewayctl.domain.ramp import Undecided
from gatewayctl.domain.release import Outcome, Phase, Release
from gatewayctl.domain.stages import Effect, Stage

__all__ = [
    "EFFECTS",
    "WAY_OUT",
    "AbortAsked",
    "Cause",
    "Effect",
    "Event",
    "Failed",
    "Passed",
    "PauseAsked",
    "PromoteAsked",
    "RampAsked",
    "Resumed",
    "SkipAsked",
    "SmokeAsked",
    "advance",
    "at_time",
    "event_of",
    "was_steered",
]


EFFECTS: dict[Phase, tuple[Effect, ...]] = {row.phase: (row.effect,) if row.effect else () for row in ROWS.values()}
WAY_OUT = phases_of(Stage.OUT)
"""What fails here is tried again by a person, because nothing is left to back out to."""


def advance(release: Release, event: Event) -> tuple[Release, tuple[Effect, ...]]:
    """Decide what happens next; touch nothing.

    Raises UsageFault for a request that the release cannot grant (promote before it is tested, for one).
    """
    moved = _move(release, event)
    return moved, () if moved.stuck else EFFECTS[moved.phase]


def was_steered(before: Release, after: Release) -> bool:
    """Whether somebody paused or skipped a step of the ramp in which the release was; so it is not on its way back."""
    return ROWS[before.phase].stage is Stage.RAMP and after.outcome is Outcome.OPEN and not after.ended


def _move(release: Release, event: Event) -> Release:
    if release.ended:
        return release
    match event:
        case Passed(phase, now, build) if phase is release.phase:
            passed = replace(release, stuck="", build=build or release.build, judged=event.judged or release.judged)
            return _stay(passed, now) if event.more else _go_on(passed, now)
        case Failed(phase, cause, reason) if phase is release.phase and ROWS[phase].effect:
            return _fail(release, cause, reason)
        case AbortAsked(reason):
            return _abort(replace(release, stuck=""), reason)
        case Resumed(now, stable_image):
            return _resume(replace(release, stuck=""), now, stable_image)
        case _:
            return _grant(release, event)


def _grant(release: Release, event: Event) -> Release:
    """What somebody asked for. Raises UsageFault where the release cannot grant it."""
    match event:
        case PromoteAsked():
            return _promote(release, event)
        case SmokeAsked(now):
            return _smoke(release, now)
        case RampAsked(now):
            return _ramp(release, now)
        case PauseAsked():
            return _pause(release)
        case SkipAsked(now):
            return _skip(release, now)
        case _:
            return release  # a late or repeated event


def _go_on(release: Release, now: float) -> Release:
    """To what follows; a release that has expired meanwhile is not made stable."""
    moved = ROWS[release.phase].after(release)
    if moved.phase is Phase.OBSERVE and not moved.step_began:
        moved = replace(moved, step_began=now)
    return _expire(release) if _may_promote(moved) and release.has_expired(now) else moved


def _stay(release: Release, now: float) -> Release:
    """In a step that goes on, unless the release has expired."""
    return _expire(release) if release.has_expired(now) else release


def _resume(release: Release, now: float, stable_image: str) -> Release:
    """Where the phase says; a release that has expired goes back, unless it waits or is on its way out."""
    row = ROWS[release.phase]
    if release.has_expired(now) and row.stage not in (Stage.DECIDE, Stage.OUT, Stage.END):
        return _expire(release)
    return row.resume(release, stable_image)


def _may_promote(release: Release) -> bool:
    return ROWS[release.phase].stage is Stage.PROMOTE


def _expire(release: Release) -> Release:
    return _back_out(release, Outcome.ABORTED, "it has expired: what was proven is too old to rely on")


def _fail(release: Release, cause: Cause, reason: str) -> Release:
    if release.phase in WAY_OUT:
        return replace(release, stuck=reason)
    judging = release.trial.ramp.judging
    is_asked = judging is not None and judging.undecided is Undecided.ASK
    if cause is Cause.INCONCLUSIVE and release.phase is Phase.OBSERVE and is_asked:
        return release.at(Phase.PAUSED)
    return _back_out(replace(release, tested=False), cause.outcome, reason)


def _back_out(release: Release, outcome: Outcome, reason: str) -> Release:
    """Back to how everything was before: unmarked requests first, then stable, if it may have been changed."""
    changed = ROWS[release.phase].changes_stable or release.promote_begun or release.outcome is Outcome.PROMOTED
    return leave(replace(release, outcome=outcome, reason=reason, promote_begun=changed))


def _abort(release: Release, reason: str) -> Release:
    """An abort is always accepted; a release that is already on its way back continues."""
    if release.outcome not in (Outcome.OPEN, Outcome.PROMOTED):
        return release
    return _back_out(release, Outcome.ABORTED, reason)


def _promote(release: Release, asked: PromoteAsked) -> Release:
    if _may_promote(release) or release.outcome is Outcome.PROMOTED:  # it is being done: go on with it
        return _resume(replace(release, stuck=""), asked.now, asked.stable_image)
    if ROWS[release.phase].stage is not Stage.DECIDE:
        raise UsageFault(
            f"release {release.id} of {release.app} cannot be promoted in phase {release.phase}",
            hint=f"gatewayctl status {release.app}",
        )
    _refuse_if_expired(release, asked.now)
    if has_tests(release) and not (release.tested or asked.untested):
        raise UsageFault(
            f"release {release.id} of {release.app} has not passed its suites",
            hint=f"gatewayctl smoke {release.app}, or promote with --untested if they ran elsewhere",
        )
    if needs_ramp(release) and not asked.untested:
        raise UsageFault(
            f"release {release.id} of {release.app} has not passed its ramp",
            hint=f"gatewayctl ramp {release.app}, or promote with --untested to leave it out",
        )
    return release.at(Phase.CONFIRM)


def _ramp(release: Release, now: float) -> Release:
    """From where it waits to the first step of the ramp that has not passed."""
    stage = ROWS[release.phase].stage
    if stage in (Stage.RAMP, Stage.PAUSE):
        return _resume(release, now, "")
    if stage is not Stage.DECIDE or release.ramped:
        raise UsageFault(
            f"release {release.id} of {release.app} cannot be ramped "
            + (f"in phase {release.phase}" if stage is not Stage.DECIDE else "again: it has passed its ramp"),
            hint=f"gatewayctl status {release.app}",
        )
    if not release.trial.ramp.steps:
        raise UsageFault(
            f"{release.app} has no ramp", hint="add ramp: {steps: mesh} to the application in gatewayctl.yaml"
        )
    _refuse_if_expired(release, now)
    _refuse_if_untested(release)
    return begin_step(release)


def _pause(release: Release) -> Release:
    stage = ROWS[release.phase].stage
    if stage is Stage.RAMP:
        return release.at(Phase.PAUSED)
    if stage is Stage.PAUSE:
        return release
    raise _not_in_ramp(release, "paused")


def _skip(release: Release, now: float) -> Release:
    if ROWS[release.phase].stage not in (Stage.RAMP, Stage.PAUSE):
        raise _not_in_ramp(release, "skipped")
    _refuse_if_expired(release, now)
    return skip_step(release)


def _not_in_ramp(release: Release, what: str) -> UsageFault:
    return UsageFault(
        f"release {release.id} of {release.app} is in no step of a ramp that could be {what}: it is in phase "
        f"{release.phase}",
        hint=f"gatewayctl status {release.app}",
    )


def _refuse_if_untested(release: Release) -> None:
    if has_tests(release) and not release.tested:
        raise UsageFault(
            f"release {release.id} of {release.app} has not passed its suites",
            hint=f"gatewayctl smoke {release.app} first",
        )


def _refuse_if_expired(release: Release, now: float) -> None:
    if release.has_expired(now):
        raise UsageFault(
            f"release {release.id} of {release.app} has expired: what was proven is too old to rely on",
            hint=f"gatewayctl abort {release.app}, then release again",
        )


def _smoke(release: Release, now: float) -> Release:
    stage = ROWS[release.phase].stage
    if stage is Stage.TEST:
        return release  # it is being done
    if stage is not Stage.DECIDE:
        raise UsageFault(
            f"release {release.id} of {release.app} cannot be tested in phase {release.phase}",
            hint=f"gatewayctl status {release.app}",
        )
    _refuse_if_expired(release, now)
    if not has_tests(release):
        raise UsageFault(
            f"{release.app} has no suite to run",
            hint="add smoke.pytest or smoke.locust to the application in gatewayctl.yaml",
        )
    return begin_tests(replace(release, tested=False))
