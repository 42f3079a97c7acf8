"""How the journal of a release may move: by which steps, by whom, and what never changes in it.

Written down once more on purpose, without gatewayctl's own table of phases: that table is what is judged.
"""

from dataclasses import dataclass

from gatewayctl.domain.release import Mode, Outcome, Phase, Release

P = Phase
_TESTS_AND_AFTER = {P.SMOKE: (P.LOAD, P.WAIT, P.CONFIRM), P.LOAD: (P.WAIT, P.CONFIRM)}
_FORWARD: dict[Phase, tuple[Phase, ...]] = {
    P.WARM: (P.ROUTE,),
    P.ROUTE: (P.PROVE,),
    P.PROVE: (P.LEAKS,),
    P.LEAKS: (P.SMOKE, P.LOAD, P.WAIT, P.CONFIRM),
    **_TESTS_AND_AFTER,
    P.WAIT: (P.SMOKE, P.LOAD, P.CONFIRM),
    P.CONFIRM: (P.PROMOTE,),
    P.PROMOTE: (P.UNROUTE, P.CONFIRM),
    P.RESTORE: (P.UNROUTE,),
    P.UNROUTE: (P.CLEAR,),
    P.CLEAR: (P.DRAIN, P.UNROUTE),
    P.DRAIN: (P.COOL, P.UNROUTE),
    P.COOL: (P.DONE, P.UNROUTE),
    P.DONE: (),
}
_WAY_OUT = (P.RESTORE, P.UNROUTE, P.CLEAR, P.DRAIN, P.COOL)
_MAY_HAVE_CHANGED_STABLE = (P.PROMOTE, *_WAY_OUT)
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
    for judge in (_why_wrong_step, _why_wrong_outcome, _why_wrong_decision):
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
    back = P.RESTORE if changed else start
    return "" if new.phase is back and _is_back(new.outcome) else f"{step}, {old.outcome} to {new.outcome}"


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
    if old.phase is P.PROMOTE and new.phase is not P.CONFIRM and new.outcome is not Outcome.PROMOTED:
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
    if new.phase is not P.CONFIRM or old.phase in (P.CONFIRM, P.PROMOTE):
        return ""
    if old.phase is P.WAIT:
        return "" if mover.command == "promote" else f"was promoted by {mover.command}"
    return "" if new.mode is Mode.ON_SUCCESS else f"was promoted from {old.phase} without a decision"


def _is_back(outcome: Outcome) -> bool:
    return outcome not in (Outcome.OPEN, Outcome.PROMOTED)
