"""The judge on snapshots: what it says, what is missing, what a resume goes on with."""

import math
from dataclasses import replace

import pytest
from pydantic import TypeAdapter

from gatewayctl.domain.judge.decision import Decision, decide
from gatewayctl.domain.judge.judge import canary_started, look, next_step, start
from gatewayctl.domain.judge.kernel import Margin
from gatewayctl.domain.judge.rule_text import parse_rule
from gatewayctl.domain.judge.rules import RuleSet
from gatewayctl.domain.judge.settings import ERRORS, STANDARD, TRAFFIC, Settings, gauge
from gatewayctl.domain.judge.state import JudgeState
from gatewayctl.domain.judgement import Verdict
from gatewayctl.domain.signals import Counters, Gauge, Snapshot, Version
from tests.domain.judge.traffic import EDGES, Traffic, warm

STABLE, CANARY = Version.STABLE, Version.CANARY
ONLY_ERRORS = Settings(signals=(ERRORS,))


def judged(settings: Settings, traffic: Traffic, seconds: int, state: JudgeState | None = None) -> JudgeState:
    """After so many seconds with a look each; it stops at a failure, as a release does."""
    state = state or warm(settings)
    for _ in range(seconds):
        state = look(settings, state, traffic.second())
        if state.failed:
            break
    return state


def told(settings: Settings, state: JudgeState, later: float = 0.0) -> Decision:
    return decide(settings, state, (state.at or 0.0) + later)


def test_a_canary_as_good_as_stable_passes_by_all_signals_with_its_figures_in_one_sentence():
    settings = replace(Settings(), share=50.0)

    decision = told(settings, judged(settings, Traffic(1), 400))

    assert decision.verdict is Verdict.PASS
    assert decision.text.startswith(
        "passed after 399 s: errors, p50, p95, p99, mean, traffic within their margins; least sure errors: "
    )
    assert all(one.within >= decision.log_pass for one in decision.figures)
    assert [one.signal for one in decision.figures] == ["errors", "p50", "p95", "p99", "mean", "traffic"]


def test_a_canary_with_more_errors_fails_by_that_signal_and_says_how_sure_that_is():
    state = judged(Settings(), Traffic(1, canary_errors=0.05), 120)
    decision = told(Settings(), state)

    assert decision.verdict is Verdict.FAIL
    assert "canary answers were errors (stable 0." in decision.text
    assert "needed 1:600 for one signal alone; noise 1." in decision.text
    assert decision.figures[0].worse > math.log(500)  # the others add a little
    # Once failed it stays: evidence ever reached it.
    assert told(Settings(), judged(Settings(), Traffic(2), 120, state)).text == decision.text


@pytest.mark.parametrize("times", [1.3, 3.0])
def test_a_slower_canary_fails_by_latency(times):
    decision = told(Settings(), judged(Settings(), Traffic(1, canary_times=times), 120))

    assert decision.verdict is Verdict.FAIL
    assert "× stable's P" in decision.text


def test_half_of_the_answers_being_errors_fails_at_once():
    state = judged(Settings(), Traffic(1, canary_errors=0.8), 10)

    assert told(Settings(), state).verdict is Verdict.FAIL
    assert state.at is not None
    assert state.at <= 3
    assert "canary answers were errors, stable 0 of" in state.failed


def test_errors_of_both_versions_alike_fail_nobody():
    state = judged(Settings(), Traffic(1, stable_errors=0.7, canary_errors=0.7), 60)

    assert told(Settings(), state).verdict is None


def test_nothing_read_nothing_passes():
    decision = decide(Settings(), start(Settings()), 1000.0)

    assert decision.verdict is None
    assert decision.text == "undecided after 0 s: nothing was read yet"


