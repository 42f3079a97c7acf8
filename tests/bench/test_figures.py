"""Figures: spread, ratio, targets, and what of them reaches the terminal and the JSON."""

import json
import math

import pytest

from bench.figures import Figure, Samples, Target, figure
from bench.record import document, figure_of, row
from bench.table import shown, table

NONE = Target()
TWENTY = tuple(float(value) for value in range(1, 21))


def a_figure(target: Target = NONE, **changes: object) -> Figure:
    given = {"name": "rule live", "unit": "s", "ours": Samples("gatewayctl", TWENTY), "note": ""}
    return Figure(baseline=Samples("kubectl", (100.0, 300.0)), target=target, **(given | changes))


def test_the_spread_of_samples_is_made_of_values_that_were_seen():
    samples = Samples("gatewayctl", (5.0, 1.0, 3.0, 2.0, 100.0))

    assert samples.median == 3.0
    assert samples.quantile(0.95) == 100.0
    assert samples.deviation == 2.0
    assert Samples("many", TWENTY).quantile(0.95) == 19.0
    assert Samples("two", (1.0, 2.0)).median == 1.5


def test_without_a_value_there_are_no_samples():
    with pytest.raises(ValueError, match="plain: nothing was measured"):
        Samples("plain", ())


def test_a_ratio_compares_medians():
    assert a_figure().ratio == 10.5 / 200


def test_nothing_over_nothing_has_no_ratio_and_reaches_no_target():
    found = figure("x", "s", [1.0], ("none", [0.0]))

    assert math.isnan(found.ratio)
    judged = Figure(found.name, found.unit, found.ours, found.baseline, Target(ratio=1.0))
    assert judged.missed == ("ratio nan, not 1",)


@pytest.mark.parametrize(
    ("target", "missed"),
    [
        (Target(p95=19.0, median=10.5, ratio=0.0525), ()),
        (Target(p95=18.9), ("P95 19, not 18.9",)),
        (Target(median=10.0), ("median 10.5, not 10",)),
        (Target(ratio=1 / 30), ("ratio 0.0525, not 0.0333",)),
    ],
)
def test_a_target_is_missed_by_the_part_that_exceeds_it(target: Target, missed: tuple[str, ...]):
    assert a_figure(target).missed == missed


def test_the_table_shows_spread_baseline_ratio_and_target():
    text = table([a_figure(Target(p95=2.0, ratio=1 / 30), note="of three replicas")])

    head, _, line, _, note = text.splitlines()
    assert " ".join(head.split()) == "figure n P50 P95 max ± MAD baseline its P50 ± MAD ratio target"
    assert line.startswith("rule live  20  10.5 s  19 s  20 s    5 s")
    assert "kubectl   200 s ± 100 s (n 2)  19× less  ✗ missed  P95 ≤ 2 s, at least 30× less" in line
    assert note == "rule live: of three replicas"


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.0123, "s", "12.3 ms"),
        (1.234, "s", "1.23 s"),
        (12.34, "s", "12.3 s"),
        (0.0, "s", "0 s"),
        (68.04, "MB", "68.0 MB"),
    ],
)
def test_a_value_is_shown_with_three_digits(value: float, unit: str, words: str):
    assert shown(value, unit) == words


def test_a_figure_survives_being_written_and_read():
    before = a_figure(Target(p95=2.0), note="of three")

    kept = json.loads(json.dumps(document({"cores": 2}, [row("live", before)], [])))

    assert kept["schema"] == "gatewayctl.bench/1"
    assert figure_of(kept["figures"][0]) == before
    assert kept["figures"][0]["missed"] == ["P95 19, not 2"]


def test_a_ratio_that_is_not_a_number_is_null_in_the_json():
    assert row("x", figure("x", "s", [1.0], ("none", [0.0])))["ratio"] is None
