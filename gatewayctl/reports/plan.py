"""A plan: the steps of a release, and the exact diff of every write."""

from dataclasses import dataclass

from gatewayctl.domain.plan import Plan
from gatewayctl.domain.release import repository_of


@dataclass(frozen=True, slots=True)
class PlanReport:
    """What `plan` shows, and what the evidence of a release keeps of its plan."""

    plan: Plan

    def data(self) -> dict[str, object]:
        """The document `gatewayctl.plan/1`."""
        plan = self.plan
        return {
            "schema": "gatewayctl.plan/1",
            "release": plan.release.id,
            "header": {"name": plan.release.header.name, "value": plan.release.header.value},
            "steps": list(plan.steps),
            "notes": list(self.notes),
            "diffs": [{"name": diff.name, "diff": diff.text} for diff in plan.diffs],
            "basis": dict(plan.basis),
        }

    def text(self) -> str:
        """The steps, numbered, what to look at twice, then the diff of each object and file."""
        steps = [f"{number}. {step}" for number, step in enumerate(self.plan.steps, start=1)]
        notes = [f"note: {note}" for note in self.notes]
        diffs = [f"{diff.name}\n{diff.text}" for diff in self.plan.diffs]
        return "\n".join([*steps, *notes, "", *diffs])

    @property
    def notes(self) -> tuple[str, ...]:
        """What is allowed and may all the same be a mistake, and what the dialect says about the rule."""
        was, becomes = self.plan.release.before, self.plan.release.image
        if repository_of(was) == repository_of(becomes):
            return self.plan.notes
        other = f"the image comes from {repository_of(becomes)}, stable's from {repository_of(was)}"
        return (other, *self.plan.notes)
