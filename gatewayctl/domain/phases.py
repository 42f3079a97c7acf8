"""The phases of a release, each described once, in the order in which a release goes through them.

Everything that depends on a phase reads this table: what `advance` decides, what the plan announces, what progress,
events and reports show. To add a phase:

1. give it a name in `Phase` (release.py) and a row here, in its place;
2. give its effect a name in `Effect` (stages.py) and a performer in `orchestration/steps.py`;
3. extend the table of tests/domain/test_lifecycle.py, and test the performer.

A phase that repeats others (a step of a ramp, for one) has an `after` of its own, which decides from the release
whether it is done. What such a decision needs to know is a field of the release, because only that survives a crash.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from gatewayctl.domain import plan_lines as lines
from gatewayctl.domain.judge import judge
from gatewayctl.domain.ramp import Promotion
from gatewayctl.domain.release import Mode, Outcome, Phase, Release
from gatewayctl.domain.stages import Effect, Milestone, Stage

Decision = Callable[[Release], Release]
"""Gives the release in the phase that it goes to. Pure."""

TakeUp = Callable[[Release, str], Release]
"""The same for a process that takes the release up again; it read which image stable runs."""


@dataclass(frozen=True, slots=True)
class PhaseRow:
    """One phase.

    `effect` is done in it; None: nothing is done. `after` decides where a release goes when the effect has passed,
    `resume` where a process that takes the release up again starts. `applies` says whether a release has the phase at
    all; only phases of Stage.TEST and what belongs to shares can be left out.

    `title` is the step as a person sees it; empty: the name of the phase. A `quiet` phase is the first half of the next
    one's step: it gets no line of its own, its time is added to the next. `summary` heads its result in a summary.
    `plan` gives its line in a plan, from the release and the number of the gateway's files.
    """

    phase: Phase
    stage: Stage
    effect: Effect | None
    after: Decision
    resume: TakeUp = lambda release, _stable_image: release
    applies: Callable[[Release], bool] = lambda _release: True
    changes_stable: bool = False
    waits_for_pods: bool = False
    title: str = ""
    quiet: bool = False
    summary: str = ""
    milestone: Milestone | None = None
    plan: lines.PlanLine = lines.no_line

    @property
    def step(self) -> str:
        """The step as a person sees it."""
        return self.title or self.phase.value


def follow(release: Release) -> Release:
    """To the phase of the next row."""
    rows = list(ROWS)
    return release.at(rows[rows.index(release.phase) + 1])


def stay(release: Release) -> Release:
    """Where it is."""
    return release


def prove_then_test(release: Release) -> Release:
    """The canary is proven: a staged release waits for its pipeline, any other is tested."""
    return release.at(Phase.WAIT) if release.mode is Mode.STAGED else begin_tests(release)


def begin_tests(release: Release) -> Release:
    """To the first test that the release has."""
    return _to_test(release, 0)


def next_test(release: Release) -> Release:
    """To the test after this one."""
    return _to_test(release, list(ROWS).index(release.phase) + 1)


def _to_test(release: Release, start: int) -> Release:
    """To the first test from row `start` on; when none is left, all have passed: go on, or wait for a decision."""
    for row in list(ROWS.values())[start:]:
        if row.stage is Stage.TEST and row.applies(release):
            return release.at(row.phase)
    tested = replace(release, tested=True)
    if needs_ramp(release) and release.mode is not Mode.STAGED:
        return begin_step(tested)
    return _decide(tested)


def needs_ramp(release: Release) -> bool:
    """Whether the release has a ramp that has not passed yet."""
    return bool(release.trial.ramp.steps) and not release.ramped


def _decide(release: Release) -> Release:
    """All is tried: promote, or wait for a decision."""
    return release.at(Phase.CONFIRM if release.mode is Mode.ON_SUCCESS else Phase.WAIT)


def begin_step(release: Release) -> Release:
    """To the step of the ramp that comes next. Its share is journaled before any replica has it."""
    return release.at(Phase.SHIFT, share=release.trial.ramp.steps[release.step].share, step_began=0.0)


def shifted(release: Release) -> Release:
    """The rule has the share of the step: it is proven next. If the last step was skipped, the ramp has passed."""
    return _decide(release) if release.ramped else follow(release)


def next_step(release: Release) -> Release:
    """After a step that passed: to the next one; after the last one the ramp has passed."""
    ramp = release.trial.ramp
    if release.step + 1 < len(ramp.steps):
        judged = judge.next_step(ramp.judging.settings, release.judged) if ramp.judging and release.judged else None
        return begin_step(replace(release, step=release.step + 1, judged=judged))
    return _decide(replace(release, ramped=True))


def skip_step(release: Release) -> Release:
    """To the next step, without a look at real traffic; after the last one the ramp has passed.

    Its share may not be written yet, and what comes next expects it on every replica: then it is written first.
    """
    moved = next_step(release)
    may_be_unwritten = moved.ramped and release.phase in (Phase.SHIFT, Phase.PAUSED)
    return moved.at(Phase.SHIFT) if may_be_unwritten else moved


def promote_next(release: Release) -> Release:
    """Both proofs hold: stable gets its image, where it is steered after the canary has all traffic."""
    if release.trial.promotion is Promotion.STEERED:
        return release.at(Phase.CARRY, share=100)
    return release.at(Phase.PROMOTE)


def leave_promoted(release: Release) -> Release:
    """Stable runs the new image: that is the outcome, and the way out begins."""
    return leave(replace(release, outcome=Outcome.PROMOTED))


def leave(release: Release) -> Release:
    """The way out. Unmarked requests go back to stable first, then stable to its image, if it may have another.

    A rule that outlives the release stays, and with it goes the proof that it is gone.
    """
    if release.share:
        return release.at(Phase.RETURN)
    if release.promote_begun and release.outcome is not Outcome.PROMOTED:
        return release.at(Phase.RESTORE)
    return leave_rule(release)


def leave_rule(release: Release) -> Release:
    """The way out, once stable answers as it should."""
    return release.at(Phase.DRAIN if release.keeps_rule else Phase.UNROUTE)


def returned(release: Release) -> Release:
    """No unmarked request reaches the canary any more."""
    return leave(replace(release, share=0))


def leave_again(release: Release, _stable_image: str) -> Release:
    """The way out from its beginning: somebody may have inserted the rule again after it was removed."""
    return leave_rule(release)


def step_again(release: Release, _stable_image: str) -> Release:
    """The step in which the ramp was paused, from its beginning: nobody has looked at it meanwhile."""
    return begin_step(release)


def shift_again(release: Release, _stable_image: str) -> Release:
    """The share is written and proven again, since somebody may have changed it; the observation goes on."""
    return release.at(Phase.SHIFT)


def confirm_again(release: Release, stable_image: str) -> Release:
    """Where stable has its old image: both proofs once more, because the last ones may be old. Else where it is.

    The way back restores stable from now on: in a record of an earlier version the process before may still write it.
    """
    return release.at(Phase.CONFIRM, promote_begun=True) if stable_image == release.before else release


_TABLE = (
    PhaseRow(Phase.WARM, Stage.OPEN, Effect.START_CANARY, follow, waits_for_pods=True, plan=lines.start_canary),
    PhaseRow(Phase.ROUTE, Stage.OPEN, Effect.PUBLISH_RULE, follow, quiet=True, plan=lines.route),
    PhaseRow(Phase.PROVE, Stage.OPEN, Effect.PROVE_ROUTED, follow, title="route", summary="replicas", plan=lines.prove),
    PhaseRow(
        Phase.LEAKS,
        Stage.OPEN,
        Effect.PROVE_NO_LEAK,
        prove_then_test,
        summary="leaks",
        milestone=Milestone.ROUTED,
    ),
    PhaseRow(
        Phase.SMOKE,
        Stage.TEST,
        Effect.RUN_SUITE,
        next_test,
        applies=lambda release: release.trial.suite is not None,
        summary="tests",
        plan=lines.run_suite,
    ),
    PhaseRow(
        Phase.LOAD,
        Stage.TEST,
        Effect.RUN_LOAD,
        next_test,
        applies=lambda release: release.trial.load is not None,
        summary="load",
        plan=lines.run_load,
    ),
    PhaseRow(
        Phase.SHIFT,
        Stage.RAMP,
        Effect.SHIFT_SHARE,
        shifted,
        waits_for_pods=True,
        title="share",
        quiet=True,
        plan=lines.ramp,
    ),
    PhaseRow(Phase.SHARE, Stage.RAMP, Effect.PROVE_SHARE, follow, resume=shift_again, summary="share"),
    PhaseRow(Phase.OBSERVE, Stage.RAMP, Effect.OBSERVE, next_step, resume=shift_again, summary="observed"),
    PhaseRow(Phase.PAUSED, Stage.PAUSE, None, stay, resume=step_again, milestone=Milestone.WAITING),
    PhaseRow(Phase.WAIT, Stage.DECIDE, None, stay, milestone=Milestone.WAITING, plan=lines.wait),
    PhaseRow(Phase.CONFIRM, Stage.PROMOTE, Effect.PROVE_ALL, promote_next),
    PhaseRow(Phase.CARRY, Stage.PROMOTE, Effect.CARRY_ALL, follow, waits_for_pods=True, plan=lines.carry),
    PhaseRow(
        Phase.PROMOTE,
        Stage.PROMOTE,
        Effect.PROMOTE_STABLE,
        leave_promoted,
        resume=confirm_again,
        changes_stable=True,
        waits_for_pods=True,
        plan=lines.promote,
    ),
    PhaseRow(Phase.RETURN, Stage.OUT, Effect.RETURN_SHARE, returned),
    PhaseRow(Phase.RESTORE, Stage.OUT, Effect.RESTORE_STABLE, leave_rule, changes_stable=True, waits_for_pods=True),
    PhaseRow(Phase.UNROUTE, Stage.OUT, Effect.REMOVE_RULE, follow, quiet=True, plan=lines.unroute),
    PhaseRow(Phase.CLEAR, Stage.OUT, Effect.PROVE_CLEARED, follow, resume=leave_again, title="unroute"),
    PhaseRow(Phase.DRAIN, Stage.OUT, Effect.DRAIN, follow, resume=leave_again),
    PhaseRow(
        Phase.COOL,
        Stage.OUT,
        Effect.STOP_CANARY,
        follow,
        resume=leave_again,
        waits_for_pods=True,
        plan=lines.stop_canary,
    ),
    PhaseRow(Phase.DONE, Stage.END, None, stay),
)
ROWS: dict[Phase, PhaseRow] = {row.phase: row for row in _TABLE}


def phases_of(stage: Stage) -> frozenset[Phase]:
    """The phases of one stage."""
    return frozenset(row.phase for row in _TABLE if row.stage is stage)


def has_tests(release: Release) -> bool:
    """Whether the release tries its canary with anything."""
    return any(row.applies(release) for row in _TABLE if row.stage is Stage.TEST)


def row_of(name: str) -> PhaseRow | None:
    """The row of the phase called `name`; None for a step that is no phase (preflight, for one)."""
    return ROWS[Phase(name)] if name in set(Phase) else None
