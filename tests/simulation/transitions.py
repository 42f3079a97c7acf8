"""How the journal of a release may move: by which steps, by whom, and what never changes in it.

Written down once more on purpose, without gatewayctl's own table of phases: that table is what is judged.
"""

from dataclasses import dataclass

from gatewayctl.domain.ramp import Promotion
from gatewayctl.domain.release import Mode, Outcome, Phase, Release

P = Phase
_TRIED = (P.SHIFT, P.WAIT, P.CONFIRM)  # where a release goes that has passed its tests, or a step of its ramp
_TESTS_AND_AFTER = {P.SMOKE: (P.LOAD, *_TRIED), P.LOAD: _TRIED}
_RAMP = (P.SHIFT, P.SHARE, P.OBSERVE, P.PAUSED)
_FORWARD: dict[Phase, tuple[Phase, ...]] = {
    P.WARM: (P.ROUTE,),
    P.ROUTE: (P.PROVE,),
    P.PROVE: (P.LEAKS,),
    P.LEAKS: (P.SMOKE, P.LOAD, *_TRIED),
    **_TESTS_AND_AFTER,
    P.SHIFT: (P.SHARE, P.PAUSED, *_TRIED),
    P.SHARE: (P.OBSERVE, P.PAUSED, *_TRIED),
    P.OBSERVE: (P.PAUSED, *_TRIED),
    P.PAUSED: _TRIED,
    P.WAIT: (P.SMOKE, P.LOAD, P.SHIFT, P.CONFIRM),
    P.CONFIRM: (P.CARRY, P.PROMOTE),
    P.CARRY: (P.PROMOTE,),
    P.PROMOTE: (P.RETURN, P.UNROUTE, P.CONFIRM),
    P.RETURN: (P.RESTORE, P.UNROUTE),
    P.RESTORE: (P.UNROUTE,),
    P.UNROUTE: (P.CLEAR,),
    P.CLEAR: (P.DRAIN, P.UNROUTE),
    P.DRAIN: (P.COOL, P.UNROUTE),
    P.COOL: (P.DONE, P.UNROUTE),
    P.DONE: (),
}
_WAY_OUT = (P.RETURN, P.RESTORE, P.UNROUTE, P.CLEAR, P.DRAIN, P.COOL)
_FROZEN = (
    *("id", "target", "header", "image", "before", "canary_before", "mode", "created", "expires", "actor", "standing"),
    *("rule_was_there", "trial", "neighbours", "stamps", "place", "container"),
)


@dataclass(frozen=True, slots=True)
class Mover:
    """Who moves a journal: the command of its process, whether it was interrupted or met any fault, its clock."""

    command: str
    interrupted: bool
    hindered: bool
    wall: float


def why_wrong(old: Release, new: Release, mover: Mover) -> tuple[str, str] | None:
    """The invariant that this move of one release breaks, and how; None when it breaks none."""
    changed = [name for name in _FROZEN if getattr(old, name) != getattr(new, name)]
    if changed:
        return "I10", f"{new.id} has another {changed[0]} than at its start"
    if old.notes != new.notes[: len(old.notes)]:
        return "audit", f"{new.id} lost a note of what was done"
    for judge in (_why_wrong_step, _why_wrong_share, _why_wrong_outcome, _why_wrong_decision):
        reason = judge(old, new, mover)
        if reason:
            return "order", f"{new.id}: {reason}"
    return None


def _why_wrong_step(old: Release, new: Release, _mover: Mover) -> str:
    if old.phase is new.phase:
        return ""
    step = f"from {old.phase} to {new.phase}"
    if new.phase in _forward(old):
        return _why_skipped(old, new, step)
    if old.phase is P.DONE:
        return f"{step} after its end"
    start = P.DRAIN if new.keeps_rule else P.UNROUTE
    changed = old.phase is P.PROMOTE or old.promote_begun or old.outcome is Outcome.PROMOTED
    back = P.RETURN if old.share else P.RESTORE if changed else start
    return "" if new.phase is back and _is_back(new.outcome) else f"{step}, {old.outcome} to {new.outcome}"