def test_a_scrape_that_stopped_takes_a_pass_back():
    state = judged(ONLY_ERRORS, Traffic(1), 400)

    assert told(ONLY_ERRORS, state).verdict is Verdict.PASS
    failing = look(ONLY_ERRORS, state, Snapshot(461.0, faults=("prometheus: connection refused",)))
    assert failing.tracks == state.tracks
    later = told(ONLY_ERRORS, failing, 62)
    assert later.verdict is None
    assert "nothing was read for 62 s: prometheus: connection refused" in later.text


def test_signals_without_data_never_pass():
    """A source without durations says nothing of latency."""
    settings = Settings()
    decision = told(settings, judged(settings, Traffic(1, is_timed=False), 300))

    assert decision.verdict is None
    assert "p50: no figures of both versions" in decision.text


def test_a_pass_takes_the_time_it_was_told_to_take():
    settings = replace(ONLY_ERRORS, observe=400.0)

    assert "a step takes 400 s at least" in told(settings, judged(settings, Traffic(1), 300)).text


def test_no_signal_and_no_rule_never_pass():
    settings = Settings(signals=())

    assert told(settings, judged(settings, Traffic(1), 100)).verdict is None


def test_each_step_needs_a_pass_of_its_own_and_keeps_what_speaks_against_the_canary():
    settings = Settings(signals=(ERRORS,))
    state = judged(settings, Traffic(1, canary_errors=0.004), 60)
    before = told(settings, state).figures[0]
    after = next_step(settings, state)
    figures = told(settings, after).figures[0]

    assert figures.worse == before.worse != 0
    assert figures.within == 0 != before.within
    assert told(settings, after).text == "undecided after 0 s: nothing was read yet"
    # The new step's first snapshot is only where it begins: what came between belongs to no step.
    traffic = Traffic(3)
    begun = look(settings, after, replace(traffic.second(), at=1000.0))
    assert told(settings, begun).figures[0].canary == figures.canary
    assert begun.step_began == 1000.0


def test_a_resume_goes_on_with_the_same_evidence():
    """Through the journal: as JSON, short, without the counters; one look is lost by it."""
    settings = replace(Settings(), share=50.0)
    codec = TypeAdapter(JudgeState)
    traffic = Traffic(1, canary_errors=0.003)
    whole = judged(settings, traffic, 40)
    text = codec.dump_json(whole.for_journal())
    resumed = codec.validate_json(text)

    assert resumed == whole.for_journal()
    now, then = told(settings, resumed), told(settings, whole)
    for mine, theirs in zip(now.figures, then.figures, strict=True):
        assert theirs.worse - 1e-3 <= mine.worse <= theirs.worse
    first = look(settings, resumed, traffic.second())
    assert told(settings, first).figures[0].canary == now.figures[0].canary
    second = look(settings, first, traffic.second())
    assert told(settings, second).figures[0].canary > now.figures[0].canary


def test_the_journal_of_eight_signals_is_six_kilobytes_at_most():
    more = (gauge("cpu", Margin(1.2), Margin(1.5)), gauge("memory", Margin(1.2), Margin(1.5)))
    settings = Settings(signals=(*STANDARD, *more), share=50.0)
    traffic = Traffic(1, 40, 40, processes=9)
    state = warm(settings)
    for _ in range(200):
        cpu = Gauge(traffic.random.random(), traffic.random.random())
        state = look(settings, state, replace(traffic.second(), gauges={"cpu": cpu, "memory": cpu}))

    assert len(settings.signals) == 8
    assert len(TypeAdapter(JudgeState).dump_json(state.for_journal())) <= 6 * 1024


def test_latency_of_a_cold_canary_does_not_count_and_its_errors_do():
    settings = Settings()
    cold = canary_started(settings, start(settings), 0.0)

    slow = judged(settings, Traffic(1, canary_times=5.0), 60, cold)
    assert not slow.failed
    assert told(settings, slow).figures[1].canary == 0
    assert judged(settings, Traffic(1, canary_errors=0.1), 60, cold).failed
    assert judged(settings, Traffic(1, canary_times=5.0), 100, cold).failed


