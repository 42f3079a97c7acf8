"""A ramp in the release machine: its steps, what people may ask for in them, and its way back."""

from dataclasses import replace

import pytest

from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.lifecycle import (
    AbortAsked,
    Cause,
    Effect,
    Failed,
    Passed,
    PauseAsked,
    PromoteAsked,
    RampAsked,
    Resumed,
    SkipAsked,
    SmokeAsked,
    advance,
)
from gatewayctl.domain.phases import phases_of
from gatewayctl.domain.ramp import PRESETS, Promotion, Step
from gatewayctl.domain.release import Mode, Outcome, Phase, Release
from gatewayctl.domain.stages import Stage
from tests.domain.test_lifecycle import EXPIRED, a_ramp

FIRST, SECOND = Step(10, 60.0), Step(50, 60.0)


def in_step(phase: Phase, number: int = 0, **changes: object) -> Release:
    """A release in a step of a ramp with two steps."""
    share = (FIRST, SECOND)[number].share
    return a_ramp(phase, FIRST, SECOND, **{"share": share, "step": number, "tested": True, **changes})


def passed(release: Release, now: float = 1.0) -> Release:
    return advance(release, Passed(release.phase, now))[0]


def test_after_the_tests_each_step_shifts_shows_and_observes_its_share_and_then_the_release_goes_on():
    release = a_ramp(Phase.LOAD, FIRST, SECOND)
    seen = []
    while release.phase is not Phase.CONFIRM:
        release = passed(release)
        seen.append((release.phase, release.step, release.share, release.rule.share))

    each = (Phase.SHIFT, Phase.SHARE, Phase.OBSERVE)
    steps = [(phase, number, share, share) for number, share in ((0, 10), (1, 50)) for phase in each]
    assert seen == [*steps, (Phase.CONFIRM, 1, 50, 50)]
    assert release.ramped


def test_the_time_of_a_step_begins_with_its_observation_and_again_in_the_next_one():
    observing = passed(in_step(Phase.SHARE), 7.0)

    taken_up, _ = advance(observing, Resumed(9.0))
    again = passed(passed(taken_up, 10.0), 11.0)

    assert (observing.step_began, again.phase, again.step_began) == (7.0, Phase.OBSERVE, 7.0)
    assert passed(observing, 80.0).step_began == 0.0


def test_an_observation_that_goes_on_stays_in_its_step_until_the_release_expires():
    observing = in_step(Phase.OBSERVE, step_began=1.0)

    assert advance(observing, Passed(Phase.OBSERVE, 5.0, more=True))[0] == observing
    expired, _ = advance(observing, Passed(Phase.OBSERVE, EXPIRED, more=True))
    assert (expired.phase, expired.outcome) == (Phase.RETURN, Outcome.ABORTED)


@pytest.mark.parametrize("phase", sorted(phases_of(Stage.RAMP)))
@pytest.mark.parametrize("event", [AbortAsked("no"), "failed"])
def test_the_way_back_takes_the_share_away_first_and_then_the_rule(phase, event):
    told = Failed(phase, Cause.CANARY, "slow") if event == "failed" else event
    going_back, _ = advance(in_step(phase, 1), told)

    assert (going_back.phase, going_back.share, going_back.rule.share) == (Phase.RETURN, 50, 0)
    returned = passed(going_back)
    assert (returned.phase, returned.share) == (Phase.UNROUTE, 0)


@pytest.mark.parametrize("mode", [Mode.MANUAL, Mode.STAGED])
def test_who_promotes_by_hand_does_so_after_the_ramp(mode):
    release = passed(a_ramp(Phase.LOAD, mode=mode))
    if mode is Mode.STAGED:
        assert release.phase is Phase.WAIT
        with pytest.raises(UsageFault, match="has not passed its ramp"):
            advance(release, PromoteAsked())
        release, _ = advance(release, RampAsked(1.0))
    while release.phase is not Phase.WAIT:
        release = passed(release)

    assert release.share == 10
    assert advance(release, PromoteAsked())[0].phase is Phase.CONFIRM


def test_a_ramp_needs_the_tests_that_there_are_and_cannot_be_repeated():
    waiting = a_ramp(Phase.WAIT, mode=Mode.STAGED)

    with pytest.raises(UsageFault, match="has not passed its suites"):
        advance(waiting, RampAsked(1.0))
    with pytest.raises(UsageFault, match="has passed its ramp"):
        advance(replace(waiting, tested=True, ramped=True), RampAsked(1.0))
    with pytest.raises(UsageFault, match="expired"):
        advance(replace(waiting, tested=True), RampAsked(EXPIRED))


