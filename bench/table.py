"""Figures as a table for a terminal: one row each, with spread, baseline, ratio, and whether the target was reached."""

import math
from collections.abc import Sequence

from bench.figures import Figure, Samples

_HEADS = ("figure", "n", "P50", "P95", "max", "± MAD", "baseline", "its P50 ± MAD", "ratio", "target")
_LEFT = {0, 6, 9}


def table(figures: Sequence[Figure]) -> str:
    """All rows under one head, then what the rows' notes say."""
    rows = [_HEADS, *(_row(one) for one in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    lines = [
        "  ".join(
            text.ljust(width) if column in _LEFT else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    lines.insert(1, "─" * max(map(len, lines)))
    notes = list(dict.fromkeys(f"{one.name}: {one.note}" for one in figures if one.note))
    return "\n".join([*lines, *(["", *notes] if notes else [])]) + "\n"


def _row(one: Figure) -> tuple[str, ...]:
    ours, unit = one.ours, one.unit
    return (
        one.name,
        str(len(ours.values)),
        shown(ours.median, unit),
        shown(ours.quantile(0.95), unit),
        shown(max(ours.values), unit),
        shown(ours.deviation, unit),
        one.baseline.label,
        _spread(one.baseline, unit),
        ratio(one.ratio),
        target(one),
    )


def _spread(samples: Samples, unit: str) -> str:
    return f"{shown(samples.median, unit)} ± {shown(samples.deviation, unit)} (n {len(samples.values)})"


def shown(value: float, unit: str) -> str:
    """A value with three digits; seconds below one are milliseconds."""
    if unit == "s" and 0 < abs(value) < 1:
        value, unit = value * 1000, "ms"
    digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f} {unit}"


def ratio(value: float) -> str:
    """How many times more or less than the baseline."""
    if math.isnan(value):
        return "–"
    return f"{1 / value:.3g}× less" if 0 < value < 1 else f"{value:.3g}×"


def target(one: Figure) -> str:
    """What was asked, and whether it was reached."""
    asked = one.target
    parts = [
        *([f"P95 ≤ {shown(asked.p95, one.unit)}"] if asked.p95 is not None else []),
        *([f"P50 ≤ {shown(asked.median, one.unit)}"] if asked.median is not None else []),
        *([f"at most {ratio(asked.ratio)}"] if asked.ratio is not None and asked.ratio >= 1 else []),
        *([f"at least {ratio(asked.ratio)}"] if asked.ratio is not None and asked.ratio < 1 else []),
    ]
    if not parts:
        return ""
    return f"{'✗ missed' if one.missed else '✓'}  {', '.join(parts)}"
