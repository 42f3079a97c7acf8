"""How a command that moves a release ended: the release, what a person has to do, where the evidence is."""

from dataclasses import dataclass

from gatewayctl.domain.phases import row_of
from gatewayctl.domain.release import Release
from gatewayctl.domain.survey import NextStep
from gatewayctl.reports.commands import command_of
from gatewayctl.reports.release import explain, release_data


@dataclass(frozen=True, slots=True)
class ReleaseEnd:
    """The release as the command left it, with the folder of its evidence; empty when none could be made."""

    release: Release
    folder: str

    def data(self) -> dict[str, object]:
        """The document `gatewayctl.release/1` with `evidence`."""
        return {**release_data(self.release), "evidence": self.folder}

    def text(self) -> str:
        """How it ended, and where the evidence is."""
        return f"{_describe(self.release)}\nevidence: {self.folder or 'none could be kept'}"


@dataclass(frozen=True, slots=True)
class JobEnd:
    """The release that a Job made, with the name and namespace of the Job."""

    release: Release
    job: str
    namespace: str

    def data(self) -> dict[str, object]:
        """The document `gatewayctl.release/1` with `job`."""
        return {**release_data(self.release), "job": self.job}

    def text(self) -> str:
        """How it ended, and in which Job."""
        return f"{_describe(self.release)}\njob: {self.job} in {self.namespace}"


@dataclass(frozen=True, slots=True)
class DemoEnd:
    """The release of a demo that left nothing behind.

    `stable` is the image that stable runs now, `customers` what those of a ramp saw; empty without a ramp.
    """

    release: Release
    stable: str
    folder: str
    customers: str = ""

    def data(self) -> dict[str, object]:
        """The document `gatewayctl.release/1` with `proven` and `evidence`."""
        return {**release_data(self.release), "proven": self._proven(), "evidence": self.folder}

    def text(self) -> str:
        """What was proven, and where the evidence is."""
        return "\n".join([*self._proven(), f"evidence: {self.folder}"])

    def _proven(self) -> list[str]:
        passed = ((row_of(note.phase), note.text) for note in self.release.notes if note.mark == "✓")
        return [
            explain(self.release),
            *(f"{row.summary:<9} {text}" for row, text in passed if row and row.summary),
            *([f"customers {self.customers}"] if self.customers else []),
            f"after     routes byte for byte as before, canary at 0, stable runs {self.stable}",
        ]


def _describe(release: Release) -> str:
    """Which release it is, how it ended, and the commands that take it on where it is stuck."""
    ended = f"{release.id}: {explain(release)}"
    if not release.stuck:
        return ended
    resume, abort = (command_of(step, release.app) for step in (NextStep.RESUME, NextStep.ABORT))
    return f"{ended}\n  → {resume}, or {abort}"