def test_a_paused_ramp_keeps_its_share_and_goes_on_in_its_step():
    paused, effects = advance(in_step(Phase.OBSERVE, 1, step_began=5.0), PauseAsked())
    going_on, _ = advance(paused, Resumed(50.0))

    assert (paused.phase, paused.share, effects) == (Phase.PAUSED, 50, ())
    assert (going_on.phase, going_on.step, going_on.share, going_on.step_began) == (Phase.SHIFT, 1, 50, 0.0)
    assert advance(paused, Resumed(EXPIRED))[0].phase is Phase.RETURN


@pytest.mark.parametrize("phase", [*sorted(phases_of(Stage.RAMP)), Phase.PAUSED])
def test_a_step_that_is_skipped_leads_to_the_next_one_and_the_last_one_to_the_promotion(phase):
    second, _ = advance(in_step(phase), SkipAsked(1.0))
    last, _ = advance(in_step(phase, 1), SkipAsked(1.0))

    assert (second.phase, second.step, second.share) == (Phase.SHIFT, 1, 50)
    assert last.ramped
    assert (passed(last) if last.phase is Phase.SHIFT else last).phase is Phase.CONFIRM


@pytest.mark.parametrize("phase", [Phase.SHIFT, Phase.PAUSED])
def test_the_share_of_a_skipped_last_step_is_written_before_the_promotion_expects_it(phase):
    skipped, effects = advance(in_step(phase, 1), SkipAsked(1.0))
    again, _ = advance(skipped, SkipAsked(2.0))
    paused, _ = advance(skipped, PauseAsked())
    resumed, _ = advance(paused, Resumed(3.0))

    assert (skipped.phase, skipped.share, effects) == (Phase.SHIFT, 50, (Effect.SHIFT_SHARE,))
    assert again == skipped
    assert (paused.phase, resumed.phase) == (Phase.PAUSED, Phase.SHIFT)
    assert passed(resumed).phase is Phase.CONFIRM
    assert passed(replace(skipped, mode=Mode.MANUAL)).phase is Phase.WAIT


@pytest.mark.parametrize("asked", [PauseAsked(), SkipAsked(1.0)])
@pytest.mark.parametrize("phase", [Phase.WARM, Phase.LOAD, Phase.WAIT, Phase.CONFIRM, Phase.COOL])
def test_outside_a_step_there_is_nothing_to_pause_or_skip(asked, phase):
    with pytest.raises(UsageFault, match="in no step of a ramp"):
        advance(a_ramp(phase), asked)


def test_tests_that_are_asked_again_after_the_ramp_do_not_repeat_it():
    waiting = in_step(Phase.WAIT, 1, ramped=True, mode=Mode.MANUAL)

    testing, _ = advance(waiting, SmokeAsked(1.0))
    again = passed(replace(testing, phase=Phase.LOAD))

    assert (again.phase, again.share, again.tested) == (Phase.WAIT, 50, True)


def test_a_steered_promotion_gives_the_canary_all_traffic_before_stable_rolls_and_takes_it_back_after():
    release = a_ramp(Phase.CONFIRM, trial={"promotion": Promotion.STEERED})
    visited = []
    while release.phase is not Phase.UNROUTE:
        release = passed(release)
        visited.append((release.phase, release.share, release.rule.share))

    assert visited == [
        (Phase.CARRY, 100, 100),
        (Phase.PROMOTE, 100, 100),
        (Phase.RETURN, 100, 0),
        (Phase.UNROUTE, 0, 0),
    ]


def test_a_promotion_that_fails_under_a_share_gives_the_traffic_back_and_then_restores_stable():
    release, _ = advance(in_step(Phase.PROMOTE, 1), Failed(Phase.PROMOTE, Cause.CANARY, "no"))

    assert release.phase is Phase.RETURN
    assert passed(release).phase is Phase.RESTORE


def test_the_presets_climb_to_all_traffic():
    for steps in PRESETS.values():
        shares = [step.share for step in steps]
        assert shares == sorted(set(shares))
        assert shares[-1] == 100
    assert [step.share for step in PRESETS["ingress"]][:3] == [5, 15, 25]
    assert [step.share for step in PRESETS["mesh"]] == [10, 50, 100]
    assert [step.share for step in PRESETS["hourly"]] == [5, 25, 45, 65, 85, 100]
