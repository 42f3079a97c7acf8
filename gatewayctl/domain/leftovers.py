"""What a release can leave behind, and what `sweep` does about it."""

from dataclasses import dataclass
from enum import StrEnum


class LeftoverKind(StrEnum):
    """What can be left behind."""

    EXPIRED = "expired release"
    ORPHAN = "rule without a release"
    LONE_CANARY = "canary without a release"
    IDLE = "release that nobody drives"


SWEPT = frozenset({LeftoverKind.EXPIRED, LeftoverKind.ORPHAN})
"""The kinds that are certainly gatewayctl's, so that `sweep` may remove them."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing that was left behind: `detail` is what was seen, `hint` is what to do if `sweep` may not remove it.

    `release` is the id of the release that it is about; empty where there is none.
    """

    app: str
    kind: LeftoverKind
    detail: str
    hint: str = ""
    release: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether `sweep` may remove it."""
        return self.kind in SWEPT


class SweepAction(StrEnum):
    """What `sweep` did about a leftover."""

    SWEPT = "swept"
    NOT_WRITTEN = "would be swept"
    LEFT_ALONE = "left alone"
    STUCK = "stuck"


@dataclass(frozen=True, slots=True)
class Swept:
    """A leftover and what was done about it; `reason` says why the way out is stuck, where it is."""

    leftover: Leftover
    action: SweepAction
    reason: str = ""
