"""The ended releases of an application."""

from dataclasses import dataclass

from gatewayctl.domain.release import Release
from gatewayctl.reports.release import explain, moment, release_data


@dataclass(frozen=True, slots=True)
class HistoryReport:
    """What `history` shows: releases, newest first."""

    app: str
    releases: tuple[Release, ...]

    def data(self) -> dict[str, object]:
        """The document `gatewayctl.history/1`."""
        releases = [release_data(release) for release in self.releases]
        return {"schema": "gatewayctl.history/1", "app": self.app, "releases": releases}

    def text(self) -> str:
        """One line per release."""
        lines = [f"{moment(one.created)}  {one.id}  {explain(one)}  (by {one.actor})" for one in self.releases]
        return "\n".join(lines) or f"{self.app} has no ended release"
