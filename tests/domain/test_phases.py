"""The table of phases: complete, in order, and read by everything that shows a phase."""

from dataclasses import replace
from pathlib import Path

import pytest

from gatewayctl.domain.lifecycle import Passed, Resumed, advance
from gatewayctl.domain.phases import ROWS, has_tests, phases_of, row_of
from gatewayctl.domain.release import Mode, Outcome, Phase
from gatewayctl.domain.stages import Effect, Stage
from gatewayctl.domain.trial import Trial
from gatewayctl.orchestration.steps import PERFORMERS
from tests.domain.test_lifecycle import a_release
from tests.fakes.shop import ORDERS


def test_every_phase_has_one_row_in_the_order_of_their_names():
    assert list(ROWS) == list(Phase)


def test_the_documented_phases_and_outcomes_are_these():
    text = " ".join((Path(__file__).parents[2] / "docs" / "json.md").read_text().split())

    assert f"`phase` is one of `{' '.join(Phase)}`" in text
    assert f"`outcome` one of `{' '.join(Outcome)}`" in text


def test_every_effect_is_done_in_one_phase_and_has_a_performer():
    effects = [row.effect for row in ROWS.values() if row.effect]

    assert sorted(effects) == sorted(Effect)
    assert set(PERFORMERS) == set(Effect)


def test_only_phases_in_which_nothing_is_done_have_no_effect():
    assert {row.phase for row in ROWS.values() if not row.effect} == frozenset().union(
        *map(phases_of, (Stage.PAUSE, Stage.DECIDE, Stage.END))
    )


def test_a_quiet_phase_lends_its_time_to_a_phase_that_is_shown_as_the_same_step():
    rows = list(ROWS.values())
    quiet = [(row.step, rows[number + 1].step) for number, row in enumerate(rows) if row.quiet]

    assert quiet == [("route", "route"), ("share", "share"), ("unroute", "unroute")]


def test_a_step_that_is_no_phase_has_no_row():
    assert row_of("preflight") is None
    assert row_of("clear") is ROWS[Phase.CLEAR]


def test_only_tests_can_be_left_out():
    bare = a_release(trial=Trial())

    assert {row.phase for row in ROWS.values() if not row.applies(bare)} == phases_of(Stage.TEST)
    assert not has_tests(bare)


@pytest.mark.parametrize("without", ["suite", "load"])
def test_a_release_has_the_tests_that_it_was_given(without):
    release = a_release(Phase.LEAKS, trial=replace(ORDERS.trial, **{without: None}))
    tested = []
    while release.phase is not Phase.CONFIRM:
        release, _ = advance(release, Passed(release.phase))
        tested.append(release.phase)

    assert has_tests(release)
    assert tested == [Phase.LOAD if without == "suite" else Phase.SMOKE, Phase.CONFIRM]


def test_without_tests_the_proofs_are_all_that_a_release_needs():
    release, _ = advance(a_release(Phase.LEAKS, trial=Trial()), Passed(Phase.LEAKS))

    assert (release.phase, release.tested) == (Phase.CONFIRM, True)


def test_the_way_of_a_release_that_succeeds_visits_the_phases_in_their_order():
    release, effects = advance(a_release(mode=Mode.ON_SUCCESS), Resumed())
    visited = [release.phase]
    while effects:
        release, effects = advance(release, Passed(release.phase))
        visited.append(release.phase)

    ramped = {*phases_of(Stage.RAMP), Phase.PAUSED, Phase.CARRY, Phase.RETURN}
    assert visited == [phase for phase in Phase if phase not in {*ramped, Phase.WAIT, Phase.RESTORE}]
    assert release.outcome is Outcome.PROMOTED
