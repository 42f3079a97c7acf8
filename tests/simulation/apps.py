"""What a schedule is about, drawn from its seed: which applications are released, how good their new image is."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from random import Random

from gatewayctl.domain.apps import AppSpec
from gatewayctl.domain.evidence import Identify
from gatewayctl.domain.release import Load, Mode, Suite, Target, Timings, Trial

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

    def image(self, number: int) -> str:
        """The image of its n-th release."""
        return f"shop/{self.name}:1.{number}{self.quality}"


def target(name: str) -> Target:
    """An application of the shop."""
    return Target(name, name, f"{name}-canary", name, f"{name}-canary", Identify(), "shop", f"/api/{name}")


def draw_app(rng: Random, name: str) -> App:
    """One application as the seed wants it; most are good."""
    return App(
        name=name,
        quality=rng.choice(_QUALITIES),
        suite_outcome=rng.choice(list(SuiteOutcome)) if rng.random() < 0.3 else SuiteOutcome.GOOD,
        mode=rng.choice((Mode.ON_SUCCESS, Mode.ON_SUCCESS, Mode.MANUAL, Mode.STAGED)),
        suite_seconds=rng.choice((0.5, 2.0, 8.0)),
        load_seconds=rng.choice((0.5, 4.0, 90.0)),
        lifetime=rng.choice((30.0, 3600.0, 3600.0)),
        with_load=rng.random() < 0.3,
    )
