"""A run as JSON: every value that was measured, with the machine it was measured on and how noisy that was."""

import os
import platform
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bench.figures import Figure, Samples, Target

SCHEMA = "gatewayctl.bench/1"
_LOOPS, _STEPS = 20, 200_000


def machine() -> dict[str, Any]:
    """What the figures depend on; takes half a second, in which a fixed loop shows the machine's noise."""
    return {
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000,
        "system": platform.platform(),
        "python": platform.python_version(),
        "load": list(os.getloadavg()),
        "noise": as_dict(noise()),
    }


def noise() -> Samples:
    """Seconds that the same loop took again and again; on a quiet machine they hardly differ."""
    taken = []
    for _ in range(_LOOPS):
        start = time.perf_counter()
        sum(range(_STEPS))
        taken.append(time.perf_counter() - start)
    return Samples("a fixed loop", tuple(taken))


def document(
    facts: dict[str, Any], rows: Sequence[dict[str, Any]], skipped: Sequence[dict[str, str]]
) -> dict[str, Any]:
    """The whole run."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"schema": SCHEMA, "date": now, "machine": facts, "figures": list(rows), "skipped": list(skipped)}


def row(benchmark: str, one: Figure) -> dict[str, Any]:
    """One figure with all its values."""
    return {
        "benchmark": benchmark,
        "name": one.name,
        "unit": one.unit,
        "ours": as_dict(one.ours),
        "baseline": as_dict(one.baseline),
        "ratio": one.ratio if one.ratio == one.ratio else None,  # nan is no JSON
        "target": {"p95": one.target.p95, "median": one.target.median, "ratio": one.target.ratio},
        "missed": list(one.missed),
        "note": one.note,
    }


def figure_of(found: dict[str, Any]) -> Figure:
    """The figure that a row was made from."""
    ours, baseline = (Samples(found[key]["label"], tuple(found[key]["values"])) for key in ("ours", "baseline"))
    return Figure(found["name"], found["unit"], ours, baseline, Target(**found["target"]), found["note"])


def as_dict(samples: Samples) -> dict[str, Any]:
    """Samples with their spread."""
    return {
        "label": samples.label,
        "n": len(samples.values),
        "p50": samples.median,
        "p95": samples.quantile(0.95),
        "max": max(samples.values),
        "mad": samples.deviation,
        "values": list(samples.values),
    }
