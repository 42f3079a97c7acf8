"""What a proof rests on: which replicas a process asked for what since its step began.

A proof that passes names what it covered (I6). So a step that says *proven* must have asked each replica that served
from its beginning to its end, in each way that the world offers.
"""

from collections import defaultdict
from collections.abc import Iterable

from gatewayctl.domain.platform import Probe
from gatewayctl.domain.release import Phase, Release

RULE, MARKED, IN_FLIGHT = "its rule", "a marked request", "requests in flight"
LEAKS = ("no header", "a wrong value", "an empty value", "another case", "the header twice", "a list of values")
_ROUTED = frozenset(
    {
        (Phase.PROVE, Phase.LEAKS),
        (Phase.CONFIRM, Phase.PROMOTE),
        (Phase.CONFIRM, Phase.CARRY),
        (Phase.CARRY, Phase.PROMOTE),
        (Phase.SHARE, Phase.OBSERVE),
    }
)
_SHARED = (Phase.SHARE, Phase.CARRY)
_LEAKS = {Phase.LEAKS, Phase.CONFIRM}


class Coverage:
    """What one process asked since its step began, by replica; `since` is when that was (seconds)."""

    def __init__(self) -> None:
        self.since = 0.0
        self._asked: dict[str, set[str]] = defaultdict(set)

    def begin(self, time: float) -> None:
        """A new step."""
        self.since = time
        self._asked.clear()

    def note(self, replica: str, what: str) -> None:
        """It asked a replica for this."""
        self._asked[replica].add(what)

    def find_missing(self, replicas: Iterable[str], wanted: Iterable[str]) -> str:
        """The first thing that one of these replicas was not asked; empty when each was asked all."""
        for replica in replicas:
            for what in wanted:
                if what not in self._asked[replica]:
                    return f"{replica} was not asked for {what}"
        return ""


def wanted_for(old: Release, new: Release, *, mute: bool, counts: bool) -> tuple[str, ...]:
    """What every replica must have been asked before a release may go from `old` to `new`."""
    rule = () if mute else (RULE,)
    wanted: tuple[str, ...] = ()
    if (old.phase, new.phase) in _ROUTED:
        wanted += (*rule, MARKED, *((LEAKS[0],) if old.phase in _SHARED else ()))
    if old.phase is Phase.RETURN and new.phase is not Phase.RETURN:
        wanted += (*rule, LEAKS[0])
    if old.phase in _LEAKS and _goes_on(old, new):
        wanted += (*LEAKS, *(f"neighbour {near.app}" for near in new.neighbours))
    if (old.phase, new.phase) == (Phase.CLEAR, Phase.DRAIN):
        wanted += (*rule, MARKED)
    if (old.phase, new.phase) == (Phase.COOL, Phase.DONE) and not new.keeps_rule:
        wanted += (*rule, MARKED)
    if (old.phase, new.phase) == (Phase.DRAIN, Phase.COOL) and counts and not mute:
        wanted += (IN_FLIGHT,)
    return wanted


def proves_all(old: Release, new: Release) -> bool:
    """Whether this move says that every replica was proven, which none can be that is down."""
    return (old.phase, new.phase) in _ROUTED or (old.phase in _LEAKS and _goes_on(old, new))


def _goes_on(old: Release, new: Release) -> bool:
    return new.outcome is old.outcome and new.phase is not old.phase


def name_of(probe: Probe, release: Release) -> str:
    """What a request asks: whether it is marked for this release, or how it is not."""
    name, value = release.header.name, release.header.value
    values = [sent for header, sent in probe.headers if header == name]
    if probe.path != release.target.path:
        near = next((one.app for one in release.neighbours if one.path == probe.path), probe.path)
        return f"neighbour {near}" if values == [value] else f"{probe.path} unmarked"
    if values == [value]:
        return MARKED
    return _unmarked(values, value)


def _unmarked(values: list[str], value: str) -> str:
    no_header, wrong, empty, other_case, twice, comma = LEAKS
    match values:
        case []:
            return no_header
        case [""]:
            return empty
        case [one] if "," in one:
            return comma
        case [one] if one.lower() == value.lower():
            return other_case
        case [_]:
            return wrong
        case _:
            return twice
