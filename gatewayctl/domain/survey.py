"""The state of an application: what the journal says, beside what was seen of workloads, rules and replicas."""

from dataclasses import dataclass
from enum import Enum, auto

from gatewayctl.domain.evidence import Attribution
from gatewayctl.domain.phases import ROWS, has_tests, needs_ramp
from gatewayctl.domain.platform import Holder, Probe, Workload
from gatewayctl.domain.release import Phase, Release, Target
from gatewayctl.domain.routing import RouteView
from gatewayctl.domain.stages import Stage


class NextStep(Enum):
    """What a person may do next with an application."""

    RELEASE = auto()
    SMOKE = auto()
    RAMP = auto()
    PAUSE = auto()
    SKIP = auto()
    PROMOTE = auto()
    ABORT = auto()
    RESUME = auto()


def awaited(waiting: Release) -> NextStep:
    """What a release that waits is waiting for."""
    if has_tests(waiting) and not waiting.tested:
        return NextStep.SMOKE
    return NextStep.RAMP if needs_ramp(waiting) else NextStep.PROMOTE


@dataclass(frozen=True, slots=True)
class ReplicaView:
    """One gateway replica: whether it serves the rule of the open release; `detail` is what was seen of that."""

    name: str
    traffic: str
    ready: bool
    serves_rule: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Survey:
    """One application. `faults` are the reasons why something could not be looked at.

    `expired`: its release is too old to promote. `uncovered` are those of its `routes` (a number) that the rule of the
    open release does not have. `start` is the command that starts the platform, if it is stopped.
    """

    target: Target
    release: Release | None
    holder: Holder | None
    stable: Workload | None
    canary: Workload | None
    rules: tuple[RouteView, ...]
    replicas: tuple[ReplicaView, ...]
    expired: bool
    faults: tuple[str, ...]
    uncovered: tuple[RouteView, ...] = ()
    routes: int = 0
    start: str = ""

    @property
    def app(self) -> str:
        """The application's name."""
        return self.target.app

    @property
    def active(self) -> bool:
        """Whether a release is open."""
        return self.release is not None and not self.release.ended

    @property
    def next_steps(self) -> tuple[NextStep, ...]:
        """What a person may do now, the likeliest first."""
        release = self.release
        if release is None or release.ended:
            return (NextStep.RELEASE,)
        if self.expired:
            return (NextStep.ABORT,)
        if release.phase is Phase.WAIT:
            return (awaited(release), NextStep.ABORT)
        if release.phase is Phase.PAUSED:
            return (NextStep.RESUME, NextStep.SKIP, NextStep.ABORT)
        if self.holder and ROWS[release.phase].stage is Stage.RAMP:
            return (NextStep.ABORT, NextStep.PAUSE, NextStep.SKIP)
        if self.holder and not release.stuck:
            return (NextStep.ABORT,)
        return (NextStep.RESUME, NextStep.ABORT)


@dataclass(frozen=True, slots=True)
class Reply:
    """One request as QA sends it, and which version answered; `detail` is what the answer showed. Seconds."""

    replica: str
    address: str
    probe: Probe
    status: int
    who: Attribution
    detail: str
    body: str
    seconds: float
