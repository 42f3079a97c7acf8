"""Where a canary's Pods differ from stable's, and what became of the attempt to bring them in line."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the canary's Pods would not be like stable's; secret values are hidden."""

    path: str
    stable: str
    canary: str

    def __str__(self) -> str:
        return f"{self.path}: {self.stable} -> {self.canary}"


class SyncOutcome(StrEnum):
    """What `sync` did."""

    WRITTEN = "written"
    NOT_WRITTEN = "not written"
    NOTHING_TO_DO = "nothing to do"


@dataclass(frozen=True, slots=True)
class TwinSync:
    """The differences that `sync` found between stable and the Deployment `canary`, and what it did about them."""

    canary: str
    differences: tuple[Difference, ...]
    outcome: SyncOutcome
