"""What a schedule is about, drawn from its seed: which applications are released, how good their new image is."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gatewayctl.domain.apps import AppSpec
from gatewayctl.domain.evidence import Identify
from gatewayctl.domain.release import Mode, Target
from gatewayctl.domain.trial import Load, Suite, Timings, Trial
from tests.simulation.draws import Draws

HERE = str(Path(__file__))  # suites must exist, and this one does
LOAD = Load(HERE)
_QUALITIES = (*("",) * 9, "-crash", "-unready", "-stuck")


class SuiteOutcome(StrEnum):
    """How the suites of a release go."""

    GOOD = "good"
    FAILING = "failing"
    VACUOUS = "vacuous"
    KILLED = "killed"
    SLOW = "slow"


@dataclass(frozen=True, slots=True)
class App:
    """One application of a schedule. `quality` is how its new image ends: as it should, or not. Seconds."""

    name: str
    quality: str
    suite_outcome: SuiteOutcome
    mode: Mode
    suite_seconds: float
    load_seconds: float
    lifetime: float
    with_load: bool

    @property
    def spec(self) -> AppSpec:
        """As its team describes it."""
        return AppSpec(
            target=target(self.name),
            header="x-canary",
            value="",
            standing=False,
            trial=Trial(
                suite=Suite(HERE),
                load=LOAD if self.with_load else None,
                timings=Timings(ready=20.0, live=20.0, drain=5.0, time_to_live=self.lifetime),
            ),
        )

    @property
    def is_bad(self) -> bool:
        """Whether a release of it is rejected for good reasons."""
        return bool(self.quality) or self.suite_outcome is not SuiteOutcome.GOOD

    def image(self, number: int) -> str:
        """The image of its n-th release."""
        return f"shop/{self.name}:1.{number}{self.quality}"


def target(name: str) -> Target:
    """An application of the shop."""
    return Target(name, name, f"{name}-canary", name, f"{name}-canary", Identify(), "shop", f"/api/{name}")


def draw_app(draws: Draws, name: str) -> App:
    """One application as the seed wants it; most are good."""
    good = draws.chance(f"{name} / suites are good", 0.7)
    return App(
        name=name,
        quality=draws.choice(f"{name} / quality", _QUALITIES),
        suite_outcome=SuiteOutcome.GOOD if good else draws.choice(f"{name} / suite outcome", list(SuiteOutcome)),
        mode=draws.choice(f"{name} / mode", (Mode.ON_SUCCESS, Mode.ON_SUCCESS, Mode.MANUAL, Mode.STAGED)),
        suite_seconds=draws.choice(f"{name} / suite seconds", (0.5, 2.0, 8.0)),
        load_seconds=draws.choice(f"{name} / load seconds", (0.5, 4.0, 90.0)),
        lifetime=draws.choice(f"{name} / lifetime", (30.0, 3600.0, 3600.0)),
        with_load=draws.chance(f"{name} / with load", 0.3),
    )
