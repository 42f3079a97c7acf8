"""What happened that explains a bad end: faults, events, people. What nothing explains is a failure of ours."""

import math
from dataclasses import dataclass, field

from gatewayctl.domain.release import Outcome, Release

PASSING = "passing"  # a fault that costs time, and nothing else
LASTING = "lasting"  # something that a release may rightly fail for
CANARY = "canary"  # something that happened to the canary itself
_BEFORE = 10.0  # seconds in which a process looks at the world before it journals its release
_EXPLAINED = (Outcome.OPEN, Outcome.PROMOTED, Outcome.REJECTED, Outcome.ABORTED)


@dataclass(slots=True)
class Reasons:
    """When each sort of thing last happened to an application, or to all (""), and when each release began (seconds).

    `bad` are the applications whose new image or suites are bad.
    """

    bad: set[str] = field(default_factory=set)
    _last: dict[tuple[str, str], float] = field(default_factory=dict)
    _began: dict[str, float] = field(default_factory=dict)

    def note(self, sort: str, time: float, app: str = "") -> None:
        """It happened now."""
        self._last[app, sort] = time

    def begin(self, release: Release, time: float) -> None:
        """A release is journaled for the first time. Its process looked at the world before that."""
        self._began[release.id] = time

    def has(self, app: str, since: float, *sorts: str) -> bool:
        """Whether one of these sorts of things happened to an application, or to all, since then."""
        return any(self._last.get((place, sort), -math.inf) >= since for sort in sorts for place in ("", app))

    def explain(self, app: str) -> bool:
        """Whether anything happened so far by which a command on an application may fail, one that passes included."""
        return self.has(app, 0.0, LASTING, CANARY, PASSING)

    def why_unexplained(self, old: Release, new: Release, *, passing: bool, blame: bool) -> tuple[str, str] | None:
        """The invariant that a bad end breaks, and how.

        With `passing`, what passes explains nothing; with `blame`, only what happened to the canary explains that it is
        rejected.
        """
        since = self._began[new.id] - _BEFORE
        excuses = (LASTING, CANARY) if passing else (LASTING, CANARY, PASSING)
        ends_badly = new.outcome not in _EXPLAINED and new.outcome is not old.outcome
        if (ends_badly or (new.stuck and not old.stuck)) and not self.has(new.app, since, *excuses):
            said = f"is stuck ({new.stuck})" if new.stuck else f"{new.outcome} ({new.reason})"
            if not (new.app in self.bad and new.outcome.value == "inconclusive"):
                return "I11", f"{new.id} {said}, and nothing explains that"
        blames = new.outcome is Outcome.REJECTED is not old.outcome and new.app not in self.bad
        if blames and not self.has(new.app, since, *((CANARY,) if blame else excuses)):
            return "I11", f"{new.id} blames the canary ({new.reason}), which is good"
        return None
