"""What a release is told: a step passed or failed, somebody asked for something. lifecycle.py decides what follows."""

from dataclasses import dataclass, replace
from enum import StrEnum

from gatewayctl.domain.judgement import Judgement, Verdict
from gatewayctl.domain.release import Outcome, Phase


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

    `build` is the digest of the image that it started, if it started one and that is known. With `more` the effect goes
    on, and only what it has found so far is kept.
    """

    phase: Phase
    now: float = 0.0
    build: str = ""
    more: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """The effect of `phase` did not succeed."""

    phase: Phase
    cause: Cause
    reason: str


def event_of(phase: Phase, judgement: Judgement) -> "Passed | Failed":
    """The event that a judged step of `phase` leads to."""
    if judgement.verdict is Verdict.PASS:
        return Passed(phase, build=judgement.build, more=judgement.more)
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
class RampAsked:
    """Someone wants real traffic on the canary, step by step; `now` is when (epoch seconds)."""

    now: float = 0.0


@dataclass(frozen=True, slots=True)
class PauseAsked:
    """Someone wants the ramp to stay at its share until somebody resumes it."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class SkipAsked:
    """Someone decided that this step of the ramp is enough: the next one begins. `now` is when (epoch seconds)."""

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


Event = Passed | Failed | PromoteAsked | SmokeAsked | RampAsked | PauseAsked | SkipAsked | AbortAsked | Resumed


def at_time(event: Event, now: float) -> Event:
    """The event with the time of it, where what follows depends on that and it has none yet."""
    return (
        replace(event, now=now)
        if isinstance(event, Passed | PromoteAsked | SmokeAsked | RampAsked | SkipAsked | Resumed) and not event.now
        else event
    )
