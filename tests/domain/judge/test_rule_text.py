"""Rules as people write them, and what they are told of those that are none."""

import pytest

from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.judge.rule_presets import RULES
from gatewayctl.domain.judge.rule_text import parse_rule
from gatewayctl.domain.judge.rules import Comparison, Rule


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("error_rate < 0.1%", Rule("error_rate", Comparison.BELOW, 0.001, samples=20)),
        ("p99 <= 1.5 x stable", Rule("p99", Comparison.AT_MOST, 1.5, of_stable=True, samples=20)),
        ("p99.9<=1.5× stable", Rule("p99.9", Comparison.AT_MOST, 1.5, of_stable=True, samples=20)),
        ("error_rate > 1% for 2m", Rule("error_rate", Comparison.ABOVE, 0.01, seconds=120.0, samples=20)),
        ("OOMKilled >= 1", Rule("OOMKilled", Comparison.AT_LEAST, 1.0)),
        ("mean > 500ms of at least 100", Rule("mean", Comparison.ABOVE, 0.5, samples=100)),
        ("p95  >  5 s for 90 s of at least 7", Rule("p95", Comparison.ABOVE, 5.0, seconds=90.0, samples=7)),
        ("cpu < 80%", Rule("cpu", Comparison.BELOW, 0.8)),
        ("queue:depth > -3.5 for 1h", Rule("queue:depth", Comparison.ABOVE, -3.5, seconds=3600.0)),
    ],
)
def test_a_text_is_a_rule(text, rule):
    found = parse_rule(text)

    assert found.limit == pytest.approx(rule.limit)
    assert Rule(found.figure, found.comparison, rule.limit, found.of_stable, found.seconds, found.samples) == rule
    assert found.text == " ".join(text.split())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "a figure, one of < <= > >=, and a number are expected"),
        ("error_rate", "a figure, one of"),
        ("error_rate == 1%", "a figure, one of"),
        ("error_rate < 1% for long", "a figure, one of"),
        ("p99 <= 1.5 stable", "a figure, one of"),
        ("error_rate < 0.1", "error_rate is a share: 0.1 has to end with %"),
        ("error_rate < 3ms", "error_rate is a share: 3 has to end with %"),
        ("p99 < 200", "p99 is a time: 200 of what? ms or s"),
        ("p0 < 200ms", "p0 is no quantile"),
        ("mean < 5%", "mean is a time: 5 of what? ms or s"),
        ("p99 < 150% x stable", "p99 is compared with stable as a plain number of times"),
        ("traffic < 0.5 x stable", "traffic is compared with stable as a plain number of times"),
        ("p99 < 0 x stable", "is always 0"),
        ("5xx > 1", "5xx is no name of a figure"),
        ("cpu < 80% of at least 0", "without a sample nothing is known"),
    ],
)
def test_what_is_no_rule_is_refused_with_its_text_and_the_reason(text, why):
    with pytest.raises(UsageFault) as caught:
        parse_rule(text)

    assert str(caught.value).startswith(f"{text!r} is not a rule: ")
    assert why in str(caught.value)
    assert caught.value.hint


def test_presets_are_what_teams_ask_for():
    said = {
        name: {
            "require": [one.text for one in rules.require],
            "fail": [one.text for one in rules.fail],
            "watch": [one.text for one in rules.watch],
            "least": rules.least,
        }
        for name, rules in RULES.items()
    }

    assert said["gates"]["least"] == 30 * 60
    assert said["breaker"]["fail"][0] == "error_rate > 1% for 2m of at least 100"
    assert said["baseline"]["require"][1] == "p99 <= 200ms of at least 100"
    assert said["golden"]["fail"][:2] == ["traffic < 50% of at least 200", "traffic > 150% of at least 200"]
    assert set(said) == {"gates", "breaker", "baseline", "golden"}
