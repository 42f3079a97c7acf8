"""The ramp of an application in gatewayctl.yaml: presets, written steps, the judge, and what is no ramp."""

import re
from pathlib import Path

import pytest

from gatewayctl.config.load import load
from gatewayctl.domain.judge.rule_presets import RULES
from gatewayctl.domain.judge.settings import LOW_TRAFFIC, STANDARD
from gatewayctl.domain.ramp import PRESETS, Promotion, Step, Undecided
from gatewayctl.domain.trial import Trial
from tests.config.files import GOOD, faults_of, write_config

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
JUDGE = "judge: {source: gateway, undecided: fail}"


def trial_of(folder: Path, *lines: str) -> Trial:
    """The trial of orders with these lines under it."""
    text = GOOD + "".join(f"    {line}\n" for line in lines)
    return load(write_config(folder, text)).apps["orders"].trial


def fault_of(folder: Path, *lines: str) -> str:
    """What is wrong with these lines under orders."""
    return "\n".join(faults_of(folder, GOOD + "".join(f"    {line}\n" for line in lines)))


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_whole_ramp(tmp_path, name):
    trial = trial_of(tmp_path, "smoke: none", f"ramp: {{steps: {name}, {JUDGE}}}")

    assert trial.ramp.steps == PRESETS[name]
    assert trial.files == ()
    assert trial.decides
    assert trial.time_to_live == trial.timings.time_to_live + sum(step.seconds for step in PRESETS[name])


def test_steps_and_judge_are_read_as_they_are_written(tmp_path):
    trial = trial_of(
        tmp_path,
        "smoke: none",
        "promote: steered",
        "ramp:",
        "  steps: [{share: 5, for: 90s}, {share: 50, for: 1h, replicas: 3}]",
        "  judge:",
        "    source: gateway",
        "    undecided: ask",
        "    signals: low-traffic",
        "    rules: {require: ['p99 <= 1.5 x stable'], fail: ['OOMKilled >= 1']}",
        "    alpha: 0.02",
        "    observe: 30s",
        "    patience: 1h",
    )

    assert trial.ramp.steps == (Step(5, 90.0), Step(50, 3600.0, 3))
    judging = trial.ramp.judging
    assert judging is not None
    assert (judging.source, judging.undecided, judging.patience) == ("gateway", Undecided.ASK, 3600.0)
    settings = judging.settings
    assert (settings.signals, settings.alpha, settings.beta, settings.observe) == (LOW_TRAFFIC, 0.02, 0.05, 30.0)
    assert [rule.text for rule in settings.rules.require] == ["p99 <= 1.5 x stable"]
    assert [rule.text for rule in settings.rules.fail] == ["OOMKilled >= 1"]
    assert trial.promotion is Promotion.STEERED


def test_rules_may_be_a_preset_and_nobody_need_judge(tmp_path):
    judged = trial_of(
        tmp_path, "smoke: none", "ramp: {steps: mesh, judge: {source: gateway, undecided: wait, rules: gates}}"
    )
    timed = trial_of(tmp_path, "smoke: none", "ramp: {steps: mesh, judge: none}")

    assert judged.ramp.judging is not None
    assert judged.ramp.judging.settings.rules == RULES["gates"]
    assert judged.ramp.judging.settings.signals == STANDARD
    assert timed.ramp.judging is None
    assert not timed.decides


def test_signals_that_are_left_out_are_not_judged(tmp_path):
    left = "judge: {source: gateway, undecided: wait, leave_out: [mean, p99]}"
    judging = trial_of(tmp_path, "smoke: none", f"ramp: {{steps: mesh, {left}}}").ramp.judging

    assert judging is not None
    assert [one.name for one in judging.settings.signals] == ["errors", "p50", "p95", "traffic"]


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ([f"ramp: {{steps: mesh, {JUDGE}}}"], "write smoke: none where there are none"),
        (
            ["smoke: none", f"ramp: {{steps: msh, {JUDGE}}}"],
            "expected one of ingress, mesh, hourly, or a list of steps",
        ),
        (["smoke: none", "ramp: {steps: mesh}"], "ramp.judge"),
        (["smoke: none", "ramp: {steps: mesh, judge: {source: gateway}}"], "undecided"),
        (["smoke: none", f"ramp: {{steps: [], {JUDGE}}}"], "expected 1 to 100 steps, got 0"),
        (["smoke: none", f"ramp: {{steps: [{{share: 101, for: 1m}}], {JUDGE}}}"], "less than or equal to 100"),
        (
            ["smoke: none", f"ramp: {{steps: [{{share: 50, for: 1m}}, {{share: 10, for: 1m}}], {JUDGE}}}"],
            "expected steps that climb, got share 50, 10",
        ),
        (
            [
                "smoke: none",
                f"ramp: {{steps: [{{share: 1, for: 1m, replicas: 3}}, {{share: 2, for: 1m, replicas: 2}}], {JUDGE}}}",
            ],
            "expected steps that climb, got replicas 3, 2",
        ),
        (
            [
                "smoke: none",
                "ramp: {steps: mesh, judge: {source: gateway, undecided: fail, rules: {fail: ['p99 > 2']}}}",
            ],
            "p99 is a time",
        ),
        (
            ["smoke: none", "ramp: {steps: mesh, judge: {source: gateway, undecided: fail, rules: gate}}"],
            "expected one of gates, breaker, baseline, golden",
        ),
        (
            ["smoke: none", "ramp: {steps: mesh, judge: {source: gateway, undecided: fail, signals: none}}"],
            "signals: none needs rules that a canary has to keep",
        ),
        (
            [
                "smoke: none",
                "ramp: {steps: mesh, judge: {source: gateway, undecided: fail, leave_out: [EVERY]}}".replace(
                    "EVERY", ", ".join(one.name for one in STANDARD)
                ),
            ],
            "signals: none needs rules that a canary has to keep",
        ),
        (
            ["smoke: none", "ramp: {steps: mesh, judge: {source: gateway, undecided: fail, leave_out: [p90]}}"],
            "leave_out",
        ),
        (["smoke: some"], "smoke"),
    ],
)
def test_what_is_no_ramp_is_refused_with_its_line(tmp_path, lines, fault):
    said = fault_of(tmp_path, *lines)

    assert fault in said
    assert re.search(r"gatewayctl.yaml:\d+", said)


def test_the_example_of_the_page_is_a_ramp(tmp_path):
    block = re.search(r"^    ramp:.*?(?=^    timings)", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert block is not None

    trial = load(write_config(tmp_path, f"{GOOD}    smoke: none\n{block[0]}")).apps["orders"].trial

    assert trial.ramp.steps == (Step(10, 300.0), Step(50, 300.0, 2))
    assert trial.ramp.judging is not None
    assert trial.ramp.judging.patience == 600.0
