"""What happens next: `advance(release, event) -> (release, effects)`, pure, for every phase and every event.

On the way in the canary is ready before the rule sends to it. On the way out the rule is gone from every replica and
the requests in flight have ended before the canary stops. A phase has one effect, which can be repeated, so that a
resume asks for it again. An event of another phase than the one a release is in came late or twice: it changes nothing.

What is particular to a phase is in the table of phases.py; here is what holds for all of them.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.judgement import Judgement, Verdict
from gatewayctl.domain.phases import ROWS, Effect, Stage, begin_tests, has_tests, leave, phases_of
from gatewayctl.domain.release import Outcome, Phase, Release

__all__ = [
    "EFFECTS",
    "WAY_OUT",
    "AbortAsked",
    "Cause",
    "Effect",
    "Event",
    "Failed",
    "Passed",
    "PromoteAsked",
    "Resumed",
    "SmokeAsked",
    "advance",
    "at_time",
    "event_of",
]


class Cause(StrEnum):
    """Why a step did not pass.

    The canary is faulty; the step could not tell; somebody else changed what the release works on; or gatewayctl could
    not do its work.
    """

    CANARY = "canary"
    INCONCLUSIVE = "inconclusive"
    CONFLICT = "conflict"
    ENVIRONMENT = "environment"

    @property
    def outcome(self) -> Outcome:
        """How a release ends that goes back because of it."""
        return _OUTCOMES[self]


_OUTCOMES = {
    Cause.CANARY: Outcome.REJECTED,
    Cause.INCONCLUSIVE: Outcome.INCONCLUSIVE,
    Cause.CONFLICT: Outcome.CONFLICT,
    Cause.ENVIRONMENT: Outcome.FAILED,
}
_CAUSES = {
    Verdict.FAIL: Cause.CANARY,
    Verdict.INCONCLUSIVE: Cause.INCONCLUSIVE,
    Verdict.CONFLICT: Cause.CONFLICT,
}


@dataclass(frozen=True, slots=True)
class Passed:
    """The effect of `phase` is done, and this was checked; `now` is when (epoch seconds).

    `build` is the digest of the image that it started, if it started one and that is known.
    """

    phase: Phase
    now: float = 0.0
    build: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """The effect of `phase` did not succeed."""

    phase: Phase
    cause: Cause
    reason: str


def event_of(phase: Phase, judgement: Judgement) -> "Passed | Failed":
    """The event that a judged step of `phase` leads to."""
    if judgement.verdict is Verdict.PASS:
        return Passed(phase, build=judgement.build)
    return Failed(phase, _CAUSES[judgement.verdict], judgement.text)


@dataclass(frozen=True, slots=True)
class PromoteAsked:
    """Someone decided that the canary becomes stable; with `untested` even if its suites did not run.

    The loop adds the time and the image that stable runs, once the release is taken up.
    """

    untested: bool = False
    now: float = 0.0
    stable_image: str = ""


@dataclass(frozen=True, slots=True)
class SmokeAsked:
    """Someone wants the suites (again); `now` is when (epoch seconds)."""

    now: float = 0.0


@dataclass(frozen=True, slots=True)
class AbortAsked:
    """Someone decided against the canary. Always allowed while a release is open."""

    reason: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """A process continues the release. The loop adds the time and the image of stable, once it is taken up."""

    now: float = 0.0
    stable_image: str = ""


Event = Passed | Failed | PromoteAsked | SmokeAsked | AbortAsked | Resumed


def at_time(event: Event, now: float) -> Event:
    """The event with the time of it, where what follows depends on that and it has none yet."""
    return (
        replace(event, now=now)
        if isinstance(event, Passed | PromoteAsked | SmokeAsked | Resumed) and not event.now
        else event
    )


EFFECTS: dict[Phase, tuple[Effect, ...]] = {row.phase: (row.effect,) if row.effect else () for row in ROWS.values()}
WAY_OUT = phases_of(Stage.OUT)
"""What fails here is tried again by a person, because nothing is left to back out to."""


def advance(release: Release, event: Event) -> tuple[Release, tuple[Effect, ...]]:
    """Decide what happens next; touch nothing.

    Raises UsageFault for a request that the release cannot grant (promote before it is tested, for one).
    """
    moved = _move(release, event)
    return moved, () if moved.stuck else EFFECTS[moved.phase]


def _move(release: Release, event: Event) -> Release:
    if release.ended:
        return release
    match event:
        case Passed(phase, now, build) if phase is release.phase:
            return _go_on(replace(release, stuck="", build=build or release.build), now)
        case Failed(phase, cause, reason) if phase is release.phase and ROWS[phase].effect:
            return _fail(release, cause, reason)
        case AbortAsked(reason):
            return _abort(replace(release, stuck=""), reason)
        case Resumed(now, stable_image):
            return _resume(replace(release, stuck=""), now, stable_image)
        case PromoteAsked():
            return _promote(release, event)
        case SmokeAsked(now):
            return _smoke(release, now)
        case _:
            return release  # a late or repeated event


def _go_on(release: Release, now: float) -> Release:
    """To what follows; a release that has expired meanwhile is not made stable."""
    moved = ROWS[release.phase].after(release)
    return _expire(release) if _may_promote(moved) and release.has_expired(now) else moved


def _resume(release: Release, now: float, stable_image: str) -> Release:
    """Where the phase says; a release that has expired goes back, unless it waits or is on its way out."""
    row = ROWS[release.phase]
    if release.has_expired(now) and row.effect and row.stage is not Stage.OUT:
        return _expire(release)
    return row.resume(release, stable_image)


def _may_promote(release: Release) -> bool:
    return ROWS[release.phase].stage is Stage.PROMOTE


def _expire(release: Release) -> Release:
    return _back_out(release, Outcome.ABORTED, "it has expired: what was proven is too old to rely on")


def _fail(release: Release, cause: Cause, reason: str) -> Release:
    if release.phase in WAY_OUT:
        return replace(release, stuck=reason)
    return _back_out(replace(release, tested=False), cause.outcome, reason)


def _back_out(release: Release, outcome: Outcome, reason: str) -> Release:
    """Back to how everything was before. Stable is restored first if it may have been changed."""
    changed = ROWS[release.phase].changes_stable or release.promote_begun or release.outcome is Outcome.PROMOTED
    release = replace(release, outcome=outcome, reason=reason)
    return release.at(Phase.RESTORE) if changed else leave(release)


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
    return release.at(Phase.CONFIRM)


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