def test_a_restart_of_the_canary_makes_it_cold_again():
    settings = Settings()
    traffic = Traffic(1)
    state = canary_started(settings, judged(settings, traffic, 100), 100.0)
    before = told(settings, state).figures[1].canary

    traffic.canary_times = 5.0
    state = judged(settings, traffic, 59, state)

    assert not state.failed
    assert told(settings, state).figures[1].canary == before


def test_a_canary_that_gets_less_than_its_share_fails_by_traffic():
    """As one that hangs: its requests are never counted, so only their number shows it."""
    settings = Settings(share=50.0)
    decision = told(settings, judged(settings, Traffic(1, canary_rate=10), 120))

    assert decision.verdict is Verdict.FAIL
    assert "the canary got 1" in decision.text
    assert "requests, 50 % asked for" in decision.text


def test_a_canary_that_gets_nothing_fails_by_traffic():
    settings = Settings(signals=(ERRORS, TRAFFIC), share=50.0)

    assert "the canary got 0 % of" in told(settings, judged(settings, Traffic(1, canary_rate=0), 120)).text


def test_with_all_traffic_on_the_canary_a_pass_says_that_nothing_was_compared():
    settings = Settings(share=50.0)
    before = next_step(settings, judged(settings, Traffic(1), 60))
    full, traffic = replace(settings, share=100.0), Traffic(2, stable_rate=0)
    traffic.at = 1000.0

    decision = told(full, judged(full, traffic, 90, before))

    assert decision.verdict is Verdict.PASS
    assert "which gets all; nothing to compare with" in decision.text
    unproven = judged(full, Traffic(2, stable_rate=0), 90)
    assert "no step before compared it with stable" in told(full, unproven).text


def test_a_gauge_that_is_higher_fails_after_some_reads():
    settings = Settings(signals=(gauge("cpu", Margin(1.2), Margin(1.5)),))

    def read(cpu: float, seconds: int) -> JudgeState:
        state = start(settings)
        for at in range(seconds):
            state = look(settings, state, Snapshot(float(at), gauges={"cpu": Gauge(cpu, 0.2)}))
        return state

    assert "cpu of the canary 0.8 in" in told(settings, read(0.8, 120)).text
    assert told(settings, read(0.2, 240)).verdict is Verdict.PASS
    # A read in each second is no more evidence than one in five.
    assert told(settings, read(0.8, 21)).figures[0].canary == 4


def test_a_gauge_that_is_bad_when_it_falls():
    settings = Settings(signals=(gauge("free", Margin(1.2), Margin(1.5), lower_is_worse=True),))

    def read(free: float) -> Decision:
        state = start(settings)
        for at in range(0, 400, 5):
            state = look(settings, state, Snapshot(float(at), gauges={"free": Gauge(free, 0.6)}))
        return told(settings, state)

    assert read(0.1).verdict is Verdict.FAIL
    assert read(0.6).verdict is Verdict.PASS
    assert read(0.9).verdict is Verdict.PASS


def test_a_gauge_without_a_value_for_stable_is_no_evidence():
    settings = Settings(signals=(gauge("cpu", Margin(1.2), Margin(1.5)),))
    state = start(settings)
    for at in range(200):
        state = look(settings, state, Snapshot(float(at), gauges={"cpu": Gauge(0.1)}))

    assert told(settings, state).verdict is None


def test_rules_fail_and_pass_beside_the_signals():
    oom = parse_rule("OOMKilled >= 1")
    settings = Settings(signals=(), rules=RuleSet(require=(parse_rule("error_rate < 1%"),), fail=(oom,)))
    unknown = judged(settings, Traffic(1), 100)
    at = unknown.at or 0.0
    good = look(settings, unknown, Snapshot(at + 1, gauges={"OOMKilled": Gauge(0.0)}))

    assert "not known yet: OOMKilled >= 1 (unknown)" in told(settings, unknown).text
    assert told(settings, good).verdict is Verdict.PASS
    killed = look(settings, good, Snapshot(at + 2, gauges={"OOMKilled": Gauge(1.0)}))
    assert told(settings, killed).verdict is Verdict.FAIL
    assert "OOMKilled >= 1 (1 of 2)" in told(settings, killed).text


