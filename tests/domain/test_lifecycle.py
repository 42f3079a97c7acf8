"""The whole machine, pinned: every phase × event, and what no order of events may ever bring about."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.judgement import Judgement, Verdict
from gatewayctl.domain.lifecycle import (
    EFFECTS,
    WAY_OUT,
    AbortAsked,
    Cause,
    Effect,
    Event,
    Failed,
    Passed,
    PromoteAsked,
    Resumed,
    SmokeAsked,
    advance,
    event_of,
)
from gatewayctl.domain.ramp import Ramp, Step
from gatewayctl.domain.release import Mode, Outcome, Phase, Release
from gatewayctl.domain.routing import Header
from tests.fakes.shop import ORDERS, target

OPEN = [phase for phase in Phase if phase is not Phase.DONE]
FORWARD = [phase for phase in OPEN if phase not in WAY_OUT]
WAITING = (Phase.PAUSED, Phase.WAIT)
STEP = Step(share=10, seconds=60.0)


def a_release(phase: Phase = Phase.WARM, **changes: object) -> Release:
    release = Release(
        id="r-1",
        target=target("orders"),
        header=Header("x-canary", "r-1"),
        image="shop/orders:1.1",
        before="shop/orders:1.0",
        canary_before="shop/orders:0.9",
        mode=Mode.ON_SUCCESS,
        created=0.0,
        expires=3600.0,
        actor="ci",
        trial=ORDERS.trial,
        phase=phase,
    )
    return replace(release, **changes)  # type: ignore[arg-type]


def a_ramp(phase: Phase = Phase.WARM, *steps: Step, **changes: object) -> Release:
    """A release with a ramp."""
    trial = replace(ORDERS.trial, ramp=Ramp(steps or (STEP,)), **changes.pop("trial", {}))  # type: ignore[arg-type]
    return a_release(phase, trial=trial, **changes)


# What follows when the effect of a phase is done; the way out keeps the outcome it was entered with.
PASSED = {
    Phase.WARM: Phase.ROUTE,
    Phase.ROUTE: Phase.PROVE,
    Phase.PROVE: Phase.LEAKS,
    Phase.LEAKS: Phase.SMOKE,
    Phase.SMOKE: Phase.LOAD,
    Phase.LOAD: Phase.CONFIRM,
    Phase.SHIFT: Phase.SHARE,
    Phase.SHARE: Phase.OBSERVE,
    Phase.OBSERVE: Phase.CONFIRM,
    Phase.PAUSED: Phase.PAUSED,
    Phase.WAIT: Phase.WAIT,
    Phase.CONFIRM: Phase.PROMOTE,
    Phase.CARRY: Phase.PROMOTE,
    Phase.PROMOTE: Phase.UNROUTE,
    Phase.RETURN: Phase.UNROUTE,
    Phase.RESTORE: Phase.UNROUTE,
    Phase.UNROUTE: Phase.CLEAR,
    Phase.CLEAR: Phase.DRAIN,
    Phase.DRAIN: Phase.COOL,
    Phase.COOL: Phase.DONE,
    Phase.DONE: Phase.DONE,
}


@pytest.mark.parametrize("phase", Phase)
def test_a_phase_that_passed_leads_to_the_next_and_asks_for_its_effect(phase):
    release, effects = advance(a_release(phase), Passed(phase))

    assert release.phase == PASSED[phase]
    assert effects == EFFECTS[release.phase]


@pytest.mark.parametrize("phase", Phase)
def test_a_failure_backs_out_and_on_the_way_out_it_waits_for_a_person(phase):
    release, effects = advance(a_release(phase), Failed(phase, Cause.CANARY, "no good"))

    if phase in (*WAITING, Phase.DONE):
        assert release == a_release(phase)
    elif phase in WAY_OUT:
        assert (release.phase, release.stuck, effects) == (phase, "no good", ())
    else:
        expected = Phase.RESTORE if phase is Phase.PROMOTE else Phase.UNROUTE
        assert (release.phase, release.outcome, release.reason) == (expected, Outcome.REJECTED, "no good")


@pytest.mark.parametrize("phase", [phase for phase in FORWARD if phase not in WAITING])
@pytest.mark.parametrize(
    ("cause", "outcome"),
    [
        (Cause.CANARY, Outcome.REJECTED),
        (Cause.INCONCLUSIVE, Outcome.INCONCLUSIVE),
        (Cause.CONFLICT, Outcome.CONFLICT),
        (Cause.ENVIRONMENT, Outcome.FAILED),
    ],
)
def test_only_what_the_canary_did_is_blamed_on_the_canary_and_all_go_back(phase, cause, outcome):
    release, _ = advance(a_release(phase), Failed(phase, cause, "why"))

    assert (release.outcome, release.phase in WAY_OUT, release.tested) == (outcome, True, False)


@pytest.mark.parametrize(
    ("verdict", "event", "mark"),
    [
        (Verdict.PASS, Passed(Phase.LOAD), "✓"),
        (Verdict.FAIL, Failed(Phase.LOAD, Cause.CANARY, "why"), "✗"),
        (Verdict.INCONCLUSIVE, Failed(Phase.LOAD, Cause.INCONCLUSIVE, "why"), "?"),
        (Verdict.CONFLICT, Failed(Phase.LOAD, Cause.CONFLICT, "why"), "✗"),
    ],
)
def test_a_verdict_decides_the_event_and_the_mark(verdict, event, mark):
    assert (event_of(Phase.LOAD, Judgement(verdict, "why")), verdict.mark) == (event, mark)


@pytest.mark.parametrize("phase", OPEN)
def test_abort_is_allowed_in_every_phase_and_turns_to_the_way_out(phase):
    release, effects = advance(a_release(phase), AbortAsked("QA says no"))

    expected = Phase.RESTORE if phase in (Phase.PROMOTE, Phase.RESTORE) else Phase.UNROUTE
    assert (release.phase, release.outcome) == (expected, Outcome.ABORTED)
    assert effects == EFFECTS[expected]


@pytest.mark.parametrize("phase", [Phase.UNROUTE, Phase.CLEAR, Phase.DRAIN, Phase.COOL])
def test_abort_after_stable_was_promoted_restores_stable(phase):
    release, effects = advance(a_release(phase, outcome=Outcome.PROMOTED), AbortAsked("it is broken"))

    assert (release.phase, release.outcome, effects) == (Phase.RESTORE, Outcome.ABORTED, (Effect.RESTORE_STABLE,))


@pytest.mark.parametrize("phase", sorted(WAY_OUT))
@pytest.mark.parametrize("outcome", [one for one in Outcome if one not in (Outcome.OPEN, Outcome.PROMOTED)])
def test_abort_on_the_way_back_just_goes_on(phase, outcome):
    leaving = a_release(phase, outcome=outcome, stuck="it hung")

    release, effects = advance(leaving, AbortAsked("again"))

    assert release == replace(leaving, stuck="")
    assert effects == EFFECTS[phase]


AGAIN = {
    **dict.fromkeys((Phase.CLEAR, Phase.DRAIN, Phase.COOL), Phase.UNROUTE),
    **dict.fromkeys((Phase.SHARE, Phase.OBSERVE, Phase.PAUSED), Phase.SHIFT),
}


@pytest.mark.parametrize("phase", Phase)
def test_resume_asks_for_the_effect_of_the_phase_again(phase):
    release, effects = advance(a_ramp(phase, stuck="it hung" if phase in WAY_OUT else ""), Resumed())

    # Once the rule was taken away, it is taken away again: it may have come back while nobody was at it. So is a share
    # written and proven again.
    again = AGAIN.get(phase, phase)
    assert (release.phase, effects) == (again, EFFECTS[again])
    assert not release.stuck


EXPIRED = 3601.0


@pytest.mark.parametrize("phase", Phase)
def test_a_resume_after_the_release_expired_goes_back(phase):
    """p07: what was proven is too old to rely on. A release that waits stays where it is, and is not promoted."""
    release, effects = advance(a_release(phase), Resumed(EXPIRED))

    if phase in FORWARD and phase is not Phase.WAIT:
        expected = Phase.RESTORE if phase is Phase.PROMOTE else Phase.UNROUTE
        assert (release.phase, release.outcome, effects) == (expected, Outcome.ABORTED, EFFECTS[expected])
        assert "expired" in release.reason
    else:
        assert (release, effects) == advance(a_release(phase), Resumed(3600.0))


@pytest.mark.parametrize(("image", "phase"), [("shop/orders:1.0", Phase.CONFIRM), ("shop/orders:1.1", Phase.PROMOTE)])
def test_a_promotion_is_taken_up_with_both_proofs_where_stable_still_has_its_old_image(image, phase):
    """p07: the proofs before it may be days old."""
    for event in (Resumed(1.0, image), PromoteAsked(now=1.0, stable_image=image)):
        release, effects = advance(a_release(Phase.PROMOTE, tested=True), event)

        assert (release.phase, effects) == (phase, EFFECTS[phase])


def test_once_a_promotion_began_the_way_back_restores_stable_also_from_the_proofs_before_it():
    """A process that was only paused may write stable after another one went back to the proofs."""
    again, _ = advance(a_release(Phase.PROMOTE), Resumed(1.0, "shop/orders:1.0"))

    rejected, _ = advance(again, Failed(Phase.CONFIRM, Cause.CANARY, "no answer"))
    aborted, _ = advance(again, AbortAsked("no"))

    assert (rejected.phase, aborted.phase) == (Phase.RESTORE, Phase.RESTORE)


@pytest.mark.parametrize("asked", [PromoteAsked(now=EXPIRED), SmokeAsked(now=EXPIRED)])
def test_an_expired_release_is_neither_promoted_nor_tested_by_a_person(asked):
    with pytest.raises(UsageFault, match="has expired"):
        advance(a_release(Phase.WAIT, tested=True), asked)


@pytest.mark.parametrize("phase", [Phase.LOAD, Phase.CONFIRM])
def test_a_release_that_expired_meanwhile_does_not_promote_itself(phase):
    release, effects = advance(a_release(phase), Passed(phase, EXPIRED))

    assert (release.phase, release.outcome, effects) == (Phase.UNROUTE, Outcome.ABORTED, (Effect.REMOVE_RULE,))
    assert advance(a_release(phase), Passed(phase, 3600.0))[0].outcome is Outcome.OPEN


@pytest.mark.parametrize("phase", OPEN)
@pytest.mark.parametrize("late", OPEN)
def test_late_or_repeated_news_changes_nothing(phase, late):
    if phase is late:
        return
    for event in (Passed(late), Failed(late, Cause.CANARY, "late")):
        assert advance(a_release(phase), event)[0] == a_release(phase)


@pytest.mark.parametrize("phase", OPEN)
def test_promote_is_granted_only_where_a_release_waits(phase):
    if phase in (Phase.WAIT, Phase.CONFIRM, Phase.CARRY, Phase.PROMOTE):
        release, _ = advance(a_release(phase, tested=True), PromoteAsked())
        assert release.phase is (Phase.CONFIRM if phase is Phase.WAIT else phase)
    else:
        with pytest.raises(UsageFault, match=f"in phase {phase}"):
            advance(a_release(phase), PromoteAsked())


def test_promote_needs_the_suites_or_someone_who_says_that_they_ran_elsewhere():
    waiting = a_release(Phase.WAIT, mode=Mode.STAGED)

    with pytest.raises(UsageFault, match="has not passed its suites"):
        advance(waiting, PromoteAsked())
    assert advance(waiting, PromoteAsked(untested=True))[0].phase is Phase.CONFIRM


def test_a_staged_release_waits_after_the_proofs_and_after_the_suites():
    staged = a_release(Phase.LEAKS, mode=Mode.STAGED)

    waiting, effects = advance(staged, Passed(Phase.LEAKS))
    testing, _ = advance(waiting, SmokeAsked())
    tested, _ = advance(replace(testing, phase=Phase.LOAD), Passed(Phase.LOAD))

    assert (waiting.phase, effects) == (Phase.WAIT, ())
    assert testing.phase is Phase.SMOKE
    assert (tested.phase, tested.tested) == (Phase.WAIT, True)


def test_suites_asked_again_take_back_what_the_last_ones_proved():
    release, _ = advance(a_release(Phase.WAIT, tested=True), SmokeAsked())

    assert (release.phase, release.tested) == (Phase.SMOKE, False)


def test_a_standing_rule_that_was_there_before_stays_when_the_canary_is_rejected():
    standing = a_release(Phase.SMOKE, standing=True, rule_was_there=True)

    release, _ = advance(standing, Failed(Phase.SMOKE, Cause.CANARY, "no good"))

    assert release.phase is Phase.DRAIN


def test_a_standing_rule_of_a_rejected_first_release_goes_as_it_came():
    release, _ = advance(a_release(Phase.SMOKE, standing=True), Failed(Phase.SMOKE, Cause.CANARY, "no good"))

    assert release.phase is Phase.UNROUTE


# -- what no order of events may bring about ---------------------------------------------------------------------------


@dataclass
class Abstract:
    """The world as far as the order of effects decides it; each effect is done whenever it is asked for."""

    canary_ready: bool = False
    published: bool = False
    live: bool = False
    busy: bool = False
    stable: str = "before"

    def do(self, effect: Effect, release: Release) -> None:
        match effect:
            case Effect.START_CANARY:
                self.canary_ready = True
            case Effect.PUBLISH_RULE:
                assert self.canary_ready, "I3: routed before the canary is ready"
                self.published = self.live = self.busy = True
            case Effect.PROMOTE_STABLE:
                assert release.tested or release.mode is not Mode.ON_SUCCESS, "I6: promoted untested"
                self.stable = "image"
            case Effect.RESTORE_STABLE:
                self.stable = "before"
            case Effect.REMOVE_RULE:
                self.published = False
            case Effect.PROVE_CLEARED:
                assert not self.published, "proof asked for while the rule is written"
                self.live = False
            case Effect.DRAIN:
                assert not self.live, "I3: drained while routed"
                self.busy = False
            case Effect.STOP_CANARY:
                assert not self.live, "I3: the canary stopped while routed"
                assert not self.busy, "the canary stopped with requests in flight"
                self.canary_ready = False


times = st.sampled_from([1.0, EXPIRED])
images = st.sampled_from(["shop/orders:1.0", "shop/orders:1.1", "shop/orders:someone-elses"])
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(Passed, st.sampled_from(Phase), times),
    st.builds(Failed, st.sampled_from(Phase), st.sampled_from(Cause), st.just("why")),
    st.builds(PromoteAsked, st.booleans(), times, images),
    st.just(SmokeAsked()),
    st.just(AbortAsked("no")),
    st.builds(Resumed, times, images),
)


@given(st.sampled_from(Mode), st.lists(st.one_of(st.none(), events), max_size=60))
def test_no_order_of_events_breaks_an_invariant_and_every_release_can_end(mode, script):
    world, release = Abstract(), a_release(mode=mode)
    _, effects = advance(release, Resumed())
    for event in [*script, AbortAsked("the end"), *[None] * 12]:
        for effect in effects:
            world.do(effect, release)
        told = event or Passed(release.phase)  # None: the effect that was asked for is done
        if isinstance(told, Passed) and told.phase is release.phase and not effects:
            told = Resumed()  # nobody can report an effect that nobody asked for
        try:
            release, effects = advance(release, told)
        except UsageFault:
            continue
        expired = getattr(told, "now", 0.0) == EXPIRED
        assert not (expired and {Effect.PROVE_ALL, Effect.PROMOTE_STABLE} & {*effects}), "promoted after it expired"

    assert release.ended, release.phase
    assert (world.canary_ready, world.published, world.live) == (False, False, False)
    assert world.stable == ("image" if release.outcome is Outcome.PROMOTED else "before")
