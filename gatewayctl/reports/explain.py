"""Why a release came to where it is: each decision in a sentence, with the figures of the judge."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gatewayctl.domain.nesting import parse_json
from gatewayctl.domain.release import Release
from gatewayctl.reports.release import explain, moment

_MARKS = "✓✗?"


@dataclass(frozen=True, slots=True)
class ExplainReport:
    """`decisions` are those of the judge, oldest first, each with the number of its step, from 1."""

    release: Release
    decisions: tuple[tuple[int, dict[str, Any]], ...]

    def data(self) -> dict[str, object]:
        """The document `gatewayctl.explain/1`."""
        steps = [
            {"phase": one.phase.value, "mark": one.mark, "text": one.text, "at": moment(one.at)}
            for one in self.release.notes
            if one.mark in _MARKS
        ]
        judged = [{"step": step, **row} for step, row in self.decisions]
        return {
            "schema": "gatewayctl.explain/1",
            "id": self.release.id,
            "why": explain(self.release),
            "steps": steps,
            "judged": judged,
        }

    def text(self) -> str:
        """The release in a sentence, its steps, and the last word of the judge on each step of the ramp."""
        lines = [explain(self.release), ""]
        lines += [f"  {one.mark} {one.phase.value:<8} {one.text}" for one in self.release.notes if one.mark in _MARKS]
        for step, row in dict(self.decisions).items():
            lines += ["", f"  step {step} of the ramp: {row.get('text', '')}"]
            lines += [_describe_signal(one, row) for one in row.get("figures", ())]
        return "\n".join(lines)


def _describe_signal(one: dict[str, Any], row: dict[str, Any]) -> str:
    """The counts of one signal, and its evidence beside what is needed, as natural logarithms."""
    counts = f"canary {one['canary_bad']:,.0f} of {one['canary']:,.0f}, stable {one['stable_bad']:,.0f}"
    evidence = (
        f"worse {one['worse']:+.1f} of {row['log_fail']:.1f}, within {one['within']:+.1f} of {row['log_pass']:.1f}"
    )
    return (
        f"    {one['signal']:<8} {counts} of {one['stable']:,.0f}; log evidence: {evidence}; noise {one['noise']:.1f}"
    )


def read_decisions(release: Release, get: Callable[[str, str], str | None]) -> tuple[tuple[int, dict[str, Any]], ...]:
    """What the judge decided, with `get` as of ports.Evidence. Raises EnvironmentFailed when that cannot be read."""
    found = []
    for number in range(1, len(release.trial.ramp.steps) + 1):
        text = get(release.id, f"ramp/step-{number}/judge.jsonl") or ""
        found += [(number, row) for line in text.splitlines() if isinstance(row := _parse(line), dict)]
    return tuple(found)


def _parse(line: str) -> object:
    """One row; nothing for half a row, as a full disk leaves it."""
    try:
        return parse_json(line)
    except ValueError:
        return None