def _why_wrong_share(old: Release, new: Release, mover: Mover) -> str:
    """A share is journaled when its step begins, before any replica has it, and until no replica has it any more."""
    if new.phase is old.phase is not P.SHIFT:
        return "" if new.share == old.share else f"has {new.share} % in {new.phase}, and had {old.share} %"
    wanted, skips = old.share, mover.command == "skip"
    if new.phase is P.SHIFT:
        wanted = new.trial.ramp.steps[new.step].share
    elif new.phase is P.CARRY:
        wanted = 100
    elif old.phase is P.RETURN:
        wanted = 0
    if new.share != wanted:
        return f"has {new.share} % in {new.phase}, {wanted} % are right"
    if new.step != old.step and not (new.step == old.step + 1 and new.phase is P.SHIFT):
        return f"goes from step {old.step + 1} of its ramp to step {new.step + 1} in {new.phase}"
    passed = new.step > old.step or new.ramped > old.ramped
    return "" if not passed or old.phase is P.OBSERVE or skips else f"leaves a step of its ramp in {old.phase}"


def _forward(old: Release) -> tuple[Phase, ...]:
    """With a rule that stays there is nothing to remove; whether it stays depends on the outcome."""
    steps = _FORWARD[old.phase]
    return (*steps, P.DRAIN) if old.standing and P.UNROUTE in steps else steps


def _why_skipped(old: Release, new: Release, step: str) -> str:
    """A step that is left out: the tests that it has, or the wait for a decision."""
    tests = {P.SMOKE: new.trial.suite, P.LOAD: new.trial.load}
    if (
        old.phase is P.LEAKS
        and new.mode is not Mode.STAGED
        and new.phase in (P.WAIT, P.CONFIRM)
        and any(tests.values())
    ):
        return f"{step}, and its tests did not run"
    if old.phase is P.SMOKE and new.phase is not P.LOAD and new.trial.load:
        return f"{step}, and its load did not run"
    goes_on = new.phase in (P.WAIT, P.CONFIRM) and old.phase in (P.SMOKE, P.LOAD, *_RAMP)
    if goes_on and new.trial.ramp.steps and not new.ramped and new.mode is not Mode.STAGED:
        return f"{step}, and its ramp did not pass"
    if new.phase is P.PROMOTE and (old.phase is P.CARRY) is not (new.trial.promotion is Promotion.STEERED):
        return f"{step}, and its promotion is {new.trial.promotion}"
    if P.RETURN in (old.phase, new.phase) and new.outcome is Outcome.OPEN:
        return f"{step}, and it is open"
    if old.phase is P.RETURN and (new.phase is P.RESTORE) is not (_may_have_changed_stable(old)):
        return f"{step}, {old.outcome}"
    if old.phase is P.PROMOTE and new.phase not in (P.CONFIRM, P.RETURN) and new.outcome is not Outcome.PROMOTED:
        return f"{step} as {new.outcome}, and stable was not restored"
    return ""


def _why_wrong_outcome(old: Release, new: Release, mover: Mover) -> str:
    if old.outcome is new.outcome:
        return ""
    if old.outcome not in (Outcome.OPEN, Outcome.PROMOTED):
        return f"was {old.outcome}, and is now {new.outcome}"
    if new.outcome is Outcome.PROMOTED:
        return "" if old.phase is P.PROMOTE else f"was promoted in {old.phase}"
    if new.phase not in _WAY_OUT:
        return f"is {new.outcome} in {new.phase}"
    asked = mover.command in ("abort", "sweep") or mover.interrupted or mover.wall > old.expires
    return f"was aborted by {mover.command}" if new.outcome is Outcome.ABORTED and not asked else ""


def _why_wrong_decision(old: Release, new: Release, mover: Mover) -> str:
    """Only who was asked to promote promotes."""
    if new.phase is P.SHIFT and old.phase is P.WAIT:
        return "" if mover.command == "ramp" else f"was ramped by {mover.command}"
    if new.phase is not P.CONFIRM or old.phase in (P.CONFIRM, P.PROMOTE):
        return ""
    if old.phase is P.WAIT:
        return "" if mover.command == "promote" else f"was promoted by {mover.command}"
    return "" if new.mode is Mode.ON_SUCCESS else f"was promoted from {old.phase} without a decision"


def _may_have_changed_stable(old: Release) -> bool:
    return old.promote_begun and old.outcome is not Outcome.PROMOTED


def _is_back(outcome: Outcome) -> bool:
    return outcome not in (Outcome.OPEN, Outcome.PROMOTED)