def test_a_required_rule_without_data_does_not_pass():
    settings = Settings(signals=(ERRORS,), rules=RuleSet(require=(parse_rule("cpu < 80%"),)))

    decision = told(settings, judged(settings, Traffic(1), 300))

    assert decision.verdict is None
    assert "not known yet: cpu < 80% (unknown)" in decision.text


def test_a_stable_process_that_differs_from_the_others_makes_it_inconclusive():
    settings = Settings()
    traffic = Traffic(1, processes=3, odd_times=2.0)
    decision = told(settings, judged(settings, traffic, 240))

    assert decision.verdict is Verdict.INCONCLUSIVE
    assert decision.text.startswith("stable disagrees with itself: gateway-0 against the others")


def test_stable_processes_that_agree_disturb_nothing():
    settings = Settings()
    state = judged(settings, Traffic(1, processes=3), 300)

    assert len(state.peers) == 3
    assert told(settings, state).verdict is Verdict.PASS


def test_looks_without_a_request_of_the_canary_wait_for_one():
    traffic = Traffic(1, canary_rate=0)
    state = judged(ONLY_ERRORS, traffic, 10)
    assert told(ONLY_ERRORS, state).figures[0].stable == 0

    traffic.canary_rate = 5
    state = judged(ONLY_ERRORS, traffic, 1, state)
    figures = told(ONLY_ERRORS, state).figures[0]
    assert figures.canary > 0
    assert figures.stable > 300


def test_counters_as_prometheus_gives_them_every_fifteen_seconds_are_judged_too():
    traffic = Traffic(1, canary_times=3.0)
    state = warm(Settings())
    for second in range(150):
        snapshot = traffic.second()
        if second % 15 == 0:
            state = look(Settings(), state, snapshot)

    assert told(Settings(), state).verdict is Verdict.FAIL


def test_a_state_is_the_same_whatever_order_processes_are_named_in():
    traffic, shuffled = Traffic(1, processes=3), Traffic(1, processes=3)
    one = two = warm(Settings())
    for _ in range(30):
        one = look(Settings(), one, traffic.second())
        snapshot = shuffled.second()
        items = list(snapshot.counters.items())
        two = look(Settings(), two, replace(snapshot, counters=dict(reversed(items))))

    assert one == two


def test_a_snapshot_of_before_is_a_missing_look():
    state = judged(ONLY_ERRORS, Traffic(1), 20)
    again = look(ONLY_ERRORS, state, Snapshot(3.0, {("gateway-0", CANARY): Counters(1, 1)}))

    assert again.missing == state.missing + 1
    assert again.tracks == state.tracks
    assert again.last == state.last


def test_buckets_of_other_edges_cannot_be_added_and_say_nothing_of_latency():
    settings = Settings()
    state = warm(settings)
    traffic = Traffic(1)
    for _ in range(90):
        snapshot = traffic.second()
        odd = {
            key: replace(one, buckets=tuple((edge * 2, count) for edge, count in one.buckets or ()))
            if key[1] is CANARY
            else one
            for key, one in snapshot.counters.items()
        }
        state = look(settings, state, replace(snapshot, counters=odd))

    assert state.edges in (EDGES, tuple(edge * 2 for edge in EDGES))
    assert told(settings, state).figures[1].canary == 0


def test_gauges_from_another_source_leave_the_counters_as_they_are():
    alone = judged(ONLY_ERRORS, Traffic(1), 30)
    traffic, both = Traffic(1), warm(ONLY_ERRORS)
    for _ in range(30):
        snapshot = traffic.second()
        both = look(ONLY_ERRORS, both, snapshot)
        both = look(ONLY_ERRORS, both, Snapshot(snapshot.at, gauges={"cpu": Gauge(0.3)}))

    assert both.missing == 0
    assert both.tracks[0].seen == alone.tracks[0].seen
    assert both.gauges[0].reads == 30


