"""What a schedule is about, drawn from its seed: which applications are released, how good their new image is."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gatewayctl.domain.apps import AppSpec
from gatewayctl.domain.evidence import Identify
from gatewayctl.domain.ramp import Promotion, Ramp, Step, Undecided
from gatewayctl.domain.release import Mode, Phase, Target
from gatewayctl.domain.trial import Load, Suite, Timings, Trial
from tests.simulation.draws import Draws
from tests.simulation.faults import OF_SHARES
from tests.simulation.signals import judging

HERE = str(Path(__file__))  # suites must exist, and this one does
LOAD = Load(HERE)
_RAMPED, _STEERED = 0.15, 0.12  # of all applications: to count a share takes many requests
_SHARES = ((50,), (10, 50), (20, 50, 100))
_NOBODY = "nobody"
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
    ramp: Ramp
    promotion: Promotion

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
                ramp=self.ramp,
                promotion=self.promotion,
            ),
        )

    @property
    def trial_has_shares(self) -> bool:
        """Whether its canary gets unmarked requests at some time."""
        return bool(self.ramp.steps) or self.promotion is Promotion.STEERED

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


def draw_app(draws: Draws, name: str, dies_in: Phase | None) -> App:
    """One application as the seed wants it; most are good. It has shares where a driver shall die in their phases."""
    good = draws.chance(f"{name} / suites are good", 0.7)
    ramped = draws.chance(f"{name} / has a ramp", 1.0 if dies_in in OF_SHARES else _RAMPED)
    steered = draws.chance(f"{name} / promotion is steered", 1.0 if dies_in is Phase.CARRY else _STEERED)
    return App(
        name=name,
        quality=draws.choice(f"{name} / quality", _QUALITIES),
        suite_outcome=SuiteOutcome.GOOD if good else draws.choice(f"{name} / suite outcome", list(SuiteOutcome)),
        mode=draws.choice(f"{name} / mode", (Mode.ON_SUCCESS, Mode.ON_SUCCESS, Mode.MANUAL, Mode.STAGED)),
        suite_seconds=draws.choice(f"{name} / suite seconds", (0.5, 2.0, 8.0)),
        load_seconds=draws.choice(f"{name} / load seconds", (0.5, 4.0, 90.0)),
        lifetime=draws.choice(f"{name} / lifetime", (30.0, 3600.0, 3600.0)),
        with_load=draws.chance(f"{name} / with load", 0.3),
        ramp=_draw_ramp(draws, name) if ramped else Ramp(),
        promotion=Promotion.STEERED if steered else Promotion.ROLLING,
    )


def _draw_ramp(draws: Draws, name: str) -> Ramp:
    """One to three steps; the last one may need a second canary Pod. Nobody judges some of them."""
    shares = draws.choice(f"{name} / shares", _SHARES)
    seconds = draws.choice(f"{name} / step seconds", (0.5, 4.0, 15.0))
    more = draws.choice(f"{name} / canary replicas of the last step", (0, 2))
    steps = (*(Step(share, seconds) for share in shares[:-1]), Step(shares[-1], seconds, more))
    undecided = draws.choice(f"{name} / what an undecided judge does", (_NOBODY, *Undecided))
    return Ramp(steps, judging(Undecided(undecided)) if undecided != _NOBODY else None)
