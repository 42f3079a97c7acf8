"""Where an application stands, as it was seen: the journal's word beside what the world really shows."""

from dataclasses import dataclass

from gatewayctl.domain.evidence import Attribution
from gatewayctl.domain.phases import has_tests
from gatewayctl.domain.platform import Holder, Probe, Workload
from gatewayctl.domain.release import Phase, Release, Target
from gatewayctl.domain.routing import RouteView


@dataclass(frozen=True, slots=True)
class ReplicaView:
    """One gateway replica: whether it serves the rule of the open release, and what it says."""

    name: str
    traffic: str
    ready: bool
    serves_rule: bool
    said: str


@dataclass(frozen=True, slots=True)
class Survey:
    """One application. `faults` are things that could not be looked at, each with its reason."""

    target: Target
    release: Release | None
    holder: Holder | None
    stable: Workload | None
    canary: Workload | None
    rules: tuple[RouteView, ...]
    replicas: tuple[ReplicaView, ...]
    expired: bool
    faults: tuple[str, ...]

    @property
    def app(self) -> str:
        """The application's name."""
        return self.target.app

    @property
    def active(self) -> bool:
        """Whether a release is open."""
        return self.release is not None and not self.release.ended

    @property
    def next_commands(self) -> tuple[str, ...]:
        """Who may do what now, as commands to copy."""
        app, release = self.app, self.release
        if release is None or release.ended:
            return (f"gatewayctl release {app} --image IMAGE",)
        if release.phase is Phase.WAIT and not self.expired:
            testable = has_tests(release) and not release.tested
            return (f"gatewayctl {'smoke' if testable else 'promote'} {app}", f"gatewayctl abort {app}")
        if self.holder and not release.stuck:
            return (f"gatewayctl abort {app}",)
        return (f"gatewayctl resume {app}", f"gatewayctl abort {app}")


@dataclass(frozen=True, slots=True)
class Reply:
    """One request as QA sends it, and who answered. Seconds."""

    replica: str
    address: str
    probe: Probe
    status: int
    who: Attribution
    said: str
    body: str
    seconds: float
