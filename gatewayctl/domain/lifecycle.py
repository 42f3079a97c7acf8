"""What happens next: `advance(release, event) -> (release, effects)`, pure, for every phase and every event.

The way in makes before it breaks (canary ready, then the rule), the way out breaks before it unmakes (rule gone from
every replica, in-flight requests ended, then the canary). A phase has one effect, idempotent, so that a resume simply
asks for it again; on the way out it starts with the rule, which somebody may have put back. What cannot be meant for
the phase a release is in is late or repeated news: it changes nothing.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.release import Mode, Outcome, Phase, Release


class Cause(StrEnum):
    """Why a step did not pass: the canary is not good, or we could not do our work."""

    CANARY = "canary"
    ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True)
class Passed:
    """The effect of `phase` is done, and known to be."""

    phase: Phase


@dataclass(frozen=True, slots=True)
class Failed:
    """The effect of `phase` did not succeed."""

    phase: Phase
    cause: Cause
    reason: str


@dataclass(frozen=True, slots=True)
class PromoteAsked:
    """Someone decided that the canary becomes stable; `untested` says: although its suites did not run."""

    untested: bool = False


@dataclass(frozen=True, slots=True)
class SmokeAsked:
    """Someone wants the suites (again)."""


@dataclass(frozen=True, slots=True)
class AbortAsked:
    """Someone decided against the canary. Always allowed while a release is open."""

    reason: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """A process took the release up again."""


Event = Passed | Failed | PromoteAsked | SmokeAsked | AbortAsked | Resumed


class Effect(StrEnum):
    """What the world is asked to do, idempotently; every fact it needs is in the release."""

    START_CANARY = "give the canary the new image and one replica; done when it is ready"
    PUBLISH_RULE = "write the rule into the gateway's files, checked, in the order that names nothing missing"
    PROVE_ROUTED = "every replica has the rule, and marked requests are answered by the canary"
    PROVE_NO_LEAK = "on every replica, what is not marked is not answered by the canary"
    PROVE_ALL = "both proofs once more, right before stable is changed"
    RUN_SUITE = "the functional suite, through the gateway"
    RUN_LOAD = "the load, on stable and canary side by side"
    PROMOTE_STABLE = "stable gets the new image; done when its rollout is"
    RESTORE_STABLE = "stable gets the image back that it had; done when its rollout is"
    REMOVE_RULE = "take our rule out of the gateway's files"
    PROVE_CLEARED = "no replica has the rule, and marked requests are answered by stable"
    DRAIN = "what is in flight to the canary ends, within the drain period"
    STOP_CANARY = "the canary goes to zero, and keeps the promoted image or gets its old one back"


EFFECTS: dict[Phase, tuple[Effect, ...]] = {
    Phase.WARM: (Effect.START_CANARY,),
    Phase.ROUTE: (Effect.PUBLISH_RULE,),
    Phase.PROVE: (Effect.PROVE_ROUTED,),
    Phase.LEAKS: (Effect.PROVE_NO_LEAK,),
    Phase.SMOKE: (Effect.RUN_SUITE,),
    Phase.LOAD: (Effect.RUN_LOAD,),
    Phase.WAIT: (),
    Phase.CONFIRM: (Effect.PROVE_ALL,),
    Phase.PROMOTE: (Effect.PROMOTE_STABLE,),
    Phase.RESTORE: (Effect.RESTORE_STABLE,),
    Phase.UNROUTE: (Effect.REMOVE_RULE,),
    Phase.CLEAR: (Effect.PROVE_CLEARED,),
    Phase.DRAIN: (Effect.DRAIN,),
    Phase.COOL: (Effect.STOP_CANARY,),
    Phase.DONE: (),
}

# Phases of the way out: what fails here is tried again by a person, because nothing is left to back out to.
WAY_OUT = frozenset({Phase.RESTORE, Phase.UNROUTE, Phase.CLEAR, Phase.DRAIN, Phase.COOL})
_RULE_GONE = frozenset({Phase.CLEAR, Phase.DRAIN, Phase.COOL})
_TESTING = frozenset({Phase.SMOKE, Phase.LOAD})


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
        case Passed(phase) if phase is release.phase and phase is not Phase.WAIT:
            return _next(replace(release, stuck=""))
        case Failed(phase, cause, reason) if phase is release.phase and phase is not Phase.WAIT:
            return _failed(release, cause, reason)
        case AbortAsked(reason):
            return _aborted(replace(release, stuck=""), reason)
        case Resumed():
            return _resumed(replace(release, stuck=""))
        case PromoteAsked(untested):
            return _promoted(release, untested=untested)
        case SmokeAsked():
            return _smoked(release)
        case _:
            return release  # late or repeated news


# What follows a phase that passed, where nothing has to be decided.
_STRAIGHT = {
    Phase.WARM: Phase.ROUTE,
    Phase.ROUTE: Phase.PROVE,
    Phase.PROVE: Phase.LEAKS,
    Phase.CONFIRM: Phase.PROMOTE,
    Phase.UNROUTE: Phase.CLEAR,
    Phase.CLEAR: Phase.DRAIN,
    Phase.DRAIN: Phase.COOL,
    Phase.COOL: Phase.DONE,
}


def _next(release: Release) -> Release:
    """The phase after one that passed."""
    match release.phase:
        case Phase.LEAKS:
            return release.at(Phase.WAIT) if release.mode is Mode.STAGED else _test(release)
        case Phase.SMOKE if release.load:
            return release.at(Phase.LOAD)
        case Phase.SMOKE | Phase.LOAD:
            return _tested(release)
        case Phase.PROMOTE:
            return _leave(replace(release, outcome=Outcome.PROMOTED))
        case Phase.RESTORE:
            return _leave(release)
        case phase:
            return release.at(_STRAIGHT[phase])


def _test(release: Release) -> Release:
    """Into the first suite that is configured."""
    if release.suite:
        return release.at(Phase.SMOKE)
    return release.at(Phase.LOAD) if release.load else _tested(release)


def _tested(release: Release) -> Release:
    """All suites passed: go on, or wait for someone to decide."""
    release = replace(release, tested=True)
    return release.at(Phase.CONFIRM) if release.mode is Mode.ON_SUCCESS else release.at(Phase.WAIT)


def _failed(release: Release, cause: Cause, reason: str) -> Release:
    if release.phase in WAY_OUT:
        return replace(release, stuck=reason)
    outcome = Outcome.REJECTED if cause is Cause.CANARY else Outcome.FAILED
    return _back_out(replace(release, tested=False), outcome, reason)


def _back_out(release: Release, outcome: Outcome, reason: str) -> Release:
    """Towards everything as before. Stable is restored first if it may have been changed."""
    changed = release.phase is Phase.PROMOTE or release.outcome is Outcome.PROMOTED
    release = replace(release, outcome=outcome, reason=reason)
    if changed or release.phase is Phase.RESTORE:
        return release.at(Phase.RESTORE)
    return _leave(release)


def _leave(release: Release) -> Release:
    """The way out. A rule that outlives the release stays, and with it goes the proof that it is gone."""
    return release.at(Phase.DRAIN if release.keeps_rule else Phase.UNROUTE)


def _aborted(release: Release, reason: str) -> Release:
    """Abort always wins; on the way out with nothing promoted it just goes on."""
    if release.outcome not in (Outcome.OPEN, Outcome.PROMOTED):
        return release
    return _back_out(release, Outcome.ABORTED, reason)


def _resumed(release: Release) -> Release:
    """Where it stood; but once the rule was taken away, from there: it may have come back while nobody was at it."""
    return _leave(release) if release.phase in _RULE_GONE else release


def _promoted(release: Release, *, untested: bool) -> Release:
    if release.phase is not Phase.WAIT:
        if release.phase in (Phase.CONFIRM, Phase.PROMOTE) or release.outcome is Outcome.PROMOTED:
            return release  # it is being done
        raise UsageFault(
            f"release {release.id} of {release.app} cannot be promoted in phase {release.phase}",
            hint=f"gatewayctl status {release.app}",
        )
    if (release.suite or release.load) and not (release.tested or untested):
        raise UsageFault(
            f"release {release.id} of {release.app} has not passed its suites",
            hint=f"gatewayctl smoke {release.app}, or promote with --untested if they ran elsewhere",
        )
    return release.at(Phase.CONFIRM)


def _smoked(release: Release) -> Release:
    if release.phase in _TESTING:
        return release  # it is being done
    if release.phase is not Phase.WAIT:
        raise UsageFault(
            f"release {release.id} of {release.app} cannot be tested in phase {release.phase}",
            hint=f"gatewayctl status {release.app}",
        )
    if not (release.suite or release.load):
        raise UsageFault(
            f"{release.app} has no suite to run",
            hint="add smoke.pytest or smoke.locust to the application in gatewayctl.yaml",
        )
    return _test(replace(release, tested=False))
