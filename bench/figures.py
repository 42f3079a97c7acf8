"""A figure: what was measured, beside what it is compared with, both in the same run on the same machine.

A figure alone says more of the machine than of us; so there is none without a baseline, and what is judged is stated
with it. Quantiles are nearest rank: each is a value that was really seen.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Samples:
    """Values of one kind, in the order they were taken. Raises ValueError without any: no data is no figure."""

    label: str
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError(f"{self.label}: nothing was measured")

    def quantile(self, q: float) -> float:
        """The value below or at which a share `q` (0..1) lies; nearest rank."""
        return sorted(self.values)[max(1, math.ceil(q * len(self.values))) - 1]

    @property
    def median(self) -> float:
        """The middle; between the two middle ones where there are two."""
        return median(self.values)

    @property
    def deviation(self) -> float:
        """The median distance from the median (MAD)."""
        return median(abs(value - self.median) for value in self.values)


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure must not exceed: its P95, its median, its ratio to the baseline; None where nothing is asked."""

    p95: float | None = None
    median: float | None = None
    ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table. `unit` is of both samples; `note` says what a reader would otherwise get wrong."""

    name: str
    unit: str
    ours: Samples
    baseline: Samples
    target: Target = Target()
    note: str = ""

    @property
    def ratio(self) -> float:
        """Our median over the baseline's; nan where the baseline's is 0."""
        return self.ours.median / self.baseline.median if self.baseline.median else math.nan

    @property
    def missed(self) -> tuple[str, ...]:
        """Each part of the target that was not reached, in words."""
        asked = (
            ("P95", self.ours.quantile(0.95), self.target.p95),
            ("median", self.ours.median, self.target.median),
            ("ratio", self.ratio, self.target.ratio),
        )
        # `not <=` and not `>`: a ratio that is nan has not reached anything.
        return tuple(
            f"{what} {found:.3g}, not {most:.3g}"
            for what, found, most in asked
            if most is not None and not found <= most
        )


def figure(name: str, unit: str, ours: Sequence[float], baseline: tuple[str, Sequence[float]]) -> Figure:
    """A figure without target or note; `baseline` is its label and its values."""
    label, values = baseline
    return Figure(name, unit, Samples("gatewayctl", tuple(ours)), Samples(label, tuple(values)))
