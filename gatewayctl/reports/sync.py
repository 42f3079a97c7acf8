"""Where a canary Deployment differed from stable, and what was done about it."""

from dataclasses import dataclass

from gatewayctl.domain.twins import TwinSync


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What `sync` did for an application."""

    app: str
    sync: TwinSync

    def data(self) -> dict[str, object]:
        """The document `gatewayctl.sync/1`."""
        rows = [{"path": one.path, "stable": one.stable, "canary": one.canary} for one in self.sync.differences]
        return {"schema": "gatewayctl.sync/1", "app": self.app, "done": self.sync.outcome.value, "changes": rows}

    def text(self) -> str:
        """One line per difference, then the outcome."""
        lines = [f"{one.path}: {one.canary} → {one.stable}" for one in self.sync.differences]
        return "\n".join([*lines, f"{self.sync.canary}: {self.sync.outcome}"])
