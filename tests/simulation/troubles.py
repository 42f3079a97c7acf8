"""What a seed's world may be like for the whole schedule, and how strictly it is judged; each is a named draw.

A draw named `trouble / NAME #1` or `strict / NAME #1` switches one on or off in one schedule. What is in OFF is drawn
in no schedule, because the product cannot stand it yet; it can still be forced. Taken out of OFF, it is switched on.
"""

from enum import StrEnum

from tests.simulation.draws import Draws


class Trouble(StrEnum):
    """Trouble that is passing, or that a gateway or cluster is like. None of it may cost a good release."""

    LATE_NEWS = "moved is told late"
    OLD_READS = "reads are as old as the port says"
    OLD_LISTS = "replicas are listed as late as the port says"
    OBJECTS = "the routes are several objects"
    ELSEWHERE = "somebody has the configuration of another gateway"
    OUTAGE = "the API is away"
    FULL_DISK = "evidence cannot be written"
    HANGING = "a replica lets requests hang"
    SILENT = "a source of signals says nothing"
    MUTE = "the gateway cannot be asked"
    STAMPLESS = "the gateway cannot stamp answers"
    SLOW_WORKERS = "a replica answers by its old files for a while after it shows the new ones"
    GHOST = "a pod is terminating for ever"
    LATE_AVAILABLE = "pods are available some time after they are ready"
    UNSCHEDULABLE = "pods find no node for a while"


class Strict(StrEnum):
    """Judgements that the product cannot meet yet."""

    EXPIRY = "nothing is promoted after its expiry"
    ONE_RELEASE = "a command means one release"
    PASSING = "passing trouble costs no release"
    BLAME = "the canary is blamed for nothing else"


SHARE = 0.15  # of all schedules have each of them
OFF: frozenset[Trouble | Strict] = frozenset()


def draw_troubles(draws: Draws) -> frozenset[Trouble]:
    """The troubles of a seed."""
    return frozenset(one for one in Trouble if draws.chance(f"trouble / {one}", 0.0 if one in OFF else SHARE))


def draw_strictness(draws: Draws) -> frozenset[Strict]:
    """What a seed is judged by: all that is switched on."""
    return frozenset(one for one in Strict if draws.chance(f"strict / {one}", 0.0 if one in OFF else 1.0))