def test_gauges_do_not_hide_that_counters_have_stopped():
    state = judged(ONLY_ERRORS, Traffic(1), 400)
    assert told(ONLY_ERRORS, state).verdict is Verdict.PASS

    state = look(ONLY_ERRORS, state, Snapshot(470.0, gauges={"cpu": Gauge(0.3)}))

    assert "no request was counted for 71 s" in told(ONLY_ERRORS, state).text


def test_a_gauge_that_is_no_longer_read_does_not_pass():
    settings = Settings(signals=(gauge("cpu", Margin(1.2), Margin(1.5)),))
    state = start(settings)
    for at in range(0, 300, 5):
        state = look(settings, state, Snapshot(float(at), gauges={"cpu": Gauge(0.2, 0.2)}))
    assert told(settings, state).verdict is Verdict.PASS

    state = look(settings, state, Snapshot(360.0, gauges={"queue": Gauge(1.0, 1.0)}))

    assert told(settings, state).text == "undecided after 360 s: cpu was not read for 65 s"


def test_a_canary_that_no_source_counts_is_not_blamed_for_its_traffic():
    """Wrong labels look like a canary without requests; only counters that stand still show one."""
    settings = Settings(signals=(ERRORS, TRAFFIC), share=50.0)
    traffic, state = Traffic(1), warm(Settings(signals=(ERRORS, TRAFFIC)))
    for _ in range(120):
        snapshot = traffic.second()
        stable = {key: one for key, one in snapshot.counters.items() if key[1] is STABLE}
        state = look(settings, state, replace(snapshot, counters=stable))

    assert told(settings, state).verdict is None
    assert told(settings, state).figures[1].canary == 0


def test_a_missing_process_says_nothing_of_how_requests_were_divided():
    settings = Settings(signals=(TRAFFIC,), share=50.0)
    traffic = Traffic(1, processes=2)
    state = judged(settings, traffic, 10)
    seen = state.tracks[0].seen
    snapshot = traffic.second()
    key = ("gateway-0", CANARY)

    state = look(settings, state, replace(snapshot, counters={**snapshot.counters, key: Counters(0, 0)}))

    assert state.tracks[0].seen == seen


def test_a_step_in_which_everything_goes_to_the_canary_does_not_change_what_a_failure_takes():
    """Traffic is not judged there; if it did not count as a signal any more, the others would need less evidence."""
    state = judged(Settings(share=50.0), Traffic(1, canary_errors=0.05), 120)

    assert "needed 1:600 for one signal alone" in state.failed
    full = Settings(share=100.0)
    rest = replace(next_step(full, state), failed="", disagrees="")
    again = look(full, rest, replace(Traffic(2).second(), at=500.0))
    assert again.failed.endswith(state.failed.rpartition("needed")[2])


def test_rules_about_latency_leave_a_cold_canary_out_too():
    settings = Settings(signals=(), rules=RuleSet(fail=(parse_rule("p50 > 200ms"), parse_rule("error_rate > 90%"))))
    cold = canary_started(settings, start(settings), 0.0)

    slow = judged(settings, Traffic(1, canary_times=9.0), 60, cold)

    assert not slow.failed
    assert judged(settings, Traffic(1, canary_times=9.0), 70, cold).failed


def test_once_stable_disagrees_a_slower_canary_is_not_blamed_and_a_broken_one_is():
    settings = Settings()
    traffic = Traffic(1, 40, 40, processes=3)
    state = replace(judged(settings, traffic, 5), disagrees="stable disagrees with itself: gateway-0 is slower")

    traffic.canary_times = 4.0
    slow = judged(settings, traffic, 60, state)
    traffic.canary_errors = 0.9
    broken = judged(settings, traffic, 10, slow)

    assert told(settings, slow).verdict is Verdict.INCONCLUSIVE
    assert told(settings, broken).verdict is Verdict.FAIL
