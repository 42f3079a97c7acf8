"""What releases left behind, and what was done about it."""

from dataclasses import dataclass

from gatewayctl.domain.leftovers import SweepAction, Swept
from gatewayctl.domain.survey import NextStep
from gatewayctl.reports.commands import command_of


@dataclass(frozen=True, slots=True)
class SweepReport:
    """What `sweep` found and did."""

    swept: tuple[Swept, ...]

    @property
    def needs_person(self) -> bool:
        """Whether a sweep did not complete."""
        return any(one.action is SweepAction.STUCK for one in self.swept)

    def data(self) -> dict[str, object]:
        """The document `gatewayctl.sweep/2`."""
        rows = [
            {
                "app": one.leftover.app,
                "kind": one.leftover.kind.value,
                "release": one.leftover.release,
                "found": one.leftover.detail,
                "done": _describe_action(one),
                "hint": _hint(one),
            }
            for one in self.swept
        ]
        return {"schema": "gatewayctl.sweep/2", "leftovers": rows}

    def text(self) -> str:
        """One line per leftover, and one more for a hint."""
        lines = []
        for one in self.swept:
            lines.append(f"{one.leftover.app}: {one.leftover.kind}: {one.leftover.detail}: {_describe_action(one)}")
            if hint := _hint(one):
                lines.append(f"  → {hint}")
        return "\n".join(lines) or "nothing is left behind"


def _describe_action(swept: Swept) -> str:
    return f"{swept.action}: {swept.reason}" if swept.reason else swept.action.value


def _hint(swept: Swept) -> str:
    """What a person has to do, where a person has to."""
    if swept.action is SweepAction.STUCK:
        return command_of(NextStep.RESUME, swept.leftover.app)
    return swept.leftover.hint
