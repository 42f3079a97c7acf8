"""One edit of a real file and its way back, the same for every dialect."""

from collections.abc import Callable
from dataclasses import dataclass

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule, Change, Files
from gatewayctl.ports import Dialect


@dataclass(frozen=True)
class Tried:
    """What became of one service of one file."""

    service: str
    routes: int
    outcome: str


def edited_and_restored(
    dialect: Dialect, files: Files, rule: CanaryRule, judged: Callable[[Files, Change], str]
) -> Tried:
    """Insert, insert again, remove; `judged` asserts what the product thinks of the edit and says what to show."""
    try:
        change = dialect.insert(files, rule)
    except Refused as why:
        return Tried(rule.service, 0, f"refused: {why}")
    after = change.apply(files)
    assert after != files
    shown = judged(after, change)
    assert dialect.insert(after, rule).stages == ()
    assert dialect.remove(after, rule.app).apply(after) == files
    return Tried(rule.service, len(change.covered), f"edited and restored{shown}")
