"""Figures that rules name, and for how long rules hold."""

import math
from dataclasses import replace

import pytest

from gatewayctl.domain.judge.decision import decide
from gatewayctl.domain.judge.figures import Facts, Reading
from gatewayctl.domain.judge.judge import look, start
from gatewayctl.domain.judge.rule_text import parse_rule
from gatewayctl.domain.judge.rules import RuleSet
from gatewayctl.domain.judge.settings import Settings
from gatewayctl.domain.judge.state import JudgeState
from gatewayctl.domain.judge.tally import Tally
from gatewayctl.domain.judgement import Verdict
from gatewayctl.domain.signals import Counters, Gauge, Snapshot, Version

EDGES = (0.1, 0.2, 0.4)
CANARY = Tally(100, 3, 100, 12.0, (50, 40, 8, 2))
STABLE = Tally(900, 9, 900, 90.0, (500, 390, 9, 1))
FACTS = Facts(EDGES, CANARY, STABLE, (Reading("cpu", 0.7, 0.5, 0.0, 3), Reading("odd", 1.0, None, 0.0, 1)), share=20.0)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("error_rate <= 3%", True),
        ("error_rate < 3%", False),
        ("success_rate >= 97%", True),
        ("error_rate > 2.9 x stable", True),
        ("error_rate > 3.1 x stable", False),
        ("mean < 121ms", True),
        ("mean > 1.19 x stable", True),
        # Rank 50 of 100 is the last one of the first bucket; 90 the last of the second.
        ("p50 <= 100ms", True),
        ("p90 <= 200ms", True),
        ("p70 > 149ms", True),
        ("p70 < 151ms", True),
        # 10 % of the requests, where 20 % were asked for.
        ("traffic < 51%", True),
        ("traffic < 49%", False),
        ("cpu < 80%", True),
        ("cpu > 1.3 x stable", True),
        # What takes longer than the last edge takes so long or longer, and nobody knows how long.
        ("p99 > 300ms", True),
        ("p99 < 300ms", False),
        ("p99 < 60s", None),
        ("p99 > 1s", None),
        ("error_rate < 5% of at least 101", None),
        ("memory < 80%", None),
        ("odd < 2 x stable", None),
        ("cpu < 80% of at least 4", None),
    ],
)
def test_a_rule_holds_or_not_or_nobody_knows(text, holds):
    assert FACTS.holds(parse_rule(text)) is holds


@pytest.mark.parametrize("text", ["error_rate < 5%", "mean < 5s", "p99 < 5s", "traffic > 0%", "success_rate > 0%"])
def test_without_requests_nothing_is_known(text):
    assert Facts(EDGES, Tally(), Tally(), share=20.0).holds(parse_rule(text)) is None


def test_without_a_share_nothing_is_known_of_traffic():
    assert replace(FACTS, share=None).holds(parse_rule("traffic < 51%")) is None


FOR_TEN = Settings(signals=(), rules=RuleSet(fail=(parse_rule("load > 1 for 10s"),)))


def reads(values: list[float | None], every: float = 1.0, settings: Settings = FOR_TEN) -> JudgeState:
    state = start(settings)
    for number, value in enumerate(values):
        state = look(settings, state, Snapshot(number * every, gauges={"load": Gauge(value)}))
    return state


def test_a_rule_that_has_to_hold_for_a_time_fails_after_it_and_not_before():
    assert not reads([2.0] * 10).failed
    assert reads([2.0] * 11).failed == "failed after 10 s: load > 1 for 10s (2 of 11)"


def test_one_look_that_says_otherwise_begins_the_time_again():
    assert not reads([*[2.0] * 10, 0.5, *[2.0] * 10]).failed
    assert reads([*[2.0] * 10, 0.5, *[2.0] * 11]).failed


def test_a_time_in_which_nobody_looked_does_not_count():
    assert not reads([2.0, 2.0], every=61.0).failed
    assert reads([2.0, 2.0], every=59.0).failed


def test_a_gauge_that_is_no_longer_read_is_unknown_after_a_while():
    state = reads([0.5])
    counters = {("a", Version.CANARY): Counters(1, 0)}
    settings = replace(FOR_TEN, rules=replace(FOR_TEN.rules, require=(parse_rule("load < 1"),)), observe=0.0)

    fresh = look(settings, state, Snapshot(60.0, counters))
    stale = look(settings, state, Snapshot(61.0, counters))

    assert decide(settings, fresh, 60.0).verdict is Verdict.PASS
    assert "not known yet: load < 1 (unknown)" in decide(settings, stale, 61.0).text


def test_a_gauge_without_a_value_says_why():
    settings = replace(FOR_TEN, rules=RuleSet(fail=(parse_rule("cpu > 80%"), parse_rule("load > 1"))), observe=0.0)
    why = "cpu of canary is not known: the cluster has no metrics API"

    state = look(settings, start(settings), Snapshot(1.0, gauges={"cpu": Gauge(None)}, unknown=(why,)))
    decided = decide(settings, state, 1.0)

    assert state.missing == 0
    assert (
        f"not known yet: cpu > 80% (unknown), 1 are needed; {why}; not known yet: load > 1 (unknown), 1 are needed"
        in (f"{decided.text};")
    )


def test_a_watched_rule_is_told_and_decides_nothing():
    settings = Settings(signals=(), observe=0.0, rules=RuleSet((parse_rule("load < 9"),), (), FOR_TEN.rules.fail))
    state = reads([2.0] * 11, settings=settings)

    decision = decide(settings, state, 10.0)

    assert decision.verdict is Verdict.PASS
    assert decision.watched == ("load > 1 for 10s (2 of 11)",)


def test_a_canary_does_not_pass_while_a_rule_that_would_fail_it_holds():
    settings = replace(FOR_TEN, observe=0.0, rules=replace(FOR_TEN.rules, require=(parse_rule("load < 9"),)))

    assert "true now: load > 1 for 10s (2 of 5)" in decide(settings, reads([2.0] * 5, settings=settings), 5.0).text


def test_a_value_that_is_no_number_is_none():
    assert reads([None, None]).gauges == ()
    assert math.isfinite(FACTS.measure("cpu", Version.CANARY).value or math.nan)
