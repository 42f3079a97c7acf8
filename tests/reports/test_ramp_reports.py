"""What people read of a ramp: where it is, what each replica serves, and why the judge decided as it did."""

from dataclasses import replace

from gatewayctl.domain.release import Outcome, Phase
from gatewayctl.domain.shares import ShareCount
from gatewayctl.reports.explain import ExplainReport, read_decisions
from gatewayctl.reports.release import explain
from gatewayctl.reports.share import ShareReport
from tests.reports.samples import DECIDED, RAMPED


def test_a_release_in_a_ramp_says_its_step_and_its_share() -> None:
    assert explain(RAMPED).endswith("is in phase observe of step 1 of 1: 10 % of real traffic")
    assert explain(replace(RAMPED, phase=Phase.PAUSED)).endswith("is paused with 10 % of real traffic, step 1 of 1")


def test_the_share_of_each_replica_is_shown_with_its_interval_and_a_mark() -> None:
    counts = (("gateway-1", ShareCount(1000, 100)), ("gateway-2", ShareCount(1000, 0)))

    lines = ShareReport("orders", 10, counts).text().splitlines()

    assert lines[0].startswith("✓ gateway-1: 10.0 % of 1,000 unmarked requests reached the canary (7.")
    assert lines[1].startswith("✗ gateway-2: 0.0 % of 1,000 unmarked requests")
    assert lines[2].startswith("✗ all: 5.0 % of 2,000 unmarked requests")
    assert lines[2].endswith("; 10 % asked")


def test_the_last_word_of_the_judge_is_shown_with_its_figures() -> None:
    rejected = replace(RAMPED, phase=Phase.DONE, outcome=Outcome.REJECTED, reason="9 % errors")
    undecided = {**DECIDED, "text": "undecided", "figures": []}

    lines = ExplainReport(rejected, ((1, undecided), (1, DECIDED))).text().splitlines()

    assert lines[0].endswith("was rejected: 9 % errors; everything is as before")
    assert lines[-2] == "  step 1 of the ramp: failed after 44 s: 9 % of 400 canary answers are errors"
    counts = "    errors   canary 36 of 400, stable 18 of 3,600"
    assert lines[-1] == f"{counts}; log evidence: worse +7.2 of 4.6, within -3.0 of 3.0; noise 1.4"


def test_half_a_row_that_a_full_disk_left_hides_no_other() -> None:
    kept = {"ramp/step-1/judge.jsonl": '{"text": "first"}\n{"text": "sec'}

    assert read_decisions(RAMPED, lambda _id, name: kept.get(name)) == ((1, {"text": "first"}),)
